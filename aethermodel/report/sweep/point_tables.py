"""Tables of a sweep: one row a planned point, one row a sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.fabrics import LABEL_OF
from aethermodel.order_statistics import NONE, Interval, median_interval
from aethermodel.sweep.column_names import column_of, columns_of
from aethermodel.sweep.store import Record, Store
from aethermodel.sweep.target import ProbeTarget

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.sweep.plan import Sweep

UNLABELLED = "unlabelled"
#: Columns of the tables that no parameter takes the place of.
_STATES = ("done", "partly", "failed", "timeout", "missing")
_VALUES = ("value", "low", "high", "p99_seconds", "p99_low", "p99_high", "chance", "disturbed")
_OWN_OF_POINTS = frozenset(("point", "label", "state", *_STATES, *_VALUES, "error"))
_OWN_OF_SAMPLES = frozenset(("point", "probe", "process", "run_order", "seconds", "noisy"))


def _completed(sweep: Sweep, records: list[Record]) -> Sweep:
    """Add the settings that no axis names, as the points had them, where no probe can tell them."""
    if not isinstance(sweep.target, ProbeTarget) or sweep.target.settings is not None:
        return sweep
    own = [record for record in records if record.target == sweep.target.name]
    defaults = {name: [value] for record in own[-1:] for name, value in record.parameters.items()}
    content = sweep.model_dump()
    return type(sweep).model_validate(content | {"parameters": defaults | sweep.parameters})


@dataclass(frozen=True)
class SweepResult:
    """A sweep and the finished points that belong to it.

    Attributes
    ----------
    folder : Path
    sweep : Sweep
    records : list of Record
        The newest of each point and repeat, all of one kind of hosts.
    others : int
        Further records in the store, of other parameters, of other hardware, or older ones.
    """

    folder: Path
    sweep: Sweep
    records: list[Record]
    others: int

    @classmethod
    def load(cls, folder: Path) -> SweepResult:
        """Read a store.

        Raises
        ------
        ValueError
            If the folder is no store, or nothing has finished in it.
        """
        store = Store(folder)
        found = store.records()
        sweep = _completed(store.sweep(), found)
        planned = {(_key(point), r) for point in sweep.points for r in range(sweep.repeats)}
        by_host: dict[str, dict[Any, Record]] = {}
        for record in sorted(found, key=lambda r: r.started):
            place = _key(record.parameters), record.repeat
            if record.target == sweep.target.name and place in planned:
                by_host.setdefault(record.conditions.host, {})[place] = record
        if not by_host:
            raise ValueError(f"{folder}: no point of its sweep has finished yet")
        # Figures of different hardware are no figures of one thing: the one that has most.
        newest = max(by_host.values(), key=lambda own: (len(own), max(map(_started, own.values()))))
        records = sorted(newest.values(), key=lambda r: (r.repeat, r.order))
        return cls(folder, sweep, records, len(found) - len(records))

    @property
    def name(self) -> str:
        """Probe or notebook."""
        return self.sweep.target.name

    @cached_property
    def axes(self) -> list[str]:
        """Columns of the parameters that vary: their names, as far as `points` has none of them."""
        varied = [name for name, values in self.sweep.parameters.items() if len(values) > 1]
        return [column_of("parameter", name, _OWN_OF_POINTS) for name in varied]

    @cached_property
    def metric(self) -> tuple[str, str]:
        """What is shown of a point, and its unit.

        A probe's points are rates where they have a batch size, else times; of a notebook's
        figures the first a second, else the first of all, else the wall time.
        """
        if self.sweep.probe:
            rate = "batch_size" in self.sweep.points[0]
            return ("throughput", "msg/s") if rate else ("time", "s")
        names = list(dict.fromkeys(n for r in self.records for n in r.outcome.figures))
        rates = [name for name in names if name.endswith("_per_second")]
        name = (rates or names or ["wall_seconds"])[0]
        return name, _unit_of(name)

    @property
    def higher_is_better(self) -> bool:
        """Whether the metric is a rate."""
        return self.metric[1] == "msg/s"

    def value(self, record: Record) -> float:
        """Return the metric of one finished run; NaN if it is not done or did not record it."""
        outcome, (name, unit) = record.outcome, self.metric
        if outcome.state != "done":
            return float("nan")
        if self.sweep.probe:
            seconds = median(outcome.sample_seconds)
            return (
                float(record.parameters["batch_size"] / seconds)
                if unit == "msg/s"
                else float(seconds)
            )
        if name == "wall_seconds":
            return outcome.seconds
        return outcome.figure(name)

    def p99(self, record: Record) -> float:
        """Return the P99 that a notebook recorded, or of a probe's samples, in seconds."""
        if record.outcome.state != "done":
            return float("nan")
        if self.sweep.probe:
            return float(np.percentile(record.outcome.sample_seconds, 99))
        names = [name for name in record.outcome.figures if "p99" in name.lower()]
        return record.outcome.figure(names[0]) if names else float("nan")

    def describe(self, parameters: dict[str, Any]) -> str:
        """Return what tells a point from the others."""
        return self.sweep.describe(parameters)

    def label(self, parameters: dict[str, Any]) -> str:
        """Return the provenance label of a point.

        A notebook says itself what moved its bytes, and so do transports and devices: without a
        parameter that tells, their points have none.
        """
        if fabric := parameters.get("fabric"):
            return LABEL_OF.get(fabric, UNLABELLED)
        return "loopback" if self.sweep.probe not in (None, "crossing", "verbs") else UNLABELLED

    @cached_property
    def labels(self) -> str:
        """All labels, for captions."""
        return ", ".join(dict.fromkeys(self.label(point) for point in self.sweep.points))

    @cached_property
    def points(self) -> pd.DataFrame:
        """One row a planned point.

        The axes, ``point``, ``label``, ``state`` (done, partly, failed, timeout, missing),
        counts ``done failed timeout missing``, ``value`` with ``low`` and ``high``, ``p99_seconds``
        with ``p99_low`` and ``p99_high`` (medians over repeats, see `median_interval`), ``chance``
        with which the intervals hold them, ``disturbed`` (share), ``error``.
        """
        import pandas as pd

        by_point: dict[str, list[Record]] = {}
        for record in self.records:
            by_point.setdefault(_key(record.parameters), []).append(record)
        rows = []
        for parameters in self.sweep.points:
            columns = columns_of("parameter", parameters, _OWN_OF_POINTS)
            runs = by_point.get(_key(parameters), [])
            states = [r.outcome.state for r in runs]
            counts = {s: states.count(s) for s in ("done", "failed", "timeout")}
            counts["missing"] = self.sweep.repeats - len(runs)
            values = [v for v in map(self.value, runs) if np.isfinite(v)]
            tails = [t for t in map(self.p99, runs) if np.isfinite(t)]
            held, tail_held = _repeated(values), _repeated(tails)
            rows.append(
                {
                    **{axis: columns[axis] for axis in self.axes},
                    "point": self.describe(parameters),
                    "label": self.label(parameters),
                    "state": _state(counts, self.sweep.repeats),
                    **counts,
                    "value": median(values) if values else float("nan"),
                    "low": held.low,
                    "high": held.high,
                    "p99_seconds": median(tails) if tails else float("nan"),
                    "p99_low": tail_held.low,
                    "p99_high": tail_held.high,
                    "chance": held.chance,
                    "disturbed": max((r.outcome.disturbed for r in runs), default=float("nan")),
                    "error": next((r.outcome.error for r in runs if r.outcome.error), ""),
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row a sample (a run, of a notebook): point, parameters, repeat, order, seconds."""
        import pandas as pd

        rows = []
        for record in self.records:
            o = record.outcome
            taken = o.samples or ([{"seconds": o.seconds}] if o.state == "done" else [])
            rows += [
                {
                    "point": self.describe(record.parameters),
                    **columns_of("parameter", record.parameters, _OWN_OF_SAMPLES),
                    "probe": record.target,
                    "process": record.repeat,
                    "run_order": record.order,
                    "seconds": s["seconds"],
                    "noisy": bool(s.get("noisy", record.noisy)),
                }
                for s in taken
            ]
        columns = ["point", "process", "run_order", "seconds", "noisy"]
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _repeated(values: list[float]) -> Interval:
    """A single repeat has no spread to draw."""
    return median_interval(values) if len(values) > 1 else NONE


def _started(record: Record) -> str:
    return record.started


def _key(parameters: dict[str, Any]) -> str:
    return repr(sorted(parameters.items()))


def _unit_of(name: str) -> str:
    if name.endswith("_per_second"):
        return "msg/s"
    return "s" if name.endswith("seconds") else ""


def _state(counts: dict[str, int], repeats: int) -> str:
    if counts["done"] == repeats:
        return "done"
    if counts["done"]:
        return "partly"
    return next((s for s in ("timeout", "failed") if counts[s]), "missing")
