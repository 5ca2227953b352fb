"""nbconvert exporter ``aether_html``.

Apart from `aethermodel.report.html.document`, as nbconvert takes seconds to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aethermodel.execute.address_formats  # noqa: F401  before nbconvert  # isort: skip
from nbconvert.exporters.exporter import Exporter
from traitlets import Unicode, default

from aethermodel.report.html.cells import build_page
from aethermodel.report.html.notebook import Notebook
from aethermodel.report.html.template import fill
from aethermodel.report.outputs.losses import told

if TYPE_CHECKING:
    from nbformat import NotebookNode


class AetherHTMLExporter(Exporter):  # type: ignore[misc]  # nbconvert is untyped
    """nbconvert exporter ``aether_html``: what its preprocessors left, as the project's page."""

    export_from_notebook = "Aether report (HTML)"
    output_mimetype = "text/html"

    title = Unicode("", help="Title of the page; the notebook's own when empty.").tag(config=True)

    @default("file_extension")
    def _html(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **settings: Any
    ) -> tuple[str, Any]:
        """Return the page, and nbconvert's resources."""
        notebook, resources = super().from_notebook_node(nb, resources, **settings)
        page = build_page(Notebook.model_validate(notebook), self.title)
        for line in told(page.losses):
            self.log.warning("%s", line)
        return fill(page), resources
