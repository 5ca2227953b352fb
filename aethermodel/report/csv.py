"""CSV tables that a spreadsheet shows and does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# With these a spreadsheet takes a cell for a formula, or may when it has trimmed it; the wide
# forms where the language of the system writes them.
_FORMULA = tuple("=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
                 "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip


def csv_text(table: pd.DataFrame) -> str:
    """Write a table as CSV.

    Parameters
    ----------
    table : pandas.DataFrame
        Its index is left out.

    Returns
    -------
    str
        Figures are figures, to nine digits. A text that a spreadsheet would take for a formula
        has an apostrophe before it, which spreadsheets know as the sign of a text.
    """
    plain = table.rename(columns=_cell)
    texts = [i for i in range(plain.shape[1]) if plain.dtypes.iloc[i].kind not in "iufbMm"]
    for place in texts:
        plain.isetitem(place, plain.iloc[:, place].astype(object).map(_cell))
    return str(plain.to_csv(index=False, float_format="%.9g"))


def _cell(value: Any) -> Any:
    if isinstance(value, int | float) or value is None:
        return value
    # A lone carriage return is not quoted, and ends the row for some.
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    acts = text.lstrip(" ").startswith(_FORMULA) and not _is_number(text)
    return f"'{text}" if acts else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()
