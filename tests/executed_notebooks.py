"""Faults that an executed notebook may not show, for the tests and for the pages of the site."""

from typing import Any


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
    return found
