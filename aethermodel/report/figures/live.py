"""Live view of a bus's instruments in JupyterLab. Needs the extra ``lab``."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from aethermodel.bus.instruments import Instruments
from aethermodel.report.figure import table_html


def instruments_html(instruments: Instruments) -> str:
    """Return the instruments as two tables: the whole bus, and each topic."""
    import pandas as pd

    figures = instruments.summary()
    whole = pd.DataFrame({"instrument": list(figures), "value": list(figures.values())})
    topics = instruments.table().reset_index()
    return table_html(whole, "The bus") + table_html(topics, "Its topics")


def live(instruments: Instruments, every_seconds: float = 1.0) -> Any:
    """Return a widget that follows a bus for as long as the event loop runs.

    Parameters
    ----------
    instruments : Instruments
    every_seconds : float
        Between two looks; at least 0.1.

    Returns
    -------
    ipywidgets.HTML
        Its ``stop()`` ends it.

    Raises
    ------
    ValueError
        If it is to look more often.
    RuntimeError
        Outside an event loop, such as that of a notebook.
    """
    if not every_seconds >= 0.1:
        raise ValueError(f"look at most every 0.1 s, not every {escape(str(every_seconds))}")
    import ipywidgets

    loop = asyncio.get_running_loop()
    widget = ipywidgets.HTML(instruments_html(instruments))

    async def follow() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            widget.value = instruments_html(instruments)

    task = loop.create_task(follow())
    widget.stop = task.cancel
    return widget
