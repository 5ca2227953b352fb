"""Worked examples: what their own code computes, over the real servers that they talk to."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from aethermodel.pipelines.execution.probe import Host
from aethermodel.pipelines.pipeline_file import load_pipeline

for needed in ("aiohttp", "numba", "redis", "sklearn", "zmq"):
    pytest.importorskip(needed, reason=f"{needed} is not installed (pip install .[examples])")

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path += [str(EXAMPLES / name) for name in ("quotes", "trades", "scoring")]

# Required by AETHER_REQUIRE=examples.
NEEDS_REDIS = (
    pytest.mark.examples,
    pytest.mark.skipif(which("redis-server") is None, reason="redis-server is not installed"),
)
DECLARED = {"quotes": 1000, "trades": 100, "scoring": 4}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=NEEDS_REDIS if name == "trades" else ()) for name in DECLARED],
)
def test_each_stage_runs_isolated_and_in_the_whole(name):
    path = EXAMPLES / name / f"{name}.py"
    assert len(path.read_text().split("pipeline = ")[1].splitlines()) <= 30
    host = Host(load_pipeline(str(path)))
    try:
        for term in [*(stage.name for stage in host.pipeline.own), "whole", "timed"]:
            for n in (1, DECLARED[name]):
                assert host.timer(term, n)(3) > 0
    finally:
        host.close()


def test_the_kernel_makes_the_signals_that_its_formula_says():
    from quote_kernel import LEVELS, QUOTE, SIGNAL, fair_prices, make_quotes

    assert (QUOTE.itemsize, SIGNAL.itemsize) == (256, 32)
    quotes = make_quotes(50, np.random.default_rng(0))
    signals = np.zeros(50, SIGNAL)
    fair_prices(quotes, signals)
    weights = 0.75 ** np.arange(LEVELS)
    bid, ask = quotes["bid_size"] * weights, quotes["ask_size"] * weights
    bids, asks = bid.sum(axis=1), ask.sum(axis=1)
    price_bid = (bid * quotes["bid_price"]).sum(axis=1) / bids
    price_ask = (ask * quotes["ask_price"]).sum(axis=1) / asks
    np.testing.assert_allclose(signals["imbalance"], (bids - asks) / (bids + asks), rtol=1e-5)
    fair = (price_bid * asks + price_ask * bids) / (bids + asks)
    np.testing.assert_allclose(signals["fair_price"], fair, rtol=1e-6)
    assert (signals["instrument"] == quotes["instrument"]).all()


def test_the_subscriber_confirms_every_signal_of_every_batch():
    from quote_kernel import SIGNAL
    from quote_publisher import subscribed

    async def publish(counts):
        async with subscribed() as publisher:
            return [await publisher.publish(np.zeros(count, SIGNAL)) for count in counts]

    assert asyncio.run(publish([1, 7, 5000])) == [1, 7, 5000]


@pytest.mark.examples
@pytest.mark.skipif(which("redis-server") is None, reason="redis-server is not installed")
def test_every_trade_is_read_once_a_round_and_all_but_the_last_batch_acknowledged():
    from trade_stream import TradeStream, decode_trades, make_trades, redis_server

    trades = make_trades(100, np.random.default_rng(0))
    with redis_server() as client:
        stream = TradeStream(client, trades)
        read = [decode_trades(stream.read(count)) for count in (30, 1, 69)]
        assert (np.concatenate(read) == trades).all()
        assert stream.pending() == 69
        assert (decode_trades(stream.read(40)) == trades[:40]).all()  # from the beginning again
        assert stream.pending() == 40


async def _asked(port, bodies):
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def ask(body):
            async with session.post(f"http://127.0.0.1:{port}/score", data=body) as answer:
                return float(await answer.text())

        return await asyncio.gather(*(ask(body) for body in bodies))


def _bodies(count):
    rows = np.random.default_rng(0).normal(size=(count, 16)).round(3).tolist()
    return [json.dumps(row).encode() for row in rows]


def test_requests_are_gathered_and_each_gets_its_own_score():
    from scoring_server import Batcher, listening, score

    bodies, calls = _bodies(10), []

    def counted(batch):
        calls.append(len(batch))
        return score(batch)

    async def run():
        batcher = Batcher()
        async with listening(batcher) as port:
            # Only a full batch ends the first wait, and only its time the second.
            for batch, wait, asked in ((5, 60.0, bodies), (64, 0.05, bodies[:3])):
                serving = asyncio.create_task(batcher.serve(batch, wait, counted))
                found = await _asked(port, asked)
                serving.cancel()
                np.testing.assert_allclose(found, score(asked), atol=1e-6)

    asyncio.run(run())
    assert calls[:2] == [5, 5] and sum(calls[2:]) == 3


def test_a_server_and_an_open_loop_in_processes_of_their_own():
    from scoring_load import asked, serving
    from scoring_runs import Run

    with serving(8, 0.001) as (port, server):
        found = asked(port, server, 200.0, 40, seed=1)
    due, taken, late = (np.array(found[name]) for name in ("due", "taken", "late"))
    assert len(due) == len(taken) == len(late) == 40
    assert (late > 0).all() and (taken > late).all() and (np.diff(due) > 0).all()
    run = Run(found, np.full(8, 1e-3), 0.001)
    assert run.left_alone.size == 40
    assert np.isfinite([run.percentiles(kind) for kind in ("measured_all", "predicted_all")]).all()


def test_the_seconds_of_a_batch_are_those_of_answers_that_nobody_held_up():
    from scoring_runs import seconds_of_batch

    # An answer a millisecond; a pause of half a second that is told when it is over.
    at = 7 + 1e-3 * np.arange(2000)
    at[1000:] += 0.5
    looks = [(7 + 0.01 * i, 0.5 * (i >= 150)) for i in range(300)]
    found = {"at": at.tolist(), "looks": looks}
    assert seconds_of_batch(found, 50) == pytest.approx(0.05, rel=1e-6)
    told_nothing = {"at": at.tolist(), "looks": []}
    assert seconds_of_batch(told_nothing, 50) > 0.06


def _served_by_a_host_that_pauses(pauses, seconds=40.0, load=0.8, host=1.0):
    """What a client would say of the model's own server; pauses are (begin, length)."""
    from scoring_runs import Run

    from aethermodel.model.queueing.batch_service import serve_by_clock
    from aethermodel.model.queueing.host_pace import HostPace

    table, wait = 1e-3 + 1e-4 * np.arange(1, 33), 0.02
    rng = np.random.default_rng(3)
    due = np.cumsum(rng.exponential(table[-1] / 32 / load, round(seconds * load * 32 / table[-1])))
    edges = np.array([0.0, *np.ravel([(at, at + long) for at, long in pauses]), due[-1] + 5])
    speeds = np.where(np.arange(edges.size - 1) % 2, 0.0, 1.0)
    clock = HostPace(np.diff(edges), speeds).clock(float(edges[-1]))
    taken = serve_by_clock(clock, due, table * host, hold_seconds=wait)
    at = np.arange(0, due[-1] + 5, 2e-3)
    lost = sum(((at >= at0 + long) * long for at0, long in pauses), np.zeros(at.size))
    found = {"due": (due + 9).tolist(), "taken": taken.tolist(), "late": [0.0] * due.size,
             "looks": np.column_stack([at + 9, lost]).tolist()}  # fmt: skip
    return Run(found, table, wait)


def test_p99_is_told_of_the_requests_that_no_pause_of_the_host_held_up():
    run = _served_by_a_host_that_pauses([(5.0, 0.05), (15.0, 0.1), (25.0, 0.05)])
    assert 0.5 < run.left_alone.mean() < 0.99
    assert run.enough
    measured, predicted = run.percentiles("measured"), run.percentiles("predicted")
    assert measured == pytest.approx(predicted, rel=0.02)
    # All in all it is another P99, which the pauses that were counted explain.
    assert run.percentiles("measured_all")[1] > 3 * measured[1]
    assert run.percentiles("predicted_all") == pytest.approx(
        run.percentiles("measured_all"), rel=0.05
    )


def test_a_server_that_is_slower_than_its_law_is_not_made_right_by_what_is_left_out():
    pauses = [(5.0, 0.05), (15.0, 0.1), (25.0, 0.05)]
    slower = _served_by_a_host_that_pauses(pauses, host=1.1)
    ratio = slower.percentiles("measured")[1] / slower.percentiles("predicted")[1]
    assert ratio > 1.15


def test_where_the_kernel_does_not_count_all_requests_do():
    from scoring_runs import Run

    run = _served_by_a_host_that_pauses([(5.0, 0.05)])
    blind = Run(run.found | {"looks": []}, run.table, run.wait)
    assert blind.left_alone.all()
    assert blind.percentiles("measured") == pytest.approx(blind.percentiles("measured_all"))


def test_a_miss_of_a_late_client_or_on_a_busy_host_says_nothing_of_the_server():
    from scoring_load import Loaded

    told = dict(
        load=0.8, rate=1e4, error=-0.98, batch=58, wait_seconds=0.05,
        predicted_p50=7e-3, predicted_p99=11e-3,
        predicted_p99_low=10e-3, predicted_p99_high=12e-3, measured_p50=0.3, measured_p99=0.6,
        error_low=-0.99, error_high=-0.97, pace=1.0, away=0.0, left_alone=0.9,
        measured_p99_all=0.7, predicted_p99_all=0.02,
    )  # fmt: skip
    assert Loaded(**told, client_late_p99=0.5, disturbed=0.0).outcome == "inconclusive"
    assert Loaded(**told, client_late_p99=1e-4, disturbed=0.8).outcome == "inconclusive"
    assert Loaded(**told, client_late_p99=1e-4, disturbed=0.2).outcome == "fail"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processes are not pinned here")
def test_a_client_takes_a_core_for_itself_only_where_it_has_one():
    from scoring_client import has_own_core
    from scoring_turns import apart

    assert not has_own_core(os.getpid())
    cores = os.sched_getaffinity(0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with apart(os.getpid(), other.pid):
            assert has_own_core(other.pid) == (len(cores) > 1)
        assert os.sched_getaffinity(other.pid) == cores
        os.sched_setaffinity(0, cores)
        assert not has_own_core(other.pid)
        other.communicate(b"\n")
