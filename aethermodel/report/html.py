"""One HTML file from an executed notebook: no script, no network, nothing beside it.

``jupyter nbconvert --to aether_html`` runs the same exporter.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbconvert.exporters.templateexporter import TemplateExporter
from traitlets import Unicode, default

from aethermodel.documents import write_whole
from aethermodel.report.cells import Page, build_page
from aethermodel.report.css import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterable


class AetherHTMLExporter(TemplateExporter):  # type: ignore[misc]  # nbconvert is untyped
    """nbconvert exporter ``aether_html``: a report of its own, with the project's template."""

    export_from_notebook = "Aether report (HTML)"
    output_mimetype = "text/html"

    title = Unicode("", help="Title of the page; the notebook's own when empty.").tag(config=True)

    @default("file_extension")
    def _html(self) -> str:
        return ".html"

    @default("template_name")
    def _template(self) -> str:
        return "aether"

    @default("extra_template_basedirs")
    def _templates(self) -> list[str]:
        return [str(TEMPLATES)]

    def default_filters(self) -> Iterable[tuple[str, Any]]:
        """Yield nbconvert's filters and ours, which makes the page."""
        yield from super().default_filters()
        yield "aether_page", self._page

    def _page(self, notebook: nbformat.NotebookNode) -> Page:
        return build_page(notebook, self.title)


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
    notebook = _read(Path(executed_notebook_path))
    body, _ = AetherHTMLExporter(title=title or "").from_notebook_node(notebook)
    target = Path(output_path)
    write_whole(target, body)
    return target


def _read(path: Path) -> nbformat.NotebookNode:
    text = path.read_bytes()
    with warnings.catch_warnings():
        # Cell ids missing from older notebooks are of no use here.
        warnings.simplefilter("ignore")
        try:
            notebook = nbformat.reads(text.decode("utf-8"), as_version=4)
            nbformat.validate(notebook)
        except Exception as error:  # a broken notebook fails in many ways, KeyError among them
            reason = " ".join(str(error).split())[:160]
            raise ValueError(f"{path} is not a readable notebook: {reason}") from None
    return notebook
