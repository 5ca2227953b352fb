"""Rehearsal: each size once, stage by stage, in a process that may be ended.

It finds what is wrong before anything is timed, and how long a batch takes.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from subprocess import PIPE
from tempfile import TemporaryFile
from time import monotonic
from typing import Any, TextIO

from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.runtime.rehearsal_steps import rehearsed
from aethermodel.pipelines.runtime.runtime import StageError
from aethermodel.processes import Child, ending

# Seconds that importing the user's file and opening its resources may take.
_OPENING_SECONDS = 120.0


@dataclass
class Rehearsal:
    """What a rehearsal found.

    Attributes
    ----------
    seconds : dict of int to float
        Of one batch through all stages, at each size that went well.
    passed : dict of str to float
        Share of the records that a stage passes on, where it is not all; at the largest size.
    notes : list of str
    failure : str
        First thing that went wrong, naming stage and size; then the sizes end. Empty if nothing.
    """

    seconds: dict[int, float] = field(default_factory=dict)
    passed: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failure: str = ""


def rehearse(reference: str, sizes: list[int], timeout: float) -> Rehearsal:
    """Run each size once, the smallest first.

    Parameters
    ----------
    reference : str
        ``FILE.py[:NAME]``.
    sizes : list of int
    timeout : float
        Seconds that a stage may take.

    Returns
    -------
    Rehearsal
        Its `failure` says what ended it early.
    """
    found = Rehearsal()
    module = "aethermodel.pipelines.execution.rehearsal"
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        Child(module, reference, *map(str, sizes), stdout=PIPE, stderr=errors) as child,
    ):
        assert child.stdout
        at = ("", 0)
        held: dict[str, list[tuple[float, int]]] = {}
        for row in _rows(child.stdout.fileno(), timeout):
            if row is None:
                if at[0]:
                    late = f"took longer than {timeout:g} s for one batch (Pipeline(timeout=))"
                    found.failure = str(StageError(*at, late))
                else:
                    found.failure = f"{reference}: not opened within {_OPENING_SECONDS:g} s"
                child.kill()
                return found
            if "stage" in row:
                at = (row["stage"], row["n"])
            elif "error" in row:
                found.failure = row["error"]
                return found
            elif "seconds" in row:
                found.seconds[row["n"]] = row["seconds"]
                found.passed = row["passed"]
            elif "held" in row:
                held.setdefault(row["held"], []).append((row["for"], row["n"]))
                found.notes = [_holding(name, seen) for name, seen in held.items()]
        if code := child.wait():
            errors.seek(0)
            lines = errors.read().strip().splitlines()
            said = f": {lines[-1]}" if code > 0 and lines else ""
            where = str(StageError(*at, "its process")) if at[0] else reference
            found.failure = f"{where} {ending(code)}{said}"
    return found


def _holding(stage: str, seen: list[tuple[float, int]]) -> str:
    """Say that a stage held the event loop, where for longest; one line of all sizes."""
    seconds, n = max(seen)
    often = f", and at {len(seen) - 1} other sizes" if len(seen) > 1 else ""
    return (
        f"stage {stage}, N = {n:,}: it held the event loop for {seconds:.3g} s{often}; nothing "
        "else could run there meanwhile"
    )


def _rows(descriptor: int, timeout: float) -> Iterator[dict[str, Any] | None]:
    """Yield what the child says; None where it says nothing for too long, at first for longer."""
    rest, said = b"", False
    while True:
        limit = monotonic() + (timeout if said else _OPENING_SECONDS)
        while b"\n" not in rest:
            ready, _, _ = select.select([descriptor], [], [], max(limit - monotonic(), 0))
            if not ready:
                yield None
                return
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return
            rest += piece
        line, _, rest = rest.partition(b"\n")
        said = True
        yield json.loads(line)


def main(sink: TextIO) -> None:
    """Rehearse what the command line names; write a JSON line at each step."""
    reference, sizes = sys.argv[1], [int(text) for text in sys.argv[2:]]
    try:
        for row in rehearsed(load_pipeline(reference), sizes):
            sink.write(json.dumps(row) + "\n")
            sink.flush()
    except InputError as error:
        sink.write(json.dumps({"error": str(error)}) + "\n")
        sink.flush()


if __name__ == "__main__":
    rows = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    main(rows)
