"""Run of the example feed: replayed, routed, aggregated, its jumps answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from aethermodel.bus.bus import Bus
from aethermodel.bus.dispatcher import Indices
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.fabrics.replay import ReplayReceiver
from aethermodel.bus.instruments import Instruments
from aethermodel.decisions.bounded_decisions import Decider, Decision, Desk
from aethermodel.decisions.rules import Rules
from aethermodel.examples.feed_bars import Bars, Jumps
from aethermodel.examples.feed_events import FEED_TOPICS, record_feed
from cython_core import Replay

#: Answers to a jump: stop trading the instrument, have somebody look, or go on.
ANSWERS = ("halt", "look", "pass")


@dataclass(frozen=True)
class FeedRun:
    """What came out.

    Attributes
    ----------
    bars : pandas.DataFrame
        One row a bar; see `aethermodel.examples.feed_bars.Bars.table`.
    decisions : pandas.DataFrame
        One row an escalated event: topic, sequence, value, answer, and why the rules
        answered it (empty: the decider did).
    instruments : Instruments
    desk : Desk
    """

    bars: pd.DataFrame
    decisions: pd.DataFrame
    instruments: Instruments
    desk: Desk


def jump_rules() -> Rules:
    """Return what is answered to a jump by rule: the dearest is halted, the next looked at."""
    return Rules(
        [
            (lambda events: events["value"] > 200, "halt"),
            (lambda events: events["value"] > 50, "look"),
        ],
        otherwise="pass",
    )


async def run_feed(
    recording: str | Path = "",
    *,
    events: int = 100_000,
    seed: int = 0,
    batch_size: int = 1_000,
    bar_seconds: float = 0.25,
    jump: float = 0.01,
    speed: float | None = None,
    decide: Decider | None = None,
    deadline_seconds: float = 1.0,
    concurrency: int = 64,
) -> FeedRun:
    """Replay a recording through a bus.

    Parameters
    ----------
    recording : path
        A recording with the feed's topics; empty: made from `events` and `seed`.
    batch_size : int
        Most events a batch.
    bar_seconds, jump, speed
        As `Bars`, `Jumps` and `ReplayReceiver`.
    decide : async callable, optional
        Decides jumps; the rules by default, and where it fails or is late.
    deadline_seconds, concurrency
        As `Desk`.

    Returns
    -------
    FeedRun

    Raises
    ------
    ValueError
        If an argument is out of range, or the file is no recording.
    """
    bus = Bus(FEED_TOPICS, capacity=batch_size)
    rules, answered = jump_rules(), list[Decision]()
    bars, jumps = Bars(bus.topics, bar_seconds), Jumps(jump)
    bus.on("**")(bars.handle)
    desk = Desk(
        decide or rules.decide,
        rules,
        answered.append,
        deadline_seconds=deadline_seconds,
        concurrency=concurrency,
    )

    @bus.on("md.trade.*")
    def watch(batch: Batch, indices: Indices) -> None:
        desk.escalate(batch, jumps.find(batch, indices))

    with TemporaryDirectory() as folder:
        if not recording:
            recording = Path(folder) / "feed.events"
            record_feed(recording, events, seed)
        bus.attach(ReplayReceiver(Replay(recording), batch_size, speed))
        async with desk:
            await bus.run()
    if bus.lost:
        raise bus.lost[0][1]
    return FeedRun(bars.table(), _table(bus, answered), bus.instruments, desk)


def _table(bus: Bus, answered: list[Decision]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "topic": bus.topics.name(int(event["topic"])),
            "sequence": int(event["sequence"]),
            "value": float(event["value"]),
            "answer": answer,
            "fell_back": decision.why or "",
        }
        for decision in answered
        for event, answer in zip(decision.events, decision.answer, strict=True)
    ]
    columns = ["topic", "sequence", "value", "answer", "fell_back"]
    table = pd.DataFrame(rows, columns=columns).sort_values("sequence", ignore_index=True)
    return table.astype({"sequence": np.int64})
