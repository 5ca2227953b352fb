"""Events of the example feed: trades and host telemetry from a seed."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabrics.protocol import Batch
from cython_core import Recorder, allocate

INSTRUMENTS = ("ax", "bx", "cx", "dx")
#: Topics of the feed, in the order of their ids.
FEED_TOPICS = (
    *(f"md.trade.{name}" for name in INSTRUMENTS),
    "host.cpu",
    "host.memory",
)
_FIRST_PRICES = np.array([100.0, 42.0, 350.0, 7.5])
# Per trade: a standard deviation of 0.05 %, and one trade in two thousand that jumps 2 %.
_STEP, _JUMP, _JUMP_SHARE = 0.0005, 0.02, 0.0005
_TELEMETRY_SHARE = 0.1
# Prices and shares come in steps, as an exchange's do; so a processor's own rounding of an
# exponential, which differs from one to the next in the last bit, does not show.
_DECIMALS = 4
#: What `feed_recording` holds, the arguments of `record_feed`; a seed whose few jumps are of all
#: prices.
RECORDED = {"events": 4_000, "seed": 11, "rate_per_second": 1_000.0}


def make_feed(events: int, seed: int = 0, rate_per_second: float = 10_000.0) -> Batch:
    """Make the feed's events in memory.

    Parameters
    ----------
    events : int
        At least 1.
    seed : int
        Equal seeds give equal events (under one numpy release), on any processor.
    rate_per_second : float
        Mean of the Poisson arrivals that `timestamp_ns` tells of; above 0.

    Returns
    -------
    numpy.ndarray
        Shape ``(events,)``, dtype `EVENT_DTYPE`; ``value`` is the price of a trade, or the
        busy share of a processor or memory, 0 to 1; ``flags`` is 1 on the jumps.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    if events < 1:
        raise ValueError(f"a feed has at least 1 event, not {events}")
    if not 0 < rate_per_second < float("inf"):
        raise ValueError(f"a rate is above 0, not {rate_per_second}")
    draw = np.random.default_rng(seed)
    feed = allocate(events)
    feed["sequence"] = np.arange(events)
    feed["timestamp_ns"] = np.cumsum(draw.exponential(1e9 / rate_per_second, events))
    trades = draw.random(events) >= _TELEMETRY_SHARE
    instrument = draw.integers(0, len(INSTRUMENTS), events)
    telemetry = len(INSTRUMENTS) + draw.integers(0, 2, events)
    feed["topic"] = np.where(trades, instrument, telemetry)
    steps = draw.normal(0.0, _STEP, events)
    jumps = draw.random(events) < _JUMP_SHARE
    steps[jumps] += _JUMP * draw.choice([-1, 1], int(jumps.sum()))
    feed["flags"] = jumps & trades
    for topic, price in enumerate(_FIRST_PRICES):
        own = feed["topic"] == topic
        feed["value"][own] = price * np.exp(np.cumsum(steps[own]))
    feed["value"][~trades] = _busy(draw, int((~trades).sum()))
    feed["value"] = np.round(feed["value"], _DECIMALS)
    return feed


def feed_recording() -> Path:
    """Return where the recording that comes with the project lies: `RECORDED`, by `record_feed`."""
    with as_file(files("aethermodel") / "data/feed.events") as path:
        return path


def record_feed(
    path: str | Path, events: int, seed: int = 0, rate_per_second: float = 10_000.0
) -> None:
    """Write the feed to a recording, which `cython_core.Replay` replays.

    Parameters
    ----------
    path : path
        Must not exist.
    events, seed, rate_per_second
        As `make_feed`.

    Raises
    ------
    FileExistsError
        If there is such a file.
    ValueError
        As `make_feed`.
    """
    feed = make_feed(events, seed, rate_per_second)
    with Recorder(path) as recorder:
        recorder.write(feed)


def _busy(draw: np.random.Generator, n: int) -> npt.NDArray[Any]:
    """Return a share that wanders between 0 and 1."""
    return np.asarray(0.5 + 0.4 * np.sin(np.cumsum(draw.normal(0.0, 0.1, n))))
