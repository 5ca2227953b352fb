"""Comparison tables and notebooks that the report's tests share."""

from pathlib import Path

import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def comparison_table() -> pd.DataFrame:
    """Return four batch sizes that are easy to recompute: 2 us fixed and 10 ns a message."""
    rows = []
    for n, error in ((1, 0.10), (100, -0.05), (1_000, 0.0), (10_000, 0.02)):
        predicted = 2e-6 + 1e-8 * n
        measured = predicted * (1 + error)
        rows.append(
            {
                "n": n,
                "label": "loopback",
                "measured_seconds": measured,
                "measured_low": measured * 0.97,
                "measured_high": measured * 1.04,
                "predicted_seconds": predicted,
                "predicted_low": predicted * 0.9,
                "predicted_high": predicted * 1.1,
                "loop_seconds": 1.5e-6,
                "ffi_seconds": 1e-7,
                "kernel_seconds": 1e-8 * n,
                "fabric_seconds": 4e-7,
                "held_out": n == 1_000,
            }
        )
    return pd.DataFrame(rows)


def shown(data, metadata=None, **cell):
    """Return a code cell with one display output."""
    output = new_output("display_data", data=data, metadata=metadata or {})
    return new_code_cell("show()", outputs=[output], execution_count=7, **cell)


def write_notebook(folder: Path, *cells, **metadata) -> Path:
    """Write cells as a notebook and return its path."""
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    path = folder / "executed.ipynb"
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), path)
    return path


def report_cells() -> list:
    """Return the cells of a report as notebook 30 makes it: verdict, figures, formula, tables."""
    import sympy

    from aethermodel import report

    n, loop, event = sympy.symbols("N T_loop t_event", positive=True)
    total = sympy.Eq(sympy.Symbol("T_batch"), loop + sympy.Max(event * n, loop))
    table = comparison_table()
    objects = [
        report.summary_block("pass", "Fast enough.", "Words.", [("Rate", "98 M msg/s")]),
        report.measured_vs_model(table, reference=81.9e6),
        report.measured_vs_model(table, reference=81.9e6),
        report.budget(table),
        report.Formula(total, [(loop, "one tick", "1.5 µs")]),
        report.terms_table([report.TermRow("loop", "per tick", 1.5e-6, expression=loop)]),
        report.host_block({"cpu_model": "a & b"}, "aethermodel report --run"),
    ]
    cells = [shown({"text/html": o._repr_html_(), "text/plain": "object"}) for o in objects]
    headings = [new_markdown_cell(f"## Part {i}\n\n$T_{{loop}} + {i}$") for i in range(4)]
    return [new_markdown_cell("# Title\n\n$$N / T$$"), *headings, *cells]


def write_report_notebook(folder: Path) -> Path:
    """Write `report_cells` as a notebook."""
    return write_notebook(folder, *report_cells())
