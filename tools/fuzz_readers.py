"""Fuzz of the readers of measurements: so many damaged files for each format, counted by reader.

Each input is a sample of the format with cells, lines, JSON values or bare bytes changed, read in
this process; half of them by content, half with the format asked for. A reader may give figures
that a law can rely on, or refuse in one printable line that names the file; anything else is a
finding. An input is drawn from its format, seed and number alone, so that one can be read again.

Run as ``python tools/fuzz_readers.py --inputs 100000 --json FILE``; an interrupted run goes on
with ``--resume FILE``, which reads what was found again first.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from aethermodel.inputs.refusals import InputError
from aethermodel.json_documents import document, write_document
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.read import measurements_of
from aethermodel.readers.registry import BUILT_IN
from tools.torture.inputs.measurement_readers import (
    Sample,
    check_measurements,
    mutant,
    samples,
    shortened,
)
from tools.torture.run_summary import commit_id

#: Seconds of the processor after which an input counts as a hang.
HANG_SECONDS = 20.0
#: Inputs of one format before the next one has its turn.
_TURN = 250
_WRITE_SECONDS = 30.0
#: Share of the inputs that are made of shortened samples, which are read several times faster.
_SHORT = 0.9
#: Findings of a format that are kept with their numbers.
_KEPT = 20
_FILE = "FILE"


class Hang(BaseException):
    """An input took more than `HANG_SECONDS`; no reader may catch it."""


@dataclass
class Count:
    """What one reader did with its inputs.

    Attributes
    ----------
    samples : list of str
        Files that its inputs are mutations of.
    inputs, read, refused : int
    found : int
        Inputs that ended in anything else.
    mended : int
        Findings of an earlier run that are none any more.
    cpu_seconds, most_seconds : float
        Of all inputs, and of the one that took longest.
    findings : list of dict
        ``number`` of the input and ``what``.
    """

    samples: list[str]
    inputs: int = 0
    read: int = 0
    refused: int = 0
    found: int = 0
    mended: int = 0
    cpu_seconds: float = 0.0
    most_seconds: float = 0.0
    findings: list[dict[str, Any]] = field(default_factory=list)


class Fuzzer:
    """Draws and reads the inputs of one format.

    Parameters
    ----------
    format : str
        Name of a reader.
    known : list of Sample
        Of that format.
    seed : int
    """

    def __init__(self, format: str, known: list[Sample], seed: int) -> None:
        self.format, self.samples = format, known
        self._short = [shortened(sample) for sample in known]
        self._seed = (seed << 32 | zlib.crc32(format.encode())) << 64
        self.count = Count([sample.name for sample in known])

    def input(self, number: int) -> tuple[bytes, Asked, str | None]:
        """Return an input: bytes, what is asked of them, and the format if that is asked for."""
        draw = random.Random(self._seed | number)
        kind = self._short if draw.random() < _SHORT else self.samples
        sample = kind[number // 2 % len(kind)]
        asked = Asked(**sample.asked) if draw.random() < 0.8 else Asked()
        return mutant(sample, draw), asked, self.format if number % 2 else None

    def attempt(self, number: int) -> str:
        """Read an input; return "read" or "refused", or raise what no reader may raise."""
        data, asked, format = self.input(number)
        try:
            check_measurements(measurements_of(Document(_FILE, data), asked, format))
        except InputError as error:
            text = str(error)
            if not (text.startswith(f"{_FILE}: ") and text.isprintable()):
                raise AssertionError(f"no clean refusal: {text!r}") from None
            return "refused"
        return "read"

    def turn(self, most: int) -> None:
        """Read the next inputs, up to `most` in all."""
        count = self.count
        for number in range(count.inputs, min(count.inputs + _TURN, most)):
            begun = time.process_time()
            what = self.outcome(number)
            spent = time.process_time() - begun
            count.inputs += 1
            count.cpu_seconds += spent
            count.most_seconds = max(count.most_seconds, spent)
            if what in ("read", "refused"):
                setattr(count, what, getattr(count, what) + 1)
                continue
            count.found += 1
            if len(count.findings) < _KEPT:
                count.findings.append({"number": number, "what": what})

    def outcome(self, number: int) -> str:
        """Return "read", "refused", or where and how an input ended otherwise."""
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG_SECONDS)
        try:
            return self.attempt(number)
        except (Exception, Hang) as error:
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if "aethermodel" in frame.filename] or frames
            place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
            return f"{type(error).__name__} at {place}: {' '.join(str(error).split())[:120]}"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def resume(self, earlier: dict[str, Any]) -> None:
        """Go on where another run ended; what it found is read again."""
        before = Count(**(earlier | {"samples": self.count.samples}))
        still = []
        for finding in before.findings:
            what = self.outcome(finding["number"])
            if what in ("read", "refused"):
                before.mended += 1
                before.found -= 1
                setattr(before, what, getattr(before, what) + 1)
            else:
                still.append({"number": finding["number"], "what": what})
        before.findings = still
        self.count = before


def fuzzers(only: list[str], seed: int) -> dict[str, Fuzzer]:
    """Return a fuzzer for each format.

    Raises
    ------
    ValueError
        If a format has no reader.
    """
    unknown = [name for name in only if name not in BUILT_IN]
    if unknown:
        raise ValueError(f"no reader {', '.join(unknown)}; there are {', '.join(BUILT_IN)}")
    known = samples()
    return {
        name: Fuzzer(name, [one for one in known if one.format == name], seed)
        for name in only or BUILT_IN
    }


def figures(
    made: dict[str, Fuzzer], seed: int, wanted: int, others: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the document of the counts, with those of other readers from an earlier run."""
    counts = {name: asdict(one.count) for name, one in made.items()} | (others or {})
    counts = {name: counts[name] for name in BUILT_IN if name in counts}
    complete = all(one["inputs"] >= wanted for one in counts.values())
    found = sum(one["found"] for one in counts.values())
    return document(
        "aethermodel.fuzz_readers/1",
        None,
        {
            "commit": commit_id(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": seed,
            "inputs_each": wanted,
            "complete": complete,
            "inputs": sum(one["inputs"] for one in counts.values()),
            "found": found,
            "verdict": "pass" if complete and not found else "fail",
            "readers": counts,
        },
        measured=False,
    )


def table(document: dict[str, Any]) -> list[str]:
    """Return the counts as lines of a Markdown table."""
    lines = ["| reader | inputs | read | refused | anything else |", "|---|---|---|---|---|"]
    for name, one in document["readers"].items():
        lines.append(
            f"| {name} | {one['inputs']:,} | {one['read']:,} | {one['refused']:,} | "
            f"{one['found']:,} |"
        )
    return lines


@contextmanager
def hear_signals() -> Iterator[list[int]]:
    """Collect signals to end, and let an input that hangs raise `Hang`, within the block."""
    heard: list[int] = []

    def hang(*_: object) -> None:
        raise Hang(f"more than {HANG_SECONDS:g} s")

    handlers = {
        signal.SIGINT: lambda number, _: heard.append(number),
        signal.SIGTERM: lambda number, _: heard.append(number),
        signal.SIGVTALRM: hang,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(options: argparse.Namespace) -> int:
    """Fuzz until every reader has had its inputs; return the exit status."""
    made = fuzzers(options.only or [], options.seed)
    last = time.monotonic()
    others: dict[str, Any] = {}
    with hear_signals() as heard:
        if options.resume:
            earlier = json.loads(Path(options.resume).read_text("utf-8"))
            if earlier["seed"] != options.seed:
                raise ValueError(f"{options.resume}: its seed is {earlier['seed']}")
            others = {name: one for name, one in earlier["readers"].items() if name not in made}
            for name in made.keys() & earlier["readers"].keys():
                made[name].resume(earlier["readers"][name])
        while not heard:
            waiting = [one for one in made.values() if one.count.inputs < options.inputs]
            if not waiting:
                break
            for one in waiting:
                one.turn(options.inputs)
                if heard:
                    break
            if options.json and time.monotonic() - last > _WRITE_SECONDS:
                last = time.monotonic()
                write_document(figures(made, options.seed, options.inputs, others), options.json)
    done = figures(made, options.seed, options.inputs, others)
    if options.json:
        write_document(done, options.json)
    if options.json != "-":
        sys.stdout.write("\n".join(table(done)) + "\n")
        for name, one in made.items():
            for finding in one.count.findings:
                sys.stdout.write(f"{name}:{finding['number']}: {finding['what']}\n")
    if heard:
        sys.stderr.write("fuzz_readers: interrupted\n")
        return 130
    return 0 if done["verdict"] == "pass" else 1


def again(which: str, seed: int) -> int:
    """Read one input again, such as ``pyperf:17``, with its traceback if it has one."""
    name, _, number = which.rpartition(":")
    if not number.isdecimal():
        raise ValueError(f"--again: wanted is such as pyperf:17, not {which!r}")
    (fuzzer,) = fuzzers([name], seed).values()
    data, asked, format = fuzzer.input(int(number))
    sys.stdout.write(f"{len(data)} bytes, {asked}, format {format}: {data[:2000]!r}\n")
    sys.stdout.write(fuzzer.attempt(int(number)) + "\n")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run; 1 if anything was found or inputs are missing."""
    options = argparse.ArgumentParser(prog="python tools/fuzz_readers.py", description=__doc__)
    options.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_argument("--inputs", type=int, default=10_000, help="for each reader")
    options.add_argument("--only", action="append", metavar="FORMAT", help="may be given again")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--json", metavar="FILE", help="figures, written as the run goes on")
    options.add_argument("--resume", metavar="FILE", help="figures of a run to go on with")
    options.add_argument("--again", metavar="FORMAT:NUMBER", help="read one input again")
    options.add_argument("--show", metavar="FILE", help="print the figures of a run as a table")
    chosen = options.parse_args(arguments)
    try:
        if chosen.show:
            sys.stdout.write("\n".join(table(json.loads(Path(chosen.show).read_text()))) + "\n")
            return 0
        if chosen.again:
            return again(chosen.again, chosen.seed)
        return run(chosen)
    except (ValueError, OSError, KeyError) as error:
        if isinstance(error, InputError) or chosen.again:
            raise
        sys.stderr.write(f"fuzz_readers: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
