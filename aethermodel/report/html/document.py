"""HTML document of an executed notebook: one file, no script, no network.

``jupyter nbconvert --to aether_html`` makes the same page (`aethermodel.report.html.exporter`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from aethermodel.output_files import write_whole
from aethermodel.report.html.cells import build_page
from aethermodel.report.html.notebook import read_notebook
from aethermodel.report.html.template import fill
from aethermodel.report.outputs.losses import Loss


def export(
    executed_notebook_path: str | os.PathLike[str],
    output_path: str | os.PathLike[str],
    *,
    title: str | None = None,
) -> Path:
    """Write an executed notebook as one HTML file.

    The file is written whole or not at all, and the same notebook gives the same bytes.

    Parameters
    ----------
    executed_notebook_path : path-like
        The notebook; it is not executed here. An error that it holds is shown as one.
    output_path : path-like
        The file to write; its folder is made.
    title : str, optional
        Title of the page; else the notebook's own title or first heading.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    ValueError
        If the file is not a notebook of format 4 (or an older one that can be upgraded).
    OSError
        If a file cannot be read or written.
    """
    return export_page(executed_notebook_path, output_path, title=title).path


class Export(NamedTuple):
    """A page that was written.

    Attributes
    ----------
    path : pathlib.Path
    losses : list of Loss
        What of the notebook it does not show; the page says so in each place.
    """

    path: Path
    losses: list[Loss]


def export_page(
    executed_notebook_path: str | os.PathLike[str],
    output_path: str | os.PathLike[str],
    *,
    title: str | None = None,
) -> Export:
    """Write an executed notebook as `export` does, and tell what the page does not show.

    Parameters
    ----------
    executed_notebook_path, output_path, title
        As for `export`.
    """
    notebook = read_notebook(Path(executed_notebook_path))
    target = Path(output_path)
    page = build_page(notebook, title or "")
    write_whole(target, fill(page))
    return Export(target, page.losses)
