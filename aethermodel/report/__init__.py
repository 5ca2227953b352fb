"""Figures, formulas, blocks and the one-file HTML report.

Everything here shows itself in a notebook; `export` writes the executed notebook as a page.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from aethermodel.report.html.document import export
    from aethermodel.report.math.mathml import Formula, Meaning, mathml
    from aethermodel.report.style import use_style

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


# Every command imports one of these modules, and most need no other.
_HOMES = {
    "Block": "blocks",
    "Formula": "math.mathml",
    "Meaning": "math.mathml",
    "ReportFigure": "figure",
    "SummaryRow": "blocks",
    "TermRow": "blocks",
    "budget": "figures.time_budget",
    "engineering": "engineering_notation",
    "export": "html.document",
    "figure_html": "figure",
    "host_block": "blocks",
    "mathml": "math.mathml",
    "measured_vs_model": "figures.comparison",
    "summary_block": "blocks",
    "terms_table": "blocks",
    "use_style": "style",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
