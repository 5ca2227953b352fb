"""The store: a folder with one file a finished point, each written whole.

``sweep.json`` is the sweep, ``points/KEY.json`` a record, ``notebooks/KEY.ipynb`` an
executed notebook; `aethermodel.sweep.tables` adds Parquet. Names that start with a dot
are being written; whatever ends the writer leaves at most those.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from aethermodel.documents import write_whole
from aethermodel.sweep.identity import Conditions, Reuse, identity
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.target import Outcome

State = Literal["done", "failed", "timeout"]

# By name, and not whatever starts with a dot: the folder may be somebody's checkout.
_WRITTEN = ("sweep.json", "points.parquet", "samples.parquet", "summary.ipynb")


class Record(BaseModel):
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
    started : str
        ISO 8601, UTC.
    conditions : Conditions
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    target: str
    parameters: dict[str, Any]
    repeat: int
    order: int
    outcome: Outcome
    tries: int = 1
    noisy: bool = False
    started: str = ""
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
        plan = self.folder / "sweep.json"
        try:
            return Sweep.model_validate_json(plan.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{plan} is no sweep of this version: {_fault(error)}") from None

    def records(self) -> list[Record]:
        """Read every finished point.

        Raises
        ------
        ValueError
            If a file is damaged: none can be by a crash of ours.
        """
        records = []
        for path in self.files():
            try:
                records.append(Record.model_validate_json(path.read_bytes()))
            except ValidationError as error:
                raise ValueError(f"{path} is damaged, remove it: {_fault(error)}") from None
        return records

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
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"{self.folder}: another sweep is writing here") from None
            self._clean()
            text = sweep.model_dump_json(indent=2) + "\n"
            plan = self.folder / "sweep.json"
            if not plan.is_file() or plan.read_bytes() != text.encode():
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


def _fault(error: ValidationError) -> str:
    """Return the first thing that is wrong, and where."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


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
