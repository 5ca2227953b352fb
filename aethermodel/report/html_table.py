"""HTML tables from pandas."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aethermodel.report.blocks import Block
from aethermodel.report.figure import table_html

if TYPE_CHECKING:
    import pandas as pd


def data_table(frame: pd.DataFrame | pd.Series[float], caption: str) -> Block:
    """Return a table that notebooks and reports show.

    Parameters
    ----------
    frame : pandas.DataFrame or pandas.Series
        An index with names becomes the first columns; one without is left out.
    caption : str
        Announced before the table to those who do not see it.
    """
    whole = frame.to_frame() if frame.ndim == 1 else frame
    named = [name for name in whole.index.names if name is not None]
    shown = whole.reset_index() if named else whole
    box = f'<div class="ae-scroll" tabindex="0" role="group" aria-label="{escape(caption)}">'
    html = f'<div class="ae">{box}{table_html(shown, caption)}</div></div>'
    return Block(html, shown.to_string(index=False))
