"""Command: parses, runs campaigns, shows and writes what they counted; see docs/torture.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from aethermodel.documents import write_document
from tools.torture import document
from tools.torture.campaigns import CAMPAIGNS
from tools.torture.findings import KEPT_OF_A_KIND, Tally
from tools.torture.namespace import own_shm
from tools.torture.processes import adopt_orphans
from tools.torture.replay import replay
from tools.torture.runner import Limits, Runner

#: What a record run has to reach.
RECORD = {"kills": 10_000, "inputs": 1_000_000, "streams": 100_000}
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
    options.add_argument("--lanes", type=int, default=2, help="processes at a time (default 2)")
    options.add_argument("--json", metavar="FILE", help="write the figures; - for standard output")
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
        line = document.status(runner)
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


def run(options: argparse.Namespace) -> int:
    """Run campaigns, and return the exit status: 1 if anything was found."""
    chosen = _chosen(options.only)
    limits = Limits(options.seconds, min(15.0, max(2.0, options.seconds / 40)))
    if options.record:
        limits.goals = RECORD
    if options.short:
        limits.trials = {name: CAMPAIGNS[name].short for name in chosen}
    runner = Runner([CAMPAIGNS[name] for name in chosen], options.seed, limits, options.lanes)
    shower = Shower()
    try:
        runner.run(shower)
    except KeyboardInterrupt:
        shower.end()
        sys.stderr.write("torture: interrupted\n")
        return 130
    shower.end()
    total = runner.total()
    saved = _save(total)
    command = f"python -m tools.torture {' '.join(sys.argv[1:])}".strip()
    if options.json:
        write_document(document.figures(runner, command, saved), options.json)
    out = sys.stderr if options.json == "-" else sys.stdout
    out.write("\n".join(document.table(runner)) + "\n")
    for signature, group in total.kinds().items():
        campaign, label, kind, what = signature
        where = saved[signature][0]
        out.write(f"{len(group):>6} x {campaign} {label} {kind}: {what}\n         {where}\n")
    missing = _missing(runner)
    for line in missing:
        out.write(line + "\n")
    return 1 if total["found"] or missing else 0


def _missing(runner: Runner) -> list[str]:
    """Return what a short run or a record run should have reached and has not."""
    missing = []
    for name, wanted in runner.limits.trials.items():
        progress = runner.progress[name]
        if not progress.blocked and progress.tally["trials"] != wanted:
            missing.append(f"{name}: {progress.tally['trials']} of {wanted} trials")
    total = runner.total()
    for unit, wanted in runner.limits.goals.items():
        if total[unit] < wanted:
            missing.append(f"{total[unit]:,} of {wanted:,} {unit}")
    return missing


def main() -> int:
    """Run the command in a folder and, where possible, with a /dev/shm of its own."""
    options = parser().parse_args()
    adopt_orphans()
    own_shm()
    folder = tempfile.mkdtemp(prefix="aether-torture-")
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    try:
        if options.show:
            figures = json.loads(Path(options.show).read_text("utf-8"))
            sys.stdout.write("\n".join(document.markdown(figures)) + "\n")
            return 0
        if options.replay:
            return replay(Path(options.replay))
        return run(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"torture: {error}\n")
        return 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
