"""Answers from any law: sizes, waits, latency under load, what each cost buys, what to measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel import thresholds
from aethermodel.advice.latency_under_load import Server, check_arrivals
from aethermodel.advice.law_samples import SHARED_WORK, LawSizes, breaks, rate_unit
from aethermodel.calibrate.predict.monte_carlo import Answer, answer
from aethermodel.calibrate.predict.size_answers import SHARE, SHARES, Optimum
from aethermodel.inputs.refusals import InputError
from aethermodel.model.optimal_batch_size import best_rate, size_for_rate
from aethermodel.text.number_format import size_text
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.laws.law import Law


# What is less reads "0 %".
_LEAST_SHARE = 0.005


@dataclass(frozen=True)
class Quantity:
    """A figure with its interval.

    Attributes
    ----------
    value, low, high : float
    unit : str
    note : str
        What the figure rests on, or what weakens it.
    """

    value: float
    low: float
    high: float
    unit: str
    note: str = ""

    @classmethod
    def of(cls, known: Answer, unit: str, note: str = "") -> Quantity:
        """Give an answer its unit."""
        return cls(known.value, known.low, known.high, unit, note)

    def size_text(self, unit: str) -> str:
        """Write a size with its interval; ``N`` is the size itself, which no unit says twice."""
        low, value, high = (size_text(size) for size in (self.low, self.value, self.high))
        ends = f" ({low} to {high})" if low != high else ""
        return f"{value}{ends} {'' if unit == 'N' else unit}".rstrip()


@dataclass(frozen=True)
class CostShare:
    """What part of the time one cost makes, and what halving it buys.

    Attributes
    ----------
    name : str
        Of a parameter of the law.
    share : Quantity
        Of the time at the size that was asked about.
    gain : float
        Relative gain in rate if the cost is halved.
    """

    name: str
    share: Quantity
    gain: float

    @property
    def is_told(self) -> bool:
        """Whether half a percent or more: a composed law has a dozen costs that are nothing."""
        return self.share.value >= _LEAST_SHARE


@dataclass(frozen=True)
class Answers:
    """Answers from one law; None where `reasons` says why there is none.

    Attributes
    ----------
    law : str
        Name of the curve.
    rate_unit, size_unit : str
    best_rate : Quantity
        Highest rate at a measured size.
    n_half : Quantity or None
        Size of half that rate; of an affine law half its limit (Hockney's n-half).
    knees : tuple of Quantity
        Sizes at which the slope or the level changes.
    shares : tuple of Optimum
        Ranges of sizes that reach 90, 95 and 99 % of the best rate.
    for_rate, for_latency : Optimum or None
    fill : Quantity or None
        Longest wait for a batch to fill at the arrival rate.
    p50, p99 : Quantity or None
        Latency at the arrival rate or load.
    at_size : float
        Size that `costs` are of.
    costs : tuple of CostShare
    next_size : Quantity
        Size whose measurement would tell most.
    reasons : mapping
        By the name of an answer, why there is none.
    """

    law: str
    rate_unit: str
    size_unit: str
    best_rate: Quantity
    n_half: Quantity | None
    knees: tuple[Quantity, ...]
    shares: tuple[Optimum, ...]
    for_rate: Optimum | None
    for_latency: Optimum | None
    fill: Quantity | None
    p50: Quantity | None
    p99: Quantity | None
    at_size: float
    costs: tuple[CostShare, ...]
    next_size: Quantity
    reasons: Mapping[str, str] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says."""
        return asdict(self)


def answers(
    law: Law,
    *,
    rate: float | None = None,
    latency: float | None = None,
    load: float | None = None,
    arrivals: str | None = None,
    record_bytes: float | None = None,
    level: float = thresholds.LEVEL,
) -> Answers:
    """Answer the usual questions from a law.

    Parameters
    ----------
    law : Law
    rate : float, optional
        Arrivals a second, in the unit of the law's sizes; of a law over bytes with `record_bytes`
        in records.
    latency : float, optional
        Longest time of a batch wanted, in seconds.
    load : float, optional
        Instead of `rate`: the share of what the recommended batch carries, above 0 and below 1.
    arrivals : {"poisson", "bursty", "steady"}, optional
        For P50 and P99; Poisson unless given.
    record_bytes : float, optional
        Size of a record, of a law over bytes.
    level : float
        Confidence of the intervals, which come from joint draws of the law.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    for name, figure in (("rate", rate), ("latency", latency)):
        if figure is not None and not 0 < figure < np.inf:
            raise InputError(f"a {name} is a finite number above 0, not {figure!r}")
    if load is not None and not 0 < load < 1:
        raise InputError(f"a load lies above 0 and below 1, not at {load!r}")
    if arrivals is not None:
        check_arrivals(arrivals)
    sizes = LawSizes(law, level)
    size_unit = law.size_unit or law.size_name
    reasons: dict[str, str] = {}
    record = record_bytes if law.size_unit == "B" and record_bytes else 1.0
    best = sizes.best_rate()
    still = "the rate still grows at the largest measured size" if sizes.grows_to_the_end else ""
    shares = tuple(sizes.share(share) for share in SHARES)
    good = next(o for o, share in zip(shares, SHARES, strict=True) if share == SHARE)
    at_size = good.size.value
    for_rate = None
    if rate is not None:
        for_rate = _unless_never(sizes.rate(rate * record), "for_rate", reasons)
    for_latency = None
    if latency is not None:
        for_latency = _unless_never(sizes.within(latency), "for_latency", reasons)
    fill = _fill(for_rate, rate, record, reasons)
    p50, p99 = _percentiles(law, good, rate, load, arrivals, record_bytes, level, reasons)
    return Answers(
        law=law.name,
        rate_unit=rate_unit(law),
        size_unit=size_unit,
        best_rate=Quantity.of(best, rate_unit(law), still),
        n_half=n_half(sizes, reasons),
        knees=_knees(law),
        shares=shares,
        for_rate=for_rate,
        for_latency=for_latency,
        fill=fill,
        p50=p50,
        p99=p99,
        at_size=at_size,
        costs=cost_shares(law, at_size),
        next_size=next_size(law, level),
        reasons=reasons,
    )


def _unless_never(found: Optimum, name: str, reasons: dict[str, str]) -> Optimum | None:
    if np.isnan(found.size.value):
        reasons[name] = f"{found.goal}: even the smallest measured size takes longer"
        return None
    if np.isinf(found.size.value):
        reasons[name] = f"{found.goal}: no size up to four times the largest measured one"
        return None
    return found


def _fill(
    for_rate: Optimum | None, rate: float | None, record: float, reasons: dict[str, str]
) -> Quantity | None:
    if rate is None or for_rate is None:
        reasons["fill"] = "needs a rate that some size carries"
        return None
    size, each = for_rate.size, 1 / (record * rate)
    note = f"for the smallest batch that carries the rate, N = {size_text(size.value)}"
    return Quantity(size.value * each, size.low * each, size.high * each, "s", note)


def _percentiles(
    law: Law,
    good: Optimum,
    rate: float | None,
    load: float | None,
    arrivals: str | None,
    record_bytes: float | None,
    level: float,
    reasons: dict[str, str],
) -> tuple[Quantity | None, Quantity | None]:
    if rate is None and load is None:
        reasons["p99"] = "needs a rate or a load"
        return None, None
    try:
        server = Server(law, record_bytes)
        wanted = rate
        batch = round(np.clip(good.size.value / server.record, 1, server.largest))
        if wanted is None:
            assert load is not None
            wanted = load * server.capacity(batch)
        elif wanted >= server.capacity(batch):
            batch = server.fastest()
        kind = arrivals or "poisson"
        p50, p99 = server.percentiles(wanted, batch, arrivals=kind, level=level)
    except ValueError as error:
        reasons["p99"] = str(error)
        return None, None
    note = f"batches up to {batch:,} at {size_text(wanted)}/s; {server.assumes(kind)}"
    first, last = (Quantity(p.seconds, p.low, p.high, "s", note) for p in (p50, p99))
    return first, last


def n_half(sizes: LawSizes, reasons: dict[str, str]) -> Quantity | None:
    """Return the size of half the best rate, and note the reason where there is none."""
    law = sizes.law
    unit = law.size_unit or law.size_name
    if law.family in SHARED_WORK:
        reasons["n_half"] = f"the time falls with {law.size_name}: there is no batch to fill"
        return None
    if law.family == "affine":
        # T = a + b N: the two times tell a and b, of the law and of every draw.
        ends = sizes.times[0].sizes[[0, -1]]

        def half(table: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
            slope = (table[:, -1] - table[:, 0]) / (ends[1] - ends[0])
            with np.errstate(divide="ignore"):
                return np.maximum(table[:, 0] - slope * ends[0], 0) / np.maximum(slope, 1e-300)

        point, drawn = (half(times.table) for times in sizes.times)
        known, note = answer(float(point[0]), drawn, sizes.level), "of the law's limit, 1 / slope"
    else:
        wanted = [0.5 * best_rate(one, law.largest)[0] for one in (sizes.point, sizes.drawn)]
        point = size_for_rate(sizes.point, wanted[0])
        known = answer(float(point[0]), size_for_rate(sizes.drawn, wanted[1]), sizes.level)
        note = "of the best rate at a measured size"
    if known.value > law.largest:
        note += "; beyond the largest measured size"
    if known.value <= law.smallest:
        note += "; at or below the smallest measured size"
    return Quantity.of(known, unit, note)


def _knees(law: Law) -> tuple[Quantity, ...]:
    unit = law.size_unit or law.size_name
    names = breaks(law).values()
    return tuple(Quantity(p.value, p.low, p.high, unit) for p in law.parameters if p.name in names)


def cost_shares(law: Law, size: float) -> tuple[CostShare, ...]:
    """Rank the costs of a law by their share of the time at a size.

    Parameters
    ----------
    law : Law
    size : float

    Returns
    -------
    tuple of CostShare
        The elasticity of the time in each cost, by SymPy's derivatives; its interval is the
        cost's own, the others at their estimates. Empty where the law is no sum of named costs.
    """
    import sympy

    from aethermodel.model.parameters import N
    from aethermodel.model.sensitivity import elasticity_of

    values = {parameter.name: parameter.value for parameter in law.parameters}
    symbols = {str(symbol): symbol for symbol in law.expression.free_symbols if symbol != N}
    if not symbols or not set(symbols) <= set(values):
        return ()
    at = {symbol: values[name] for name, symbol in symbols.items()} | {N: size}
    found = []
    for parameter in law.parameters:
        if parameter.name not in symbols or not parameter.unit.startswith("s"):
            continue
        symbol = symbols[parameter.name]
        share = elasticity_of(law.expression, symbol)
        ends = [
            float(sympy.N(share.subs(at | {symbol: figure}))) if np.isfinite(figure) else 1.0
            for figure in (parameter.value, parameter.low, parameter.high)
        ]
        gain = 1 / (1 - ends[0] / 2) - 1
        slope = sympy.diff(law.expression, symbol)
        here, beyond = (float(sympy.N(slope.subs(at | {N: n}))) for n in (size, 1.01 * size))
        if np.isclose(here, beyond, rtol=1e-6):
            note = "a fixed cost of the batch"
        else:
            note = "grows with the size" if beyond > here else "falls with the size"
        part = Quantity(ends[0], ends[1], ends[2], "", note)
        found.append(CostShare(parameter.name, part, gain))
    return tuple(sorted(found, key=lambda cost: -cost.share.value))


def next_size(law: Law, level: float = thresholds.LEVEL) -> Quantity:
    """Return the size whose measurement would tell most of a law.

    Where the noise is relative, the D-optimal next point is the size whose mean is known worst
    for its size (Fedorov 1972, Theory of Optimal Experiments): looked for up to twice the largest.
    """
    unit = law.size_unit or law.size_name
    positive = law.sizes[law.sizes > 0]
    candidates = np.unique(
        np.concatenate([positive, np.sqrt(positive[1:] * positive[:-1]), [2 * positive[-1]]])
    )
    if np.all(law.sizes == np.round(law.sizes)):
        candidates = np.unique(np.round(candidates))
    band = law.predict(candidates, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.where(np.isfinite(band.seconds), band.high / np.maximum(band.low, 1e-300), 0)
    best = int(np.argmax(width))
    size = float(candidates[best])
    known = f"a factor of {width[best]:.3g}" if width[best] > 2 else percentage(width[best] - 1)
    note = f"its mean is known within {known}"
    if size > law.largest:
        note += "; beyond the largest measured size"
    return Quantity(size, size, size, unit, note)
