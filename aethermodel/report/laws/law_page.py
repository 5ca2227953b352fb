"""Report page of laws: verdicts in words, figures, parameters and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aethermodel.inputs.refusals import InputError
from aethermodel.report.blocks import Block, SummaryRow, Verdict, summary_block
from aethermodel.report.figures.law import (
    answers_block,
    law_figure,
    laws_figure,
    overview,
    parameters_block,
)
from aethermodel.report.html.page import Section, render
from aethermodel.report.html_table import data_table

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

#: Curves that have a section of their own; of more the table tells.
MOST_SECTIONS = 40
#: Notes that are shown; of more their number is.
MOST_NOTES = 20


def law_report(
    laws: Mapping[str, Law],
    *,
    title: str = "",
    rate: float | None = None,
    latency: float | None = None,
    command: str = "",
) -> str:
    """Return the page of one or several laws.

    Parameters
    ----------
    laws : mapping of str to Law
        At least one.
    title : str
        Of the page; made from the source if empty.
    rate : float, optional
        Arrivals a second to answer for.
    latency : float, optional
        Seconds, the most that a batch may take.
    command : str
        That made the page.
    """
    shown = dict(list(laws.items())[:MOST_SECTIONS])
    sections = []
    if len(laws) > 1:
        inside: list[Any] = [data_table(overview(laws), "Every curve")]
        if len({(law.size_name, law.size_unit, law.time_kind) for law in laws.values()}) == 1:
            inside.insert(0, laws_figure(laws))
        sections.append(Section("All curves", inside))
    for name, law in shown.items():
        sections += _sections(name if len(laws) > 1 else "", law, rate, latency)
    if notes := _notes(laws):
        sections.append(Section("Notes", notes))
    sections.append(Section("Source", _source(laws, command)))
    return render(title or _title(laws), [verdict_block(laws)], sections)


def _sections(name: str, law: Law, rate: float | None, latency: float | None) -> list[Section]:
    # Of a single law the page's opening has said the words.
    words = [f"{line[:1].upper()}{line[1:]}." for line in law.verdict] if name else []
    parameters = [parameters_block(law)] if law.parameters else []
    found = _answered(law, rate, latency)
    if name:
        return [Section(name, [*words, law_figure(law), *parameters, found])]
    return [
        Section("Law", [law_figure(law), *parameters]),
        Section("Answers", [found]),
    ]


def answers_of(
    laws: Mapping[str, Law], rate: float = 0.0, latency: float = 0.0
) -> Iterator[Block | str]:
    """Yield the answers of each law, below its name where there are several.

    Parameters
    ----------
    laws : mapping of str to Law
    rate : float
        Arrivals a second; 0 for none.
    latency : float
        Seconds, the most that a batch may take; 0 for no limit.
    """
    for name, law in list(laws.items())[:MOST_SECTIONS]:
        found = _answered(law, rate or None, latency or None)
        yield captioned(found, name) if isinstance(found, Block) and name else found


def _answered(law: Law, rate: float | None, latency: float | None) -> Block | str:
    from aethermodel.advice.law_answers import answers

    if law.second_name:
        return (
            f"The law has a second variable, {law.second_name}: answers need a value of it "
            f"(aethermodel fit --at {law.second_name}=VALUE)."
        )
    try:
        return answers_block(answers(law, rate=rate, latency=latency))
    except InputError as error:
        return f"No answers: {error}."


def captioned(block: Block, name: str) -> Block:
    """Return a block below a name in bold."""
    return Block(
        f'<p class="ae"><strong>{escape(name)}</strong></p>{block.html}', f"{name}\n{block}"
    )


def verdict_block(laws: Mapping[str, Law]) -> Block:
    """Return what laws say of themselves, as a page opens."""
    holding = sum(law.holds for law in laws.values())
    verdict: Verdict = "pass" if holding == len(laws) else "inconclusive"
    first = next(iter(laws.values()))
    if len(laws) == 1:
        headline = first.verdict[0] if first.verdict else f"{first.family} law"
        text = " ".join(f"{line[:1].upper()}{line[1:]}." for line in first.verdict[1:])
        return summary_block(verdict, f"{headline[:1].upper()}{headline[1:]}", text)
    rows = [
        SummaryRow(
            f"{name or law.source}: {law.verdict[0] if law.verdict else law.family}",
            "",
            "",
            "pass" if law.holds else "inconclusive",
        )
        for name, law in list(laws.items())[:MOST_SECTIONS]
    ]
    left = len(laws) - len(rows)
    more = f" The first {len(rows)} are shown here." if left else ""
    text = f"A law holds where sizes that it did not see lie within its intervals.{more}"
    return summary_block(
        verdict, f"{len(laws)} curves, {holding} with a law that holds", text, rows
    )


def _title(laws: Mapping[str, Law]) -> str:
    sources = list(dict.fromkeys(Path(law.source).name for law in laws.values() if law.source))
    named = ", ".join(sources[:3]) + (" and more" if len(sources) > 3 else "")
    return f"{'Law' if len(laws) == 1 else 'Laws'} of {named or 'measurements'}"


def _source(laws: Mapping[str, Law], command: str) -> list[Any]:
    sources = list(dict.fromkeys(law.source or "not named" for law in laws.values()))
    kinds = list(dict.fromkeys(law.time_kind for law in laws.values()))
    lines = [
        f"Measured times are those of {', '.join(f'`{s}`' for s in sources[:10])}.",
        f"Times are {', '.join(kinds)}.",
    ]
    if command:
        lines.append(f"Made by `{command}`.")
    return lines


def _notes(laws: Mapping[str, Law]) -> list[Any]:
    """Return what whoever measured has said of it, such as the figures of a link."""
    notes = list(dict.fromkeys(note for law in laws.values() for note in law.notes))
    lines: list[Any] = [f"{note[:1].upper()}{note[1:]}." for note in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        lines.append(f"And {len(notes) - MOST_NOTES} more notes.")
    return lines
