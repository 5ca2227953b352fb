"""The example feed, against numpy and pandas on the same events."""

import asyncio

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.bus import Topics
from aethermodel.examples.feed_bars import Bars, Jumps
from aethermodel.examples.feed_events import (
    FEED_TOPICS,
    RECORDED,
    feed_recording,
    make_feed,
    record_feed,
)
from aethermodel.examples.feed_run import run_feed
from cython_core import Replay, route


def test_equal_seeds_give_equal_feeds_and_the_recording_holds_one(tmp_path):
    assert make_feed(5000, 3).tobytes() == make_feed(5000, 3).tobytes()
    assert make_feed(5000, 3).tobytes() != make_feed(5000, 4).tobytes()
    record_feed(tmp_path / "feed", 5000, 3)
    with Replay(tmp_path / "feed") as replay:
        assert replay.events.tobytes() == make_feed(5000, 3).tobytes()
    with pytest.raises(FileExistsError):
        record_feed(tmp_path / "feed", 10)


def test_the_projects_recording_is_the_generators_byte_for_byte(tmp_path):
    """Where numpy's generator changed, `record_feed` with `RECORDED` makes the file anew."""
    record_feed(tmp_path / "feed", **RECORDED)
    kept = feed_recording()
    assert kept.read_bytes() == (tmp_path / "feed").read_bytes()
    assert kept.stat().st_size < 300_000
    run = asyncio.run(run_feed(kept, batch_size=250))
    assert run.bars["events"].sum() == RECORDED["events"]
    assert set(run.decisions["answer"]) == {"halt", "look", "pass"}
    assert run.instruments.copied_bytes == 0


def test_prices_come_in_steps_that_no_processor_rounds_otherwise():
    """Not even a last bit more or less in every exponential would change a byte."""
    feed = make_feed(5000, 3)
    assert (np.round(np.nextafter(feed["value"], np.inf), 4) == feed["value"]).all()


def by_pandas(feed, width_ns):
    frame = pd.DataFrame({name: feed[name] for name in ("topic", "timestamp_ns", "value")})
    frame["bar"] = frame["timestamp_ns"] // width_ns
    return frame.groupby(["topic", "bar"])["value"].agg(["first", "max", "min", "last", "count"])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 400), st.integers(0, 99), st.integers(1, 50), st.floats(0.0005, 0.1))
def test_bars_do_not_depend_on_how_events_are_batched(events, seed, size, width):
    feed = make_feed(events, seed)
    bars = Bars(Topics(FEED_TOPICS), width)
    for start in range(0, events, size):
        batch = feed[start : start + size]
        routed = route(batch, len(FEED_TOPICS))
        for topic in range(len(FEED_TOPICS)):
            if len(routed.select(topic)):
                bars.handle(batch, routed.select(topic))
    wanted = by_pandas(feed, round(width * 1e9))
    got = bars.table()
    assert (got[["first", "highest", "lowest", "last", "events"]].to_numpy() == wanted).all().all()


@pytest.mark.parametrize("batch_size", [1, 97, 5000])
def test_every_jump_is_decided_once_whatever_the_batches(batch_size):
    feed = make_feed(5000, 7)
    run = asyncio.run(run_feed(events=5000, seed=7, batch_size=batch_size, concurrency=10_000))
    jumps = []
    for topic in range(4):
        own = feed[feed["topic"] == topic]
        change = np.abs(own["value"][1:] / own["value"][:-1] - 1)
        jumps += own["sequence"][1:][change > 0.01].tolist()
    assert run.decisions["sequence"].tolist() == sorted(jumps)
    assert jumps
    assert (run.decisions["fell_back"] == "").all()
    assert run.bars["events"].sum() == 5000
    assert run.instruments.copied_bytes == 0
    answers = run.decisions.set_index("sequence")["answer"]
    for sequence in jumps:
        value = feed["value"][sequence]
        assert answers[sequence] == ("halt" if value > 200 else "look" if value > 50 else "pass")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_feed(0), "at least 1 event"),
        (lambda: make_feed(1, rate_per_second=0), "rate"),
        (lambda: Bars(Topics(["a"]), 0), "1 ns wide"),
        (lambda: Jumps(0), "above 0"),
        (lambda: asyncio.run(run_feed(__file__)), "not a recording"),
        (lambda: asyncio.run(run_feed(batch_size=0)), "at least 1 event"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
