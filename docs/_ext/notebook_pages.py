"""Sphinx pages of the notebooks: executed with small parameters, exported as reports.

Their figures show what a notebook looks like, and are no measurements to quote.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError
from sphinx.util.display import status_iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def _export(app: Any, _error: Exception | None) -> None:
    if _error or app.builder.format != "html":
        return
    import nbformat
    from executed_notebooks import amiss  # of the tests, which run the short ones

    from aethermodel.execute.notebooks import execute
    from aethermodel.report.html.document import export

    logging.getLogger("papermill").setLevel(logging.WARNING)
    parameters: dict[str, dict[str, Any]] = app.config.notebook_parameters
    folder = Path(app.outdir) / "notebooks"
    work = Path(app.doctreedir) / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    sources = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("examples/*/*.ipynb")])
    for source in status_iterator(
        sources, "executing notebooks... ", length=len(sources), stringify_func=lambda p: p.name
    ):
        page = folder / f"{source.stem}.html"
        if page.exists() and page.stat().st_mtime > source.stat().st_mtime:
            continue
        executed = work / source.name
        execute(str(source), executed, parameters.get(source.name, {}), lambda *_: None)
        if found := amiss(nbformat.read(executed, as_version=4)):
            raise ExtensionError(f"{source.name} shows {'; '.join(found)}")
        export(executed, page)


def setup(app: Any) -> dict[str, bool]:
    """Register the export after the pages are written."""
    app.add_config_value("notebook_parameters", {}, "env")
    app.connect("build-finished", _export)
    return {"parallel_read_safe": True}
