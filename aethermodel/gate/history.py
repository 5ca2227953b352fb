"""History: an append-only folder of laws or calibrations by commit and host."""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from aethermodel.gate.change_points import change_points
from aethermodel.gate.limits import Quantity
from aethermodel.gate.runs import MOST_RUNS, CalibrationRun, LawRun, Run, WholeRun
from aethermodel.inputs.fields import Content, Id, Moment
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.refusals import InputError, quoted

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.laws.law import Law

SCHEMA = "aethermodel.history/1"


class _Entry(Content):
    schema_: Literal["aethermodel.history/1"] = Field(alias="schema")
    commit: Id
    host: Id
    moment: Moment
    laws: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)
    calibration: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.laws) == (self.calibration is not None):
            raise ValueError("an entry holds laws or a calibration")
        return self


@dataclass(frozen=True)
class Entry:
    """The laws, or the calibration, of one commit on one host.

    Attributes
    ----------
    path : pathlib.Path
    commit, host : str
    moment : str
        When it was added, or the date that was given: ISO 8601 with its offset.
    runs : mapping of str to WholeRun
        By the name of the curve; a calibration's has none.
    """

    path: Path
    commit: str
    host: str
    moment: str
    runs: Mapping[str, WholeRun]

    @property
    def when(self) -> datetime:
        """The moment, for ordering."""
        return datetime.fromisoformat(self.moment)


@dataclass(frozen=True)
class Track:
    """One quantity of one curve on one host, over the entries.

    Attributes
    ----------
    host, curve : str
    quantity : Quantity
    unit : str
    points : tuple of Point
    """

    host: str
    curve: str
    quantity: Quantity
    unit: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Point:
    """One entry of a track.

    Attributes
    ----------
    entry : Entry
    value, low, high : float
    begins : bool
        Whether a new level begins here.
    change : float
        Then, the relative change of the level; 0 elsewhere.
    """

    entry: Entry
    value: float
    low: float
    high: float
    begins: bool
    change: float


class History:
    """A folder of entries; each is a file of its own that is never written again.

    Parameters
    ----------
    folder : pathlib.Path
        Need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        kept: Mapping[str, Law] | Calibration,
        commit: str,
        host: str,
        moment: datetime | None = None,
    ) -> Path:
        """Add an entry.

        Parameters
        ----------
        kept : mapping of str to Law, or Calibration
        commit, host : str
            Letters, digits, ``_``, ``.`` and ``-``.
        moment : datetime, optional
            With its offset; now by default. Entries are shown in this order.

        Returns
        -------
        pathlib.Path
            The new file. Processes that add at once get files of their own.

        Raises
        ------
        InputError
            If commit or host have other signs.
        """
        when = (moment or datetime.now(UTC)).astimezone(UTC)
        held: dict[str, Any]
        if isinstance(kept, Mapping):
            held = {"laws": [law.document() for law in kept.values()]}
        else:
            held = {"calibration": kept.to_json()}
        document = {
            "schema": SCHEMA,
            "commit": commit,
            "host": host,
            "moment": when.isoformat(timespec="microseconds"),
            **held,
        }
        with refusing("history"):
            _Entry.model_validate(document)
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        stem = f"{when:%Y%m%dT%H%M%S.%f}Z-{commit[:12]}"
        temporary = self.folder / f".{stem}-{secrets.token_hex(8)}"
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            while True:
                target = self.folder / f"{stem}-{secrets.token_hex(4)}.json"
                try:
                    # Unlike a rename, a link never takes the place of a file that is there.
                    target.hardlink_to(temporary)
                except FileExistsError:
                    continue
                self.__dict__.pop("entries", None)
                return target
        finally:
            temporary.unlink(missing_ok=True)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All entries in the order of their moments.

        Raises
        ------
        InputError
            If a file that calls itself an entry is none; names it.
        """
        found = []
        for path in sorted(self.folder.glob("*.json")):
            if (entry := _read(path)) is not None:
                found.append(entry)
        return tuple(sorted(found, key=lambda entry: (entry.when, entry.path.name)))

    def of(self, curve: str, host: str | None = None) -> tuple[Entry, ...]:
        """Return the entries of a host that have a curve; of all hosts without one."""
        return tuple(
            entry
            for entry in self.entries
            if curve in entry.runs and (host is None or entry.host == host)
        )

    @property
    def curves(self) -> tuple[str, ...]:
        """Names of all curves."""
        return tuple(dict.fromkeys(name for entry in self.entries for name in entry.runs))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Ids of all hosts."""
        return tuple(sorted({entry.host for entry in self.entries}))

    def track(self, curve: str, quantity: Quantity, host: str | None = None) -> tuple[Point, ...]:
        """Return a quantity over the entries, with the places where its level changes.

        Entries whose law does not have it are left out.

        Raises
        ------
        InputError
            If none has it.
        """
        known = []
        refusal = None
        for entry in self.of(curve, host):
            try:
                known.append((entry, entry.runs[curve].estimate(quantity)))
            except InputError as error:
                refusal = error
        if not known:
            raise refusal or InputError(f"{self.folder}: no entry of curve {curve!r}")
        logs = [estimate.log for _, estimate in known]
        cuts = change_points(logs, [estimate.variance for _, estimate in known])
        edges = [0, *cuts, len(logs)]
        levels = [sum(logs[a:b]) / (b - a) for a, b in pairwise(edges)]
        changes = {cut: math.exp(levels[at + 1] - levels[at]) - 1 for at, cut in enumerate(cuts)}
        return tuple(
            Point(
                entry,
                math.exp(estimate.log),
                math.exp(estimate.log - half),
                math.exp(min(estimate.log + half, 700.0)),
                at in changes,
                changes.get(at, 0.0),
            )
            for at, (entry, estimate) in enumerate(known)
            for half in [1.959964 * math.sqrt(estimate.variance)]
        )

    def tracks(
        self, curve: str, host: str, sizes: Sequence[float] = (), parameters: Sequence[str] = ()
    ) -> Iterator[Track]:
        """Yield the tracks of a curve: its parameters, then its times.

        Parameters
        ----------
        curve, host : str
        sizes : sequence of float
            Of the times; the smallest, a middle and the largest measured one by default.
        parameters : sequence of str
            All by default.

        Raises
        ------
        InputError
            If no entry has one of the parameters.
        """
        entries = self.of(curve, host)
        if not entries:
            return
        known = {
            p.name: p.unit for entry in entries for p in entry.runs[curve].parameters if p.value
        }
        for name in parameters:
            if name not in known:
                has = ", ".join(known) or "none"
                raise InputError(f"no parameter {quoted(name)}; there are {has}")
        measured = entries[-1].runs[curve].sizes
        measured = measured[measured > 0]
        wanted = sizes or [float(measured[at]) for at in (0, len(measured) // 2, -1)]
        asked = [(Quantity(name), known[name]) for name in parameters or known]
        asked += [(Quantity(size=size), "s") for size in dict.fromkeys(wanted)]
        for quantity, unit in asked:
            yield Track(host, curve, quantity, unit, self.track(curve, quantity, host))

    def steady_runs(self, host: str | None = None) -> dict[str, list[Run]]:
        """Return the runs since the last change, by curve: what a new run is compared with.

        Parameters
        ----------
        host : str, optional
            The only one unless given.

        Raises
        ------
        InputError
            If the host has none, or there are several and none is given: what hosts differ by is
            no spread of runs.
        """
        if host is None and len(self.hosts) > 1:
            raise InputError(
                f"{self.folder}: entries of several hosts: choose one of {', '.join(self.hosts)} "
                "(--host)"
            )
        runs: dict[str, list[Run]] = {}
        for curve in self.curves:
            entries = self.of(curve, host)
            if not entries:
                continue
            begin = max((cut for cut in self._last_changes(curve, host)), default=0)
            runs[curve] = [entry.runs[curve] for entry in entries[begin:][-MOST_RUNS:]]
        if not runs:
            raise InputError(
                f"{self.folder}: no entry of host {host}; it has {', '.join(self.hosts)}"
            )
        return runs

    def _last_changes(self, curve: str, host: str | None) -> list[int]:
        """Where the times at the ends and the middle of the sizes changed last."""
        entries = self.of(curve, host)
        sizes = entries[-1].runs[curve].sizes
        sizes = sizes[sizes > 0]
        found = []
        for size in dict.fromkeys((sizes[0], sizes[len(sizes) // 2], sizes[-1])):
            try:
                points = self.track(curve, Quantity(size=float(size)), host)
            except InputError:
                continue
            begins = [entries.index(point.entry) for point in points if point.begins]
            found += begins[-1:]
        return found


def _read(path: Path) -> Entry | None:
    """Read an entry; None for a file that is none of ours."""
    content = read_bytes(path)
    if SCHEMA.encode() not in content and b'"aethermodel.history/' not in content:
        return None
    with refusing(path):
        entry = _Entry.model_validate_json(content)
        runs = _runs(entry)
    return Entry(path, entry.commit, entry.host, entry.moment, runs)


def _runs(entry: _Entry) -> dict[str, WholeRun]:
    label = entry.commit[:12]
    if entry.calibration is not None:
        from aethermodel.calibrate.calibration.calibration import Calibration

        return {"": CalibrationRun(label, Calibration.from_json(entry.calibration))}
    from aethermodel.laws.law import Law

    laws = [Law.from_document(document) for document in entry.laws]
    return {law.name: LawRun(label, law) for law in laws}
