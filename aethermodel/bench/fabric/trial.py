"""Trial of a fabric between two hosts: samples, laws, link, and the sizes that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from aethermodel import thresholds
from aethermodel.bench.fabric.clock_offset import ClockOffset
from aethermodel.bench.fabric.exchange_rounds import FabricPlan, Sample
from aethermodel.bench.fabric.exchanges import RECORD, Framing
from aethermodel.bench.fabric.link import Link
from aethermodel.bench.fabric.overhead import Overhead, calm
from aethermodel.laws.fit import fit
from aethermodel.laws.law import Law
from aethermodel.readers.measurements import Measurements
from aethermodel.verdict import Outcome, judge

#: What is said where packets were sent again.
LOSSY = (
    "packets were sent again: such exchanges are left out of the law, and P99 and beyond are "
    "those of retransmission, which is outside the model"
)


@dataclass(frozen=True)
class FabricTrial:
    """What the exchanges between two hosts say.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a batch size: ``n``, ``bytes``, ``wire_bytes``, ``held_out``, ``samples``,
        ``left_out`` (with a packet sent again), ``seconds`` one way (median of the rest), its
        ``low_seconds`` and ``high_seconds`` (5 and 95 % of them), ``predicted_seconds``,
        ``error``.
    law : Law
        Seconds one way over events a batch, of the sizes that were not held out.
    wire_law : Law
        The same over bytes on the wire.
    link : Link
    offset : ClockOffset
    one_way : dict of str to float
        Of the smallest batch by both clocks: percentiles in seconds, exchanges with a packet sent
        again included.
    resent_share : float
        Share of exchanges with a packet sent again.
    outcome : {"pass", "fail", "inconclusive"}
        Of the mean error on the held-out sizes.
    mean_error : float
    """

    plan: FabricPlan
    table: pd.DataFrame
    law: Law
    wire_law: Law
    link: Link
    offset: ClockOffset
    one_way: dict[str, float]
    resent_share: float
    unsettled_share: float
    outcome: Outcome
    mean_error: float
    damaged: int
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls,
        samples: Sequence[Sample],
        plan: FabricPlan,
        framing: Framing,
        overhead: Overhead | None,
        *,
        source: str,
        damaged: int = 0,
        notes: Sequence[str] = (),
    ) -> FabricTrial:
        """Fit and judge.

        Parameters
        ----------
        samples : sequence of Sample
        plan : FabricPlan
        framing : Framing
        overhead : Overhead, optional
            Mean of both hosts.
        source : str
            What the law says it is of.
        damaged : int
            Batches whose checksum was wrong.
        notes : sequence of str
            What is to be said beside what is found here.

        Raises
        ------
        ValueError
            If a size has no exchange that was left alone.
        """
        rows = _rows(samples, framing)
        clean = rows[~rows["resent"]]
        if missing := sorted(set(plan.sizes) - set(clean["n"])):
            raise ValueError(
                f"every exchange of {missing[0]:,} events had a packet sent again: this link "
                "loses too much to be measured"
            )
        fitted = clean[clean["n"].isin(plan.batch_sizes)]
        law = _law(fitted.rename(columns={"n": "events"}), "events", "", source)
        wire = _law(fitted, "wire_bytes", "B", source)
        table = _table(rows, clean, plan, law)
        held = table[table["held_out"]]
        smallest = [s.exchange for s in samples if s.events == 1]
        alone = [one for s in samples if not s.resent for one in (s.exchange, s.beside)]
        offset = ClockOffset.of(alone)
        ways = offset.one_way(smallest)
        error, outcome = _judged(held)
        resent = float(rows["resent"].mean())
        told = [LOSSY] if resent else []
        if overhead is None:
            told.append(
                "a host did not exchange with itself (over TCP: ip link set lo up): its overhead "
                "is not known, and latency is not told apart from delay"
            )
        link = Link.of(wire, overhead, _calm_ways(rows))
        if overhead is not None and link.delay is None:
            told.append(
                "an exchange within each host took longer than one between them, as where both "
                "are one host or were busier then: the delay of the wire is not known"
            )
        if not framing.segment:
            told.append("the kernel tells no segment size: bytes on the wire are those of payload")
        return cls(
            plan=plan,
            table=table,
            law=law,
            wire_law=wire,
            link=link,
            offset=offset,
            one_way={
                name: float(np.quantile(ways, share))
                for name, share in thresholds.FEW_PERCENTILES.items()
                if share * ways.size <= ways.size - 1  # not the largest alone
            },
            resent_share=resent,
            unsettled_share=float(1 - rows["settled"].mean()),
            outcome=outcome,
            mean_error=error,
            damaged=damaged,
            notes=(*told, *notes),
        )

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of the trial."""
        return {
            "plan": self.plan.model_dump(mode="json"),
            "link": self.link.figures(),
            "verdict": {
                "outcome": self.outcome,
                "mean_error": self.mean_error,
                "limit": thresholds.MEAN_ERROR,
                "tail": "outside the model" if self.resent_share else "not judged",
            },
            "rows": self.table.to_dict(orient="records"),
            "clock_offset": self.offset.figures(),
            "one_way_seconds": self.one_way,
            "resent_share": self.resent_share,
            "unsettled_share": self.unsettled_share,
            "damaged": self.damaged,
            "notes": list(self.notes),
            "laws": [self.law.document()],
            "wire_law": self.wire_law.document(),
        }


def _rows(samples: Sequence[Sample], framing: Framing) -> pd.DataFrame:
    """Return a row an exchange, with the seconds that its batch was on its way.

    The answer is as long as the smallest batch: it takes half of that one's round trip, by the
    median of the same round.
    """
    rows = pd.DataFrame(
        {
            "round": [s.round for s in samples],
            "n": [s.events for s in samples],
            "trip": [s.exchange.round_trip_ns / 1e9 for s in samples],
            "resent": [s.resent for s in samples],
            "settled": [s.settled for s in samples],
        }
    )
    smallest = rows[(rows["n"] == 1) & ~rows["resent"]]
    back = smallest.groupby("round")["trip"].median() / 2
    if back.empty:
        raise ValueError("every exchange of one event had a packet sent again")
    rows["seconds"] = rows["trip"] - rows["round"].map(back).fillna(back.median())
    sizes = {n: framing.wire_bytes(n * RECORD) for n in rows["n"].unique()}
    rows["wire_bytes"] = rows["n"].map(sizes)
    rows["seconds"] = rows["seconds"].clip(lower=1e-9)
    return rows


def _calm_ways(rows: pd.DataFrame) -> list[float]:
    """Return half of the round trip of the smallest batch that was held up least, by round."""
    smallest = rows[(rows["n"] == 1) & ~rows["resent"]]
    return [calm(trips.tolist()) / 2 for _, trips in smallest.groupby("round")["trip"]]


def _law(rows: pd.DataFrame, size: str, unit: str, source: str) -> Law:
    measured = Measurements.from_frame(
        rows[[size, "seconds", "round"]], size=size, time="seconds", process="round", source=source
    )
    from dataclasses import replace

    measured = replace(measured, size_unit=unit, time_kind="one way")
    return fit(measured).only()


def _table(rows: pd.DataFrame, clean: pd.DataFrame, plan: FabricPlan, law: Law) -> pd.DataFrame:
    by_size = clean.groupby("n")["seconds"]
    counts = rows.groupby("n")
    table = pd.DataFrame(
        {
            "wire_bytes": counts["wire_bytes"].first(),
            "samples": counts.size(),
            "left_out": counts["resent"].sum(),
            "seconds": by_size.median(),
            "low_seconds": by_size.quantile(0.05),
            "high_seconds": by_size.quantile(0.95),
        }
    ).reset_index()
    table.insert(1, "bytes", table["n"] * RECORD)
    table["held_out"] = ~table["n"].isin(plan.batch_sizes)
    band = law.predict(table["n"].to_numpy(dtype=float))
    table["predicted_seconds"] = band.seconds
    table["predicted_low_seconds"], table["predicted_high_seconds"] = band.low, band.high
    table["error"] = (table["predicted_seconds"] / table["seconds"] - 1).abs()
    return table


def _judged(held: pd.DataFrame) -> tuple[float, Outcome]:
    """Judge the mean error, which may be as small as the interval of each prediction lets it."""
    if held.empty:
        return float("nan"), "inconclusive"
    measured = held["seconds"]
    least = np.maximum(
        held["predicted_low_seconds"] / measured - 1, 1 - held["predicted_high_seconds"] / measured
    ).clip(lower=0)
    mean = float(held["error"].mean())
    return mean, judge(mean, float(least.mean()), mean, thresholds.MEAN_ERROR)
