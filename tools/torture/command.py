"""Command: parses, runs campaigns, shows and writes what they counted; see docs/torture.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aethermodel.json_documents import write_document
from tools.torture import run_summary
from tools.torture.campaigns import CAMPAIGNS
from tools.torture.finding_replay import replay
from tools.torture.findings import KEPT_OF_A_KIND, Tally
from tools.torture.killable_processes import adopt_orphans
from tools.torture.limits.namespace import mount_tmpfs, own_shm, unmount
from tools.torture.runner import Limits, Runner

#: What a record run has to reach.
RECORD = {"kills": 10_000, "inputs": 1_000_000, "streams": 100_000}
#: And how many of the inputs each reader has to have.
RECORD_EACH = 5_000
#: Seconds between two writings of the figures while the run goes on.
_WRITE_SECONDS = 60.0
FINDINGS = Path(".build/torture")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(prog="python -m tools.torture", description=__doc__)
    options.add_argument("--seconds", type=float, default=600, help="at most (default 600)")
    options.add_argument("--seed", type=int, default=1, help="of all that is drawn (default 1)")
    options.add_argument(
        "--only",
        default="",
        metavar="NAMES",
        help=f"campaigns, joined by commas: {', '.join(CAMPAIGNS)}",
    )
    how_much = options.add_mutually_exclusive_group()
    how_much.add_argument(
        "--record",
        action="store_true",
        help="end at 10,000 kills, 1,000,000 inputs, 100,000 streams",
    )
    how_much.add_argument(
        "--short", action="store_true", help="a fixed number of trials of each campaign"
    )
    options.add_argument(
        "--lanes", type=int, help="processes at a time (default 2; 3 for a record, as some sleep)"
    )
    options.add_argument("--json", metavar="FILE", help="write the figures; - for standard output")
    options.add_argument(
        "--resume", metavar="FILE", help="add to what an earlier run reached, with a fresh seed"
    )
    options.add_argument("--show", metavar="FILE", help="print written figures as Markdown")
    options.add_argument("--replay", metavar="FILE", help="read one saved finding again")
    return options


def _chosen(names: str) -> list[str]:
    chosen = [name for name in names.split(",") if name] or list(CAMPAIGNS)
    for name in chosen:
        if name not in CAMPAIGNS:
            raise ValueError(f"there is no campaign {name!r}: {', '.join(CAMPAIGNS)}")
    return chosen


class Shower:
    """Shows where a run stands: one line that changes, or a line every ten seconds in a log."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = time.monotonic()

    def __call__(self, runner: Runner) -> None:
        """Show it, if it is time."""
        if time.monotonic() - self._last < (0.5 if self._live else 10):
            return
        self._last = time.monotonic()
        line = run_summary.status(runner)
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{line[:width]:<{width}}" if self._live else line + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            sys.stderr.write("\n")


def _save(total: Tally) -> dict[tuple[str, ...], list[Path]]:
    return {
        signature: [finding.save(FINDINGS) for finding in group[:KEPT_OF_A_KIND]]
        for signature, group in total.kinds().items()
    }


class Writer:
    """Writes the figures: every minute, so that a run that is killed has left some, and at its end.

    Parameters
    ----------
    runner : Runner
    target : str or None
        File to write, ``-`` for standard output at the end, None for nothing.
    """

    def __init__(self, runner: Runner, target: str | None) -> None:
        self._runner, self._target = runner, target
        self._last = time.monotonic()

    def write_if_time(self) -> None:
        """Write what there is by now, if it is time."""
        if self._target in (None, "-") or time.monotonic() - self._last < _WRITE_SECONDS:
            return
        self._last = time.monotonic()
        self.write(_save(self._runner.total()), over=False)

    def write(self, saved: dict[tuple[str, ...], list[Path]], *, over: bool = True) -> None:
        """Write the figures, of the whole run or (not `over`) of one that goes on."""
        if self._target:
            command = f"python tools/torture {' '.join(sys.argv[1:])}".strip()
            figures = run_summary.figures(self._runner, command, saved, over=over)
            write_document(figures, self._target)


@contextmanager
def hear_signals(runner: Runner) -> Iterator[None]:
    """Let Ctrl-C and the signal to end stop the run within the block; what it has stays."""

    def interrupt(*_: object) -> None:
        runner.interrupted = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run(options: argparse.Namespace) -> int:
    """Run campaigns, and return the exit status: 1 if anything was found."""
    chosen = _chosen(options.only)
    # What a slice imports takes seconds on a busy host: long slices, where there is time.
    longest = 120.0 if options.record else 15.0
    limits = Limits(options.seconds, min(longest, max(2.0, options.seconds / 40)))
    if options.record:
        limits.goals, limits.inputs_each = RECORD, RECORD_EACH
    if options.short:
        limits.trials = {name: CAMPAIGNS[name].short for name in chosen}
    lanes = options.lanes or (3 if options.record else 2)
    runner = Runner([CAMPAIGNS[name] for name in chosen], options.seed, limits, lanes)
    if options.resume:
        try:
            run_summary.resume(runner, json.loads(Path(options.resume).read_text("utf-8")))
        except ValueError as error:
            raise ValueError(f"{options.resume}: {error}") from None
    shower, writer = Shower(), Writer(runner, options.json)

    def show(_: Runner) -> None:
        shower(runner)
        writer.write_if_time()

    with hear_signals(runner):
        runner.run(show)
    shower.end()
    total = runner.total()
    saved = _save(total)
    writer.write(saved)
    out = sys.stderr if options.json == "-" else sys.stdout
    out.write("\n".join(run_summary.table(runner)) + "\n")
    for signature, group in total.kinds().items():
        campaign, label, kind, what = signature
        where = saved[signature][0]
        out.write(f"{len(group):>6} x {campaign} {label} {kind}: {what}\n         {where}\n")
    missing = runner.missing()
    for line in missing:
        out.write(line + "\n")
    if runner.interrupted:
        sys.stderr.write("torture: interrupted\n")
        return 130
    return 1 if total["found"] or missing else 0


def main() -> int:
    """Run the command in a folder and, where possible, with a /dev/shm of its own."""
    options = parser().parse_args()
    adopt_orphans()
    isolated = own_shm()
    folder = tempfile.mkdtemp(prefix="aether-torture-")
    # A million small files are written, each to be read once: no work for a disk.
    in_memory = isolated and mount_tmpfs(folder, "25%")
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    try:
        if options.show:
            figures = json.loads(Path(options.show).read_text("utf-8"))
            sys.stdout.write("\n".join(run_summary.markdown(figures)) + "\n")
            return 0
        if options.replay:
            return replay(Path(options.replay))
        return run(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"torture: {error}\n")
        return 2
    finally:
        if in_memory:
            unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)
