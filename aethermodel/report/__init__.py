"""Figures, formulas, blocks and the one-file HTML report.

Everything here shows itself in a notebook; `export` writes the executed notebook as a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aethermodel.report.blocks import (
    Block,
    SummaryRow,
    TermRow,
    host_block,
    summary_block,
    terms_table,
)
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure, figure_html
from aethermodel.report.figures.comparison import measured_vs_model
from aethermodel.report.figures.time_budget import budget
from aethermodel.report.math.mathml import Formula, Meaning, mathml
from aethermodel.report.style import use_style

if TYPE_CHECKING:
    from aethermodel.report.html.document import export

__all__ = [
    "Block",
    "Formula",
    "Meaning",
    "ReportFigure",
    "SummaryRow",
    "TermRow",
    "budget",
    "engineering",
    "export",
    "figure_html",
    "host_block",
    "mathml",
    "measured_vs_model",
    "summary_block",
    "terms_table",
    "use_style",
]


def __getattr__(name: str) -> Any:
    # nbconvert takes half a second to import, and a notebook's kernel does not need it.
    if name == "export":
        from aethermodel.report.html.document import export

        return export
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
