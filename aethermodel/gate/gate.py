"""Gate: a change is stopped only where the interval of the change lies beyond its limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from aethermodel.gate.alignment import aligned
from aethermodel.gate.limits import Limit, Quantity
from aethermodel.gate.runs import CalibrationRun, LawRun, Run
from aethermodel.gate.student import shift
from aethermodel.inputs.refusals import InputError
from aethermodel.text.percentages import percentage

Outcome = Literal["ok", "worse", "cannot tell"]
#: Chance at most that an unchanged pull request is stopped, over all that is compared.
ALARMS = 0.01
#: Run-to-run spread where nothing tells it: relative standard deviation.
ASSUMED_SPREAD = 0.02
#: Without a limit: a change within this is none, whatever the interval says.
SMALLEST = 0.02
#: Without a limit: what could be worse by this much is not called unchanged.
HIDDEN = 0.10
#: Without a limit and without a history.
DEFAULT_LIMIT = 0.05
#: Exit status of each outcome.
STATUS: dict[Outcome, int] = {"ok": 0, "worse": 1, "cannot tell": 3}


@dataclass(frozen=True)
class Row:
    """One quantity of one curve, base against head.

    Attributes
    ----------
    curve, quantity, unit : str
    base, head : float
        Geometric means over the runs.
    ratio, low, high : float
        Head over base with its interval.
    limit : float or None
        Relative change allowed; None where the spread of the runs itself is the limit.
    outcome : {"ok", "worse", "cannot tell"}
    """

    curve: str
    quantity: str
    unit: str
    base: float
    head: float
    ratio: float
    low: float
    high: float
    limit: float | None
    outcome: Outcome


@dataclass(frozen=True)
class Verdict:
    """What a gate says.

    Attributes
    ----------
    outcome : {"ok", "worse", "cannot tell"}
        The worst of the rows'.
    rows : tuple of Row
    base_runs, head_runs : int
        The fewest of any curve.
    spread : float
        Relative standard deviation of a run, the largest of the rows'.
    remarks : tuple of str
        Where the limits and the spread come from, and what was left out.
    """

    outcome: Outcome
    rows: tuple[Row, ...]
    base_runs: int
    head_runs: int
    spread: float
    remarks: tuple[str, ...]

    @property
    def status(self) -> int:
        """Exit status: 0 ok, 1 worse, 3 cannot tell."""
        return STATUS[self.outcome]

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says."""
        return asdict(self)


def _check_alike(base: Sequence[Run], head: Sequence[Run]) -> None:
    """Refuse to compare a law with a calibration, or laws whose sizes count different things."""
    first, *others = ((run.label, _kind(run)) for run in (*base, *head))
    for label, kind in others:
        if kind != first[1]:
            raise InputError(f"{first[0]} is {first[1]}, {label} is {kind}: nothing to compare")


def _kind(run: Run) -> str:
    if isinstance(run, CalibrationRun):
        return "a calibration"
    unit = run.law.size_unit if isinstance(run, LawRun) else ""
    return f"a law over {unit}" if unit else "a law"


def gate(
    base: Mapping[str, Sequence[Run]],
    head: Mapping[str, Sequence[Run]],
    limits: Sequence[Limit] = (),
    *,
    spread: float | None = None,
) -> Verdict:
    """Compare the laws of two sides.

    Parameters
    ----------
    base, head : mapping of str to sequence of Run
        As `aethermodel.gate.run_files.read_runs` gives them, by the name of the curve.
    limits : sequence of Limit, optional
        Without one the times at the smallest, the middle and the largest size are compared: with
        what the runs' own spread explains where there are several, else with 5 %.
    spread : float, optional
        Relative standard deviation between runs, where it is known. Else it is that of the runs
        about their side's mean, and 2 % where each side has one.

    Raises
    ------
    InputError
        If the sides have no curve in common, or are of different things; or a quantity is not
        there.

    Notes
    -----
    Each run is one value of each quantity: state that a whole run shares (a neighbour, a
    placement, a build) is no repeat, and the samples within a run cannot show it. The logarithms of
    both sides are compared by Student's t with the runs' pooled scatter, which is at least what the
    laws' own intervals say; the interval leaves out 1 % on either side over all rows together, half
    of that without limits, so that an unchanged head is stopped at most once in 100 times.
    """
    if spread is not None and not 0 <= spread < 1:
        raise InputError(f"a spread between runs is 0 or more and below 1, not {spread!r}")
    common = [name for name in base if name in head]
    if not common:
        raise InputError(
            "base and head have no curve in common: base has "
            f"{'; '.join(name or 'one' for name in base)}, head has "
            f"{'; '.join(name or 'one' for name in head)}"
        )
    for name in common:
        _check_alike(base[name], head[name])
    wanted = {name: _limits(base[name], head[name], limits) for name in common}
    count = sum(map(len, wanted.values()))
    several = all(len(base[name]) + len(head[name]) > 2 for name in common)
    given = bool(limits)
    rows, spreads = [], []
    for name in common:
        sides: tuple[Sequence[Run], Sequence[Run]] = base[name], head[name]
        if any(limit.quantity.parameter for limit in wanted[name]):
            sides = aligned(*sides)
        for limit in wanted[name]:
            found = _Compared.of(*sides, limit.quantity, spread)
            change = limit.change if given or not (several or spread is not None) else None
            # A limit keeps an unchanged head far from being stopped; without one only this does.
            chance = ALARMS / count if change is not None else ALARMS / 2 / count
            rows.append(found.row(name, limit.quantity, change, chance))
            spreads.append(found.spread)
    outcomes = {row.outcome for row in rows}
    outcome: Outcome = "ok"
    if "cannot tell" in outcomes:
        outcome = "cannot tell"
    if "worse" in outcomes:
        outcome = "worse"
    return Verdict(
        outcome,
        tuple(rows),
        min(len(base[name]) for name in common),
        min(len(head[name]) for name in common),
        max(spreads),
        tuple(_remarks(base, head, given=given, several=several, spread=spread)),
    )


def _limits(base: Sequence[Run], head: Sequence[Run], limits: Sequence[Limit]) -> list[Limit]:
    """Return the limits of a curve; its times at three sizes without one."""
    if limits:
        return list(limits)
    low = max(float(run.sizes[run.sizes > 0][0]) for run in (*base, *head))
    high = min(float(run.sizes[-1]) for run in (*base, *head))
    if low > high:
        raise InputError("base and head have no range of sizes in common")
    measured = base[-1].sizes
    measured = measured[(measured >= low) & (measured <= high)]
    middle = float(measured[np.argmin(np.abs(np.log(measured) - np.log(low * high) / 2))])
    places = dict.fromkeys((low, middle, high))
    return [Limit(Quantity(size=size), DEFAULT_LIMIT) for size in places]


@dataclass(frozen=True)
class _Compared:
    base: np.ndarray[Any, np.dtype[np.float64]]
    head: np.ndarray[Any, np.dtype[np.float64]]
    within: float
    given: float | None
    unit: str

    @classmethod
    def of(
        cls, base: Sequence[Run], head: Sequence[Run], quantity: Quantity, spread: float | None
    ) -> _Compared:
        first, second = ([run.estimate(quantity) for run in side] for side in (base, head))
        within = float(np.mean([one.variance for one in (*first, *second)]))
        variance = None
        if spread is not None:
            variance = spread**2 + within
        elif len(first) + len(second) <= 2:
            variance = ASSUMED_SPREAD**2 + within
        return cls(
            np.array([one.log for one in first]),
            np.array([one.log for one in second]),
            within,
            variance,
            head[0].unit(quantity),
        )

    @property
    def spread(self) -> float:
        """Relative standard deviation of a run."""
        if self.given is not None:
            return math.sqrt(self.given)
        groups = (self.base, self.head)
        squares = sum(float(np.sum((group - group.mean()) ** 2)) for group in groups)
        variance = squares / (self.base.size + self.head.size - 2)
        return math.sqrt(max(variance, self.within))

    def row(self, curve: str, quantity: Quantity, limit: float | None, chance: float) -> Row:
        """Judge, leaving out `chance` on either side of the interval."""
        moved = shift(
            self.base, self.head, pooled=True, least_variance=self.within, variance=self.given
        )
        half = moved.half_width(chance)
        ratio, low, high = (math.exp(min(moved.value + by, 700.0)) for by in (0, -half, half))
        return Row(
            curve,
            str(quantity),
            self.unit,
            math.exp(self.base.mean()),
            math.exp(self.head.mean()),
            ratio,
            low,
            high,
            limit,
            _outcome(ratio, low, high, limit),
        )


def _outcome(ratio: float, low: float, high: float, limit: float | None) -> Outcome:
    if math.isnan(low):
        return "cannot tell"
    if limit is None:
        if low > 1 and ratio > 1 + SMALLEST:
            return "worse"
        return "ok" if high < 1 + HIDDEN else "cannot tell"
    edge = 1 + limit
    if limit < 0:
        return "worse" if high < edge else "ok" if low >= edge else "cannot tell"
    return "worse" if low > edge else "ok" if high <= edge else "cannot tell"


def _remarks(
    base: Mapping[str, Sequence[Run]],
    head: Mapping[str, Sequence[Run]],
    *,
    given: bool,
    several: bool,
    spread: float | None,
) -> list[str]:
    remarks = []
    if not given and (several or spread is not None):
        remarks.append(
            "no limit given: what the runs' spread explains is allowed, and a change within "
            f"{percentage(SMALLEST, 0)} is none"
        )
    elif not given:
        remarks.append(f"no limit given: times may grow by {percentage(DEFAULT_LIMIT, 0)}")
    if spread is not None:
        remarks.append(f"a run differs from another by {percentage(spread, 1)}, as given")
    elif not several:
        remarks.append(
            "one run a side does not tell what runs differ by: "
            f"{percentage(ASSUMED_SPREAD, 0)} is taken; give a history, or folders of several runs"
        )
    for side, other, name in ((base, head, "base"), (head, base, "head")):
        only = [curve for curve in side if curve not in other]
        if only:
            remarks.append(f"only in {name}: {'; '.join(only)}")
    return remarks
