"""Check of the tables that a command prints, in a window of any width."""

import re

from rich.cells import cell_len


def check_tables(text: str, width: int, *, left_out: bool = False) -> None:
    """Assert that tables fit a window, with every number whole and every unit in one form.

    Parameters
    ----------
    text : str
        All that the command printed.
    width : int
        Of its window, in cells.
    left_out : bool
        Whether there stands beside a rate what it leaves out.
    """
    lines = text.splitlines()
    for line in lines:  # words too; a path is never broken
        assert cell_len(line) <= width or " " not in line.strip(), line
    assert not re.search(r"\d us\b|\de[+-]\d|\d%|\(\s*\)", text)  # µs, 3 %, no exponents
    if left_out:
        assert "left out" in text and re.search("all (samples|runs)", text)
    assert any(line and set(line) <= {"─", " "} for line in lines)  # a table's rule
    assert "…" not in text
    assert not re.search(r"\d,?\.\.\.", text)
