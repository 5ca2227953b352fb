"""`aethermodel fit`: a law from measurements that are already there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.shared import law_input, options

if TYPE_CHECKING:
    from aethermodel.advice.law_answers import Answers
    from aethermodel.laws.law import Law
    from aethermodel.laws.law_group import Laws

#: Curves that are drawn and answered for one by one; of more only the table is printed.
MOST_DRAWN = 4
# Before so many seconds no progress is shown.
_QUIET_SECONDS = 2.0


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            **options.READ,
            help="measurements in any known format; - is not read",
        ),
    ],
    size: law_input.Size = None,
    time: law_input.Time = None,
    unit: law_input.Unit = None,
    group: law_input.Group = None,
    second: law_input.Second = None,
    format: law_input.Format = None,
    at: law_input.At = None,
    rate: Annotated[
        str | None, typer.Option("--rate", help="arrivals a second: which size carries them?")
    ] = None,
    p99: Annotated[
        str | None,
        typer.Option("--p99", help="latency target, such as 1ms: which size keeps it?"),
    ] = None,
    arrivals: Annotated[
        str, typer.Option("--arrivals", help="poisson, bursty or steady")
    ] = "poisson",
    record_bytes: law_input.RecordBytes = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=options.writing("JSON"),
            help="law file to write [default: none]",
        ),
    ] = None,
    force: options.Force = False,
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="draw each law")] = True,
    json: options.Json = None,
) -> None:
    """Fit the law of each curve, say in words how far it can be trusted, and answer from it.

    Example: aethermodel fit bench.csv --size n --time ms --unit ms --rate 5e6 --p99 1ms -o law.json

    Exit status: 0 done, 2 bad input.
    """
    from aethermodel.advice.law_answers import answers
    from aethermodel.cli.shared.outputs import refuse_existing
    from aethermodel.json_documents import document, write_document

    if output is not None:
        refuse_existing([output], force=force)
    wanted = None if rate is None else law_input.rate_of("--rate", rate)
    target = None if p99 is None else law_input.seconds_of("--p99", p99)
    record = law_input.record_size(record_bytes)
    place = None if at is None else law_input.place(at)
    laws, notes = _fitted(files, law_input.reading_options(size, time, unit, group, format, second))
    asked: Mapping[str, Law] = laws
    if place is not None:
        asked = laws.at(*place)
    found = {}
    if wanted is not None or target is not None or len(laws) <= MOST_DRAWN:
        for name, law in asked.items():
            if law.second_name:
                notes.append(f"{name}: {_unanswered(law)}".removeprefix(": "))
                continue
            found[name] = answers(
                law, rate=wanted, latency=target, arrivals=arrivals, record_bytes=record
            )
    if output is not None:
        laws.save(output)
    if json:
        figures = {
            "laws": [law.document() for law in laws.values()],
            "answers": [answer.figures() for answer in found.values()],
            "notes": notes,
        }
        write_document(document("aethermodel.fit/1", None, figures, measured=False), json)
    if json != "-":
        for note in notes:
            typer.echo(f"note: {note}", err=True)
        _print(laws, asked, draw=plot)
        _print_answers(found, asked if place is not None else {}, target)
        if output is not None:
            typer.echo(output)


def _fitted(files: list[Path], chosen: dict[str, Any]) -> tuple[Laws, list[str]]:
    """Read and fit all files; with several, each curve's name begins with its file's."""
    from dataclasses import replace
    from time import monotonic

    from aethermodel.console import progress
    from aethermodel.laws.fit import fit
    from aethermodel.laws.law_group import Laws
    from aethermodel.readers.read import read

    measured = [(path, read(path, **chosen)) for path in files]
    curves = [
        (path, replace(source, series=(series,)))
        for path, source in measured
        for series in source.series
    ]
    laws: dict[str, Law] = {}
    begun = monotonic()
    with progress("fitting") as advance:
        for done, (path, curve) in enumerate(curves, 1):
            for name, law in fit(curve).items():
                label = _named(path, files, name)
                laws[label] = replace(law, name=label)
            if monotonic() - begun > _QUIET_SECONDS:
                advance(done, len(curves))
    said = [(path, note) for path, source in measured for note in source.notes]
    return Laws(laws), _together(said)


def _named(path: Path, files: list[Path], name: str) -> str:
    if len(files) == 1:
        return name
    alike = sum(other.stem == path.stem for other in files) > 1
    file = f"file={path if alike else path.stem}"
    return f"{file}, {name}" if name else file


def _together(said: list[tuple[Path, str]]) -> list[str]:
    """Say what several files have in common once."""
    by_text: dict[str, list[Path]] = {}
    for path, text in said:
        by_text.setdefault(text, []).append(path)
    return [
        f"{paths[0] if len(paths) == 1 else f'{len(paths)} files'}: {text}"
        for text, paths in by_text.items()
    ]


def _unanswered(law: Law) -> str:
    values = sorted({float(value) for value in law.second})
    shown = f"{values[0]:g} to {values[-1]:g} were measured" if values else "see --help"
    return f"answers need a value of {law.second_name}: --at {law.second_name}=VALUE, {shown}"


def _print(laws: Laws, asked: Mapping[str, Law], *, draw: bool) -> None:
    from aethermodel.cli.shared.law_tables import laws_table, parameters_table
    from aethermodel.cli.shared.terminal_tables import say, show
    from aethermodel.report.laws.terminal_plot import picture

    for name, law in list(laws.items())[:MOST_DRAWN]:
        if len(laws) <= MOST_DRAWN:
            if name:
                say(name)
            say(law.verdict)
            typer.echo()
            if law.family not in ("interpolation", "none"):
                show(parameters_table(law))
            if draw:
                drawn = _drawn(asked[name])
                if law.second_name:
                    say([drawn.name])
                typer.echo(picture(drawn))
                typer.echo()
    if len(laws) > MOST_DRAWN:
        show(laws_table(laws))


def _drawn(law: Law) -> Law:
    """Return the law itself; of one of two variables what it says at a middle value measured."""
    return law.at(sorted(law.second)[law.second.size // 2]) if law.second_name else law


def _print_answers(
    found: dict[str, Answers], sections: Mapping[str, Law], target: float | None
) -> None:
    from aethermodel.cli.shared.law_tables import answer_lines
    from aethermodel.cli.shared.terminal_tables import say

    for name, answered in found.items():
        if name in sections:
            say(sections[name].verdict[:1])
        say(answer_lines(answered, target))
