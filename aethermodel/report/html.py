"""One HTML file from an executed notebook: no script, no network, nothing beside it.

``jupyter nbconvert --to aether_html`` makes the same page (`aethermodel.report.exporter`).
"""

from __future__ import annotations

import os
from pathlib import Path

from aethermodel.documents import write_whole
from aethermodel.report.cells import build_page
from aethermodel.report.notebook import read_notebook
from aethermodel.report.template import fill


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
    notebook = read_notebook(Path(executed_notebook_path))
    target = Path(output_path)
    write_whole(target, fill(build_page(notebook, title or "")))
    return target
