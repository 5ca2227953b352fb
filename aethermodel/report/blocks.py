"""Report blocks: verdict, terms with units and source, host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aethermodel.inputs.sizes import memory
from aethermodel.report.engineering_notation import engineering, interval
from aethermodel.report.html.css import BLOCK_STYLE
from aethermodel.report.html.prose import line_of, prose
from aethermodel.report.math.mathml import mathml
from aethermodel.report.style import TERM_COLOURS
from aethermodel.text.number_format import unbroken

if TYPE_CHECKING:
    from aethermodel.model.batch import BatchModel

Verdict = Literal["pass", "fail", "inconclusive"]
VERDICTS = ("pass", "fail", "inconclusive")
# Letters and signs of a formula in a column of a table.
_COLUMN_WIDTH = 30
# Letters of an argument that a phone shows in a line.
_LONGEST_ARGUMENT = 34


class SummaryRow(NamedTuple):
    """One threshold of a verdict, its figures already written with units."""

    criterion: str
    measured: str
    threshold: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True)
class TermRow:
    """One parameter of one term of T_batch.

    Attributes
    ----------
    term : str
        ``loop``, ``ffi``, ``kernel`` or ``fabric``.
    parameter : sympy.Symbol or str
        Its symbol, name or meaning.
    value : float
        In base units, such as seconds.
    unit : str
        The base unit, such as ``s`` or ``s/event``.
    low, high : float, optional
        The 95 % interval.
    source : str
        The probe or publication that it comes from.
    expression : sympy.Basic or str
        The term's formula; the order of its sum is kept.
    meaning : str
        What the parameter is, in words.
    """

    term: str
    parameter: Any
    value: float
    unit: str = "s"
    low: float | None = None
    high: float | None = None
    source: str = ""
    expression: Any = ""
    meaning: str = ""


@dataclass(frozen=True)
class Block:
    """A piece of a report that notebooks show as HTML.

    Attributes
    ----------
    html : str
        The piece without its style.
    text : str
        The same in plain text.
    """

    html: str
    text: str = field(repr=False)

    def _repr_html_(self) -> str:
        return BLOCK_STYLE + self.html

    def __str__(self) -> str:
        return self.text


def summary_block(
    verdict: Verdict,
    headline: str,
    paragraph: str,
    rows: Iterable[SummaryRow | Sequence[str | None]] = (),
) -> Block:
    """Return the opening of a report: verdict, one sentence, one paragraph, thresholds.

    Parameters
    ----------
    verdict : {"pass", "fail", "inconclusive"}
        The verdict over all thresholds.
    headline, paragraph : str
        Plain text.
    rows : iterable of SummaryRow
        One a threshold; tuples (criterion, measured, threshold, verdict) do as well.

    Raises
    ------
    ValueError
        If a verdict is none of the three or the headline is empty.
    """
    try:
        lines = [SummaryRow(*row) for row in rows]
    except TypeError:
        raise ValueError(
            "a row of the summary is malformed: it holds criterion, measured, threshold, verdict"
        ) from None
    for given in (verdict, *(row.verdict for row in lines if row.verdict)):
        if given not in VERDICTS:
            raise ValueError(f"a verdict is one of {', '.join(VERDICTS)}, not {given!r}")
    if not headline.strip():
        raise ValueError("a summary needs a headline")
    # Findings in words have neither; a column of nothing would ask what is missing.
    figures = [name for name in ("measured", "threshold") if any(getattr(r, name) for r in lines)]
    body = "".join(
        f'<tr><td>{_mark(row.verdict)}</td><th scope="row">{line_of(row.criterion)}</th>'
        + "".join(f"<td>{line_of(getattr(row, name))}</td>" for name in figures)
        + "</tr>"
        for row in lines
    )
    # Words with figures in them, each in a unit of its own: nothing to line up on the right.
    named = [(name.capitalize(), False) for name in figures]
    head = _head(("Verdict", False), ("Criterion" if figures else "Finding", False), *named)
    table = _table("Verdict per threshold", head, body) if lines else ""
    html = (
        f'<section class="ae ae-summary ae-{verdict}" aria-label="Verdict">'
        f"{_mark(verdict)}"
        f'<div class="ae-headline">{line_of(headline)}</div><p>{prose(paragraph)}</p>'
        f"{table}</section>"
    )
    listed = "".join(
        f"\n- {row.criterion}: {row.measured}"
        + (f", threshold {row.threshold}" if row.threshold else "")
        + (f" ({row.verdict})" if row.verdict else "")
        for row in lines
    )
    return Block(html, f"{verdict.upper()}: {headline}\n{paragraph}{listed}")


def terms_table(rows: Iterable[TermRow | Mapping[str, Any]]) -> Block:
    """Return the table of terms: each parameter with unit, interval, source and formula.

    Parameters
    ----------
    rows : iterable of TermRow or mapping
        Mappings have the names of `TermRow`'s fields.

    Raises
    ------
    ValueError
        If there are no rows, or a mapping has other names than `TermRow`.
    """
    terms = [_term(row) for row in rows]
    if not terms:
        raise ValueError("the table of terms has no rows")
    head = _head(
        ("Term", False),
        ("Parameter", False),
        ("Value", True),
        ("95 % interval", False),
        ("Formula", False),
        ("Source", False),
    )
    body, text = [], []
    for _, group in groupby(terms, key=lambda row: row.term):
        of_term = list(group)
        alike = len({row.source for row in of_term}) == 1
        for row in of_term:
            value, bounds = engineering(row.value, row.unit), _interval(row)
            first = row is of_term[0]
            body.append(
                f'<tr><th scope="row">{_swatch(row.term) if first else ""}'
                f"{escape(row.term) if first else _repeat(row.term)}</th>"
                f'{_parameter(row)}<td class="ae-n">{escape(value)}</td>'
                f'<td class="ae-fold">{unbroken(escape(bounds))}</td>'
            )
            if first:
                body.append(f'<td rowspan="{len(of_term)}">{_formula(row.expression)}</td>')
            if first or not alike:
                span = len(of_term) if alike else 1
                body.append(f'<td class="ae-fold" rowspan="{span}">{line_of(row.source)}</td>')
            body.append("</tr>")
            text.append(f"{row.term}: {row.parameter} = {value} ({bounds or 'no interval'})")
    html = f'<div class="ae">{_table("Terms of T_batch", head, "".join(body))}</div>'
    return Block(html, "\n".join(text))


def note_block(text: str) -> Block:
    """Return a line of text."""
    return Block(f'<div class="ae"><p>{prose(text)}</p></div>', text)


def model_terms(model: BatchModel) -> Block:
    """Return the table of a model's terms."""
    return terms_table(
        TermRow(
            term.name, p.symbol, p.value, p.unit, p.low, p.high, p.source, term.written, p.meaning
        )
        for term in model.all_terms
        for p in term.parameters
    )


def host_block(fingerprint: Mapping[str, Any], command: str) -> Block:
    """Return what was measured on, and the command that measures it again.

    Parameters
    ----------
    fingerprint : mapping
        The host's facts by name; nested mappings are shown as ``name: value`` lists, and
        names that end in ``_bytes`` as sizes.
    command : str
        The exact command to rerun.
    """
    facts = [_named_fact(str(name), value) for name, value in fingerprint.items()]
    entries = "".join(f"<dt>{escape(name)}</dt><dd>{line_of(fact)}</dd>" for name, fact in facts)
    html = (
        f'<div class="ae ae-host"><dl>{entries}</dl>'
        '<div class="ae-quiet">Measure it again:</div>'
        f'<pre class="ae-command">{_arguments(command)}</pre></div>'
    )
    text = "\n".join(f"{name}: {fact}" for name, fact in facts)
    return Block(html, f"{text}\n$ {command}")


def _term(row: TermRow | Mapping[str, Any]) -> TermRow:
    if isinstance(row, TermRow):
        return row
    try:
        return TermRow(**row)
    except TypeError as error:
        reason = str(error).removeprefix("TermRow.__init__() ")
        raise ValueError(f"a row of the terms table is malformed: {reason}") from None


def _parameter(row: TermRow) -> str:
    if not row.meaning:
        return f"<td>{_formula(row.parameter)}</td>"
    meaning = f'<span class="ae-quiet">{escape(row.meaning)}</span>'
    return f'<td class="ae-fold">{_formula(row.parameter)}<br>{meaning}</td>'


def _arguments(command: str) -> str:
    """Mark the arguments that a hyphen would break, if a phone shows them in a line."""
    return " ".join(
        f"<span>{escape(word)}</span>"
        if "-" in word and len(word) <= _LONGEST_ARGUMENT
        else escape(word)
        for word in command.split(" ")
    )


def _interval(row: TermRow) -> str:
    # What was not estimated, such as a setting, has none: "1 to 1" would claim to know it exactly.
    if row.low is None or row.high is None or row.low == row.high:
        return ""
    return interval(row.low, row.high, row.unit)


def _formula(expression: Any) -> str:
    if isinstance(expression, str):
        return escape(expression)
    return mathml(expression, display=False, as_written=True, width=_COLUMN_WIDTH)


def _named_fact(name: str, value: Any) -> tuple[str, str]:
    words = name.removesuffix("_bytes")
    return words.replace("_", " "), _fact(value, is_size=words != name)


def _fact(value: Any, *, is_size: bool = False) -> str:
    if isinstance(value, Mapping):
        return ", ".join(
            f"{str(k).replace('_', ' ')}: {_fact(v, is_size=is_size)}" for k, v in value.items()
        )
    if is_size and isinstance(value, int):
        return memory(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(_fact(part) for part in value)
    if value is None or value == "":
        return "not readable"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _mark(verdict: Verdict | None) -> str:
    # The sign says it without colour, the word without the sign.
    signs = {"pass": "✓", "fail": "✗", "inconclusive": "≈"}
    if verdict is None:
        return ""
    return (
        f'<span class="ae-verdict ae-{verdict}"><span aria-hidden="true">{signs[verdict]} </span>'
        f'<span class="ae-word">{verdict}</span></span>'
    )


def _swatch(term: str) -> str:
    colour = TERM_COLOURS.get(term)
    if colour is None:
        return ""
    return f'<span class="ae-swatch" style="background: {colour}" aria-hidden="true"></span>'


def _repeat(term: str) -> str:
    return f'<span class="ae-hidden">{escape(term)}</span>'


def _head(*columns: tuple[str, bool]) -> str:
    return "".join(
        f'<th scope="col"{" class=ae-n" if right else ""}>{escape(name)}</th>'
        for name, right in columns
    )


def _table(caption: str, head: str, body: str) -> str:
    return (
        f'<div class="ae-scroll" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
        f'<caption class="ae-hidden">{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
