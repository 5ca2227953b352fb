"""Store of a sweep: a folder with one file a finished point.

``sweep.json`` is the sweep, ``points/KEY.json`` a record, ``notebooks/KEY.ipynb`` an
executed notebook; `aethermodel.sweep.parquet_tables` adds Parquet. Names that start with a dot
are being written; whatever ends the writer leaves at most those.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from aethermodel.inputs.fields import Content, Line, Moment, Name, Sha256
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import check_plain, parse_json
from aethermodel.inputs.refusals import InputError
from aethermodel.output_files import check_apart, write_whole
from aethermodel.sweep.identity import Conditions, Reuse, identity
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.target import Outcome, State

__all__ = ["Record", "State", "Store", "finished"]

#: Most bytes of a sweep and of a finished point.
_MOST_PLAN, _MOST_RECORD = 16 * 2**20, 64 * 2**20
# By name, and not whatever starts with a dot: the folder may be somebody's checkout.
_WRITTEN = ("sweep.json", "points.parquet", "samples.parquet", "summary.ipynb")


Count = Annotated[int, Field(ge=0, le=2**40)]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    check_plain(values)
    return values


class Record(Content):
    """A finished point.

    Attributes
    ----------
    key : str
        `identity` of the strict kind.
    target, parameters, repeat, order
        What ran, and when in the sweep.
    outcome : Outcome
    tries : int
        One more than how often the noise gate sent it back.
    noisy : bool
        Whether the last try, too, was above the gate.
    started, ended : str
        ISO 8601, UTC.
    place : str
        Host that it ran on, as `aethermodel.execute.place.this_place` calls it.
    conditions : Conditions
    """

    key: Sha256
    target: Line
    parameters: Annotated[dict[Name, Any], AfterValidator(_plain)]
    repeat: Count
    order: Count
    outcome: Outcome
    tries: Annotated[int, Field(ge=1, le=1_000)] = 1
    noisy: bool = False
    started: Moment | Literal[""] = ""
    ended: Moment | Literal[""] = ""
    place: Annotated[str, Field(max_length=64)] = ""
    conditions: Conditions


class Store:
    """Finished points in a folder.

    Parameters
    ----------
    folder : Path
        Made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.points = folder / "points"
        self.notebooks = folder / "notebooks"

    @property
    def exists(self) -> bool:
        """Whether a sweep has been stored here."""
        return (self.folder / "sweep.json").is_file()

    @property
    def tabulated(self) -> bool:
        """Whether the Parquet tables hold every finished point."""
        table = self.folder / "points.parquet"
        # A record that appears changes the time of its folder.
        return table.is_file() and table.stat().st_mtime_ns >= self.points.stat().st_mtime_ns

    def sweep(self) -> Sweep:
        """Return the sweep that was run last.

        Raises
        ------
        ValueError
            If the folder is no store, or the sweep no longer fits the code.
        """
        if not self.exists:
            raise ValueError(f"{self.folder}: no store of a sweep")
        return read_plan(self.folder / "sweep.json")

    def records(self) -> list[Record]:
        """Read every finished point; a file that was copied counts once.

        Raises
        ------
        InputError
            If a file is damaged: none can be by a crash of ours.
        """
        records: dict[str, Record] = {}
        for path in self.files():
            record = read_record(path)
            # Of copies the one counts that stands where it was put, or else the first.
            if record.key not in records or path.stem == record.key:
                records[record.key] = record
        return list(records.values())

    def files(self) -> list[Path]:
        """Return the files of the finished points."""
        if not self.points.is_dir():
            return []
        # By name and not as paths, which take four times as long to sort.
        with os.scandir(self.points) as entries:
            names = sorted(e.name for e in entries if e.name.endswith(".json"))
        return [self.points / name for name in names if not name.startswith(".")]

    def put(self, record: Record) -> None:
        """Keep a finished point, in place of an earlier run of it."""
        write_whole(self.points / f"{record.key}.json", record.model_dump_json())

    def check_outside(self, target: Path) -> None:
        """Refuse to write over what is kept here, by whatever spelling or link.

        Raises
        ------
        InputError
        """
        place, folder = Path(os.path.realpath(target)), Path(os.path.realpath(self.folder))
        kept = [folder / name for name in (*_WRITTEN, "calibration.json")]
        for inner in (folder / "points", folder / "notebooks"):
            if place.parent == inner:
                raise InputError(f"{target} is a place of the store {self.folder}: give another")
            if target.exists() and inner.is_dir():
                kept += inner.iterdir()
        check_apart(target, kept)

    @contextmanager
    def writer(self, sweep: Sweep) -> Iterator[None]:
        """Be the one writer; removes what a crash left half-written.

        Raises
        ------
        ValueError
            If another process writes.
        """
        self.points.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                import fcntl  # of Unix alone: a store is read anywhere

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"{self.folder}: another sweep is writing here") from None
            self._clean()
            text = sweep.model_dump_json(indent=2) + "\n"
            plan = self.folder / "sweep.json"
            if not plan.is_file() or read_bytes(plan) != text.encode():
                write_whole(plan, text)
            yield
        finally:
            os.close(lock)

    def _clean(self) -> None:
        drafts = [self.folder.glob(f".{name}.*") for name in _WRITTEN]
        drafts += [self.points.glob(".*.json.*"), self.notebooks.glob(".*.ipynb.*")]
        for leftover in chain(*drafts):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def read_plan(path: Path) -> Sweep:
    """Read the sweep that a store keeps.

    Raises
    ------
    InputError
        If it is damaged, or of another version.
    """
    with refusing(path, " is no sweep of this version"):
        return Sweep.model_validate(parse_json(read_bytes(path, _MOST_PLAN)))


def read_record(path: Path) -> Record:
    """Read a finished point.

    Raises
    ------
    InputError
        If it is damaged.
    """
    with refusing(path, " is damaged, remove it"):
        return Record.model_validate(parse_json(read_bytes(path, _MOST_RECORD)))


def finished(
    records: list[Record], sweep: Sweep, where: list[Conditions], reuse: Reuse
) -> dict[int, Record]:
    """Say which jobs of a sweep need not run again.

    Parameters
    ----------
    records : list of Record
    sweep : Sweep
    where : list of Conditions
        Of the hosts that may run points; a record of any of them counts.
    reuse : {"params", "code", "strict"}

    Returns
    -------
    dict of int to Record
        By the job's order. A finished point that failed is among them: see its state.
    """
    here = where[0]
    jobs = sweep.jobs()
    by_identity: dict[str, Record] = {}
    for record in records:
        if record.target == sweep.target.name:
            known = _recorded_identity(record, sweep, reuse)
            if known not in by_identity or record.outcome.state == "done":
                by_identity[known] = record
    found: dict[int, Record] = {}
    for job in jobs:
        for conditions in where if reuse == "strict" else [here]:
            if (wanted := identity(sweep, job, conditions, reuse)) in by_identity:
                found[job.order] = by_identity[wanted]
                break
    return found


def _recorded_identity(record: Record, sweep: Sweep, reuse: Reuse) -> str:
    if reuse == "strict":
        return record.key
    job = Job(record.parameters, record.repeat, record.order)
    return identity(sweep, job, record.conditions, reuse)
