"""Latency under load from a law alone: one server that takes batches, by queueing theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.advice.law_samples import SHARED_WORK, drawn_seconds, sizes_of
from aethermodel.calibrate.predict.monte_carlo import answer
from aethermodel.inputs.refusals import InputError
from aethermodel.model.queueing.arrivals import Kind, arrivals_in_words, arrivals_of
from aethermodel.model.queueing.batch_service import latency_under, serve
from aethermodel.model.sampled_law import SampledLaw

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

Floats = npt.NDArray[np.float64]
#: What arrivals are called on the command line; ``steady`` is by the clock.
ARRIVALS: dict[str, Kind] = {"poisson": "poisson", "bursty": "bursty", "steady": "periodic"}
#: Largest batch that is looked at: a table of times is made up to it.
MOST_RECORDS = 1 << 20
# Of the intervals: draws of the law, each with so many events.
_DRAWS, _DRAWN_EVENTS = 40, 20_000
_EVENTS = 100_000


def check_arrivals(name: str) -> None:
    """Refuse a name that is none of `ARRIVALS`.

    Raises
    ------
    InputError
    """
    if name not in ARRIVALS:
        raise InputError(f"arrivals are {', '.join(ARRIVALS)}, not {name!r}")


@dataclass(frozen=True)
class Percentile:
    """A percentile of latency, with the interval that comes from the law's own."""

    share: float
    seconds: float
    low: float
    high: float


@dataclass(frozen=True)
class Server:
    """One server whose time for a batch is a law.

    Parameters
    ----------
    law : Law
    record_bytes : float, optional
        Size of a record, of a law whose size is in bytes.
    """

    law: Law
    record_bytes: float | None = None

    def __post_init__(self) -> None:
        if self.law.family in SHARED_WORK:
            raise InputError(
                f"the time falls with {self.law.size_name}: it is no time of a batch, and no queue "
                "can be computed from it"
            )
        if self.law.size_unit == "B" and self.record_bytes is None:
            raise InputError(
                "the law's sizes are bytes: say how large a record is, such as --record-bytes 100"
            )
        if self.record_bytes is not None and not 0 < self.record_bytes < np.inf:
            raise InputError(f"a record has more than 0 bytes, not {self.record_bytes!r}")

    @property
    def record(self) -> float:
        """Size of the law that one record is."""
        return (self.record_bytes or 1.0) if self.law.size_unit == "B" else 1.0

    @property
    def largest(self) -> int:
        """Largest measured batch, in records."""
        return int(np.clip(self.law.largest / self.record, 1, MOST_RECORDS))

    @property
    def smallest(self) -> float:
        """Smallest measured batch, in records; one below takes its time."""
        positive = self.law.sizes[self.law.sizes > 0]
        return float(positive[0] / self.record)

    @cached_property
    def _samples(self) -> Floats:
        sizes = sizes_of(self.law, 1.0)
        return np.asarray(sizes[np.isfinite(self.law.predict(sizes).seconds)])

    @cached_property
    def times(self) -> SampledLaw:
        """The law over records, up to the largest measured size."""
        seconds = np.maximum(self.law.predict(self._samples).seconds, 1e-15)
        return SampledLaw(self._samples / self.record, seconds[None])

    @cached_property
    def drawn(self) -> SampledLaw:
        """The same, drawn as many times as an interval needs."""
        table = drawn_seconds(self.law, self._samples, _DRAWS)
        return SampledLaw(self._samples / self.record, table)

    def seconds(self, records: npt.ArrayLike, draw: int | None = None) -> Floats:
        """Return the time of batches of so many records, by the law or by one of its draws."""
        law = self.times if draw is None else self.drawn
        row = law.table[0 if draw is None else draw]
        at = np.log(np.clip(np.asarray(records, dtype=np.float64), law.sizes[0], law.sizes[-1]))
        return np.asarray(np.exp(np.interp(at, np.log(law.sizes), np.log(row))))

    def capacity(self, batch: int) -> float:
        """Records a second that full batches carry."""
        return float(batch / self.seconds(batch))

    def fastest(self) -> int:
        """Return the smallest batch of the highest rate, in records."""
        (_,), (size,) = self.times.best_rate(np.inf)
        return int(np.clip(np.ceil(size), 1, self.largest))

    def percentiles(
        self,
        rate: float,
        batch: int,
        *,
        arrivals: str = "poisson",
        hold_seconds: float = 0.0,
        shares: Sequence[float] = (0.5, 0.99),
        level: float = thresholds.LEVEL,
        seed: int = 0,
    ) -> tuple[Percentile, ...]:
        """Return percentiles of the time from a record's arrival to the end of its batch.

        The server takes what waits, at most `batch`, as soon as it is free and the batch is full
        or its oldest record has waited `hold_seconds`.

        Parameters
        ----------
        rate : float
            Records a second.
        batch : int
            Largest batch, in records.
        arrivals : {"poisson", "bursty", "steady"}
        hold_seconds : float
        shares : sequence of float
            Of the records, between 0 and 1.
        level : float
        seed : int
            Of the simulation.

        Raises
        ------
        ValueError
            If the rate is not below what full batches carry.

        Notes
        -----
        Each draw of the law meets the same arrivals; its percentiles over those of the law itself
        are the interval. Service times vary by the batch's size alone, and the host never pauses.
        """
        process = arrivals_of(ARRIVALS[arrivals], rate, batch)
        value = latency_under(
            process, self.seconds, batch, events=_EVENTS, seed=seed, hold_seconds=hold_seconds
        ).quantile(list(shares))
        times = process.times(_DRAWN_EVENTS, np.random.default_rng(seed))
        sizes = np.arange(1.0, batch + 1)

        def quantiles(draw: int | None) -> Floats:
            table = self.seconds(sizes, draw)
            # A draw that does not carry the rate has no steady state: its queue grows for ever.
            if rate >= batch / table[-1]:
                return np.full(len(shares), np.inf)
            waited = serve(times, table, hold_seconds=hold_seconds)[_DRAWN_EVENTS // 10 :]
            return np.asarray(np.quantile(waited, list(shares)))

        base = quantiles(None)
        factors = [quantiles(draw) / base for draw in range(_DRAWS)]
        found = []
        for share, seconds, ratios in zip(shares, value, np.transpose(factors), strict=True):
            known = answer(float(seconds), seconds * ratios, level)
            found.append(Percentile(share, known.value, known.low, known.high))
        return tuple(found)

    def percentile(
        self,
        rate: float,
        batch: int,
        share: float,
        *,
        arrivals: str = "poisson",
        hold_seconds: float = 0.0,
        seed: int = 0,
    ) -> float:
        """Return one percentile without its interval, in seconds; infinite where none is steady."""
        if rate >= 0.999 * self.capacity(batch):
            return float("inf")
        latency = latency_under(
            arrivals_of(ARRIVALS[arrivals], rate, batch),
            self.seconds,
            batch,
            events=_DRAWN_EVENTS * 2,
            seed=seed,
            hold_seconds=hold_seconds,
        )
        return float(latency.quantile(share))

    def assumes(self, arrivals: str) -> str:
        """Say what a percentile rests on."""
        return (
            f"{arrivals_in_words(arrivals)}; one server takes batch after batch by the law; "
            "service times vary by the batch's size alone, and the host never pauses"
        )
