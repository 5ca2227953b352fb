"""Faults that an executed notebook may not show, for the tests and for the pages of the site."""

import re
from html import unescape
from typing import Any

# Of programs and not of readers: an exponent, a truth value, a name with underscores.
_RAW_CELL = re.compile(r"-?[\d.]+e[-−+]?\d+|True|False|nan|None|inf")


def amiss(notebook: Any) -> list[str]:
    """Return what an executed notebook shows and should not, or should and does not.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    """
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    shown = "".join(str(o.get("data", {}).get("text/html", "")) for o in outputs)
    found = [f"an error: {o.evalue}" for o in outputs if o.output_type == "error"]
    # Neither red blocks nor tables that pandas cuts short, without units.
    stderr = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    found += [f"standard error: {text}" for text in stderr]
    if 'class="dataframe"' in shown:
        found.append("a table as pandas prints it")
    if "<svg" not in shown:
        found.append("no figure")
    return found + [f"raw behind a figure: {cell}" for cell in raw_cells(shown)]


def raw_cells(page: str) -> list[str]:
    """Return cells and heads of the tables behind a page's figures that nobody made readable."""
    tables = "".join(re.findall(r'(?s)aria-label="Data">(.*?)</table>', page))
    cells = [unescape(cell) for cell in re.findall(r"<td[^>]*>([^<]*)</td>", tables)]
    heads = [unescape(head) for head in re.findall(r"<th[^>]*>([^<]*)</th>", tables)]
    return [cell for cell in cells if _RAW_CELL.fullmatch(cell)] + [h for h in heads if "_" in h]
