"""A page put into the project's template, as a whole document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.report.css import TEMPLATES

if TYPE_CHECKING:
    from aethermodel.report.cells import Page


def fill(page: Page) -> str:
    """Return a page as HTML, under the content security policy of all reports."""
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False)
    return templates.get_template("report.html.j2").render(page=page)
