"""The pipeline's benchmark: exact counts, real processes, errors told."""

import asyncio
import os

import numpy as np
import pytest
from pydantic import ValidationError

from aethermodel.bench.pipeline.measurement import PipelineBench, targets
from aethermodel.bench.pipeline.prediction import term_plan
from aethermodel.bench.pipeline.rows import Row, available_kinds, opened
from aethermodel.bench.soak import Soak
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.bus_run import drain, tallied
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.producer_task import numbered_pool, produce
from aethermodel.measure.harness.receivers import Checked, OutOfSequenceError
from aethermodel.measure.harness.ring_size import ring_capacity
from cython_core import now_ns, number, simd_variant, simd_variants


@pytest.mark.parametrize("kind", available_kinds())
def test_every_row_moves_every_message_it_is_asked_to(kind):
    async def main():
        async with opened(Row(kind=kind, event_loop="asyncio", batch_size=30, topics=4)) as row:
            return await row.move(20, 0), await row.move(7, 100_000)

    fast, steady = asyncio.run(main())
    assert (fast.messages, steady.messages) == (600, 210)
    assert fast.seconds > 0
    # Latency is of batches; for the naive row each message is one.
    assert fast.latency_ns.count == (600 if kind == "naive" else 20)
    assert steady.seconds >= 6 * 100e-6  # the last one is not meant to go before that
    assert np.isnan(fast.producer_seconds) == (kind in ("naive", "mocked", "loopback"))


@pytest.mark.parametrize("kind", [kind for kind in available_kinds() if kind != "verbs"])
def test_a_row_tells_of_each_batch_that_it_releases(kind):
    released = []

    async def main():
        async with opened(Row(kind=kind, event_loop="asyncio", batch_size=30, topics=4)) as row:
            if row.seen:
                await row.seen(released.append)(20, 0)

    asyncio.run(main())
    assert len(released) == (0 if kind in ("naive", "mocked") else 20)
    assert released == sorted(released)


def test_a_late_producer_makes_latency_longer_not_shorter():
    """Free of coordinated omission: the meant times stay where they were."""

    async def main():
        fabric, pool = Loopback(2), numbered_pool(5, 2)
        checked = Checked(fabric, 10, lap=20)
        interval_ns = 1_000_000
        producer = asyncio.create_task(produce(fabric, pool, 10, interval_ns))
        meant = []
        for _ in range(10):
            batch = await checked.receive()
            meant.append(int(batch["timestamp_ns"][0]))
            await asyncio.sleep(0.003)  # a consumer three times too slow
            checked.release()
        await producer
        return meant, checked

    meant, checked = asyncio.run(main())
    assert set(np.diff(meant)) == {1_000_000}
    # The tenth was meant 9 ms after the first, and ten times 3 ms passed before its end.
    assert checked.latency_ns.maximum >= 20_000_000


def test_a_wrong_number_is_found_whichever_event_has_it():
    async def main(at):
        fabric = Loopback(2)
        batch = make_batch(10, 2, 0)
        number(batch, 0, 0)
        batch["sequence"][at] += 1
        await fabric.send(batch)
        await Checked(fabric, 1).receive()

    for at in range(10):
        with pytest.raises(OutOfSequenceError, match=f"event {at} should come"):
            asyncio.run(main(at))


@pytest.mark.parametrize("at", [0, 1, 99])
def test_a_fused_row_finds_it_too(at):
    async def main():
        fabric, tally = Loopback(4), Tally()
        for first in (0, 100, 200):
            batch = make_batch(100, 2, 0)
            number(batch, first, 0)
            batch["sequence"][at] += first == 100
            await fabric.send(batch)
        await fabric.end()
        await drain(tallied(tally, 100, 2, numbered=True), Checked(fabric, 3, every=False))

    with pytest.raises(OutOfSequenceError, match="batches had"):
        asyncio.run(main())


@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_a_producer_process_sends_what_it_is_told_and_reports(fabric):
    async def main():
        crossing = await Crossing.open(fabric, 100, 4)
        try:
            for batches in (1, 50, 3):
                first = crossing.order(batches, 100)
                checked = Checked(crossing.receiver, batches, first)
                for _ in range(batches):
                    batch = await checked.receive()
                    assert batch["topic"].max() < 4
                    assert batch["timestamp_ns"][0] <= now_ns()
                    checked.release()
                assert crossing.spent().cpu_seconds > 0
            return crossing.sent
        finally:
            crossing.close()

    assert asyncio.run(main()) == 5400


@pytest.mark.parametrize(
    ("n", "events"),
    [(1, 1024), (100, 1024), (8192, 65_536), (10_000, 65_536), (32_768, 65_536), (2**20, 2**21)],
)
def test_a_ring_holds_eight_batches_or_two_where_these_would_outgrow_the_cache(n, events):
    assert ring_capacity(n) == events
    assert events >= 2 * n


@pytest.mark.slow(reason="the command's own test measures two of these rows")
def test_the_whole_bench_gives_its_table_with_predictions():
    seen = []
    bench = PipelineBench(
        batch_size=64,
        topics=2,
        kinds="naive,mocked,loopback,shm-fused",
        event_loops="asyncio",
        repeats=1,
        seconds=0.05,
    )
    table = bench.run(lambda *done: seen.append(done))
    kinds = ["naive", "mocked", "loopback", "shm-fused"]
    assert table["kind"].tolist() == kinds
    assert table["label"].tolist() == ["loopback", "simulated", "loopback", "shared-memory"]
    assert (table["why"] == "").all()
    assert (table["predicted_low"] <= table["predicted_per_second"]).all()
    assert (table["predicted_per_second"] <= table["predicted_high"]).all()
    assert (table["p50_seconds"] <= table["p99_seconds"]).all()
    assert (table["p99_seconds"] <= table["p99.9_seconds"]).all()
    assert (table["ceiling_per_second"] > 0).all()
    assert (table["calm"] <= table["runs"]).all()
    assert table["runs"].between(1, 2).all()
    crosses = [not np.isnan(run["trip_seconds"]) for run in table.attrs["runs"]]
    two = len(os.sched_getaffinity(0)) == 2
    assert crosses == [two and kinds[run["row"]] == "shm-fused" for run in table.attrs["runs"]]
    assert seen[-1][0] == seen[-1][1]
    assert targets(table).keys() - {"across processes, left alone"} == {
        "across processes",
        "batched over naive",
        "slowest tick P99 at load",
    }
    assert not any("slices" in run for run in table.attrs["runs"])
    # Where others have the core a row so short may last no slice at all.
    shares = table["alone_share"]
    assert shares[:2].isna().all() and shares[2:].dropna().between(0, 1).all()
    assert shares.notna().any()


def test_a_producer_is_timed_beside_the_loop_that_empties_its_connection():
    bench = PipelineBench(kinds=("shm", "tcp"), event_loops=("asyncio", "uvloop"))
    sends = [point.settings for point in term_plan(bench).points if point.probe == "send"]
    loops = {(send["fabric"], send["event_loop"]) for send in sends}
    assert loops == {("shm", "asyncio"), ("tcp", "asyncio"), ("tcp", "uvloop")}
    assert bench.batch_size not in {send["batch_size"] for send in sends}


@pytest.mark.slow(reason="the terms are timed once: 10 s")
def test_variants_of_the_kernels_have_rows_of_their_own_and_run_as_they_say():
    chosen, other = simd_variant(), next((v for v in simd_variants() if v != simd_variant()), "")
    if not other:
        pytest.skip(f"this processor runs the kernels as {chosen} alone")
    bench = PipelineBench(
        batch_size=64,
        topics=2,
        kinds="loopback",
        event_loops="asyncio",
        simd=[chosen, other],
        repeats=1,
        seconds=0.05,
        budget_seconds=0.1,  # each row, and one process of the terms
    )
    table = bench.run()
    assert table["simd"].tolist() == [chosen, other]
    assert table["why"].tolist() == ["", f"the terms were timed as {chosen}"]
    assert (table["throughput_per_second"] > 0).all()


def _runs(monkeypatch, trips, repeats, cold=()):
    """Run the bench on rows that took so long between the cores; some never got warm."""
    left = iter(enumerate(trips))

    def run_row(*_):
        at, trip = next(left)
        rate = 100.0 if trip < 2 and at not in cold else 10.0
        found = {"core_seconds": 1.0, "trip_seconds": trip, "settled": at not in cold}
        return {"simd": "baseline", "throughput_per_second": rate, **found}

    monkeypatch.setattr("aethermodel.bench.pipeline.measurement.run_row", run_row)
    bench = PipelineBench(kinds="shm", event_loops="asyncio", repeats=repeats, predict=False)
    return bench.run().loc[0]


def test_what_ran_on_cores_moved_apart_runs_again_and_is_left_out(monkeypatch):
    row = _runs(monkeypatch, [1.0, 4.0, 4.0, 1.0, 4.0, 1.1], repeats=3)
    assert (row["runs"], row["calm"]) == (6, 3)
    assert row["throughput_per_second"] == 100
    assert (row["throughput_per_second_low"], row["throughput_per_second_high"]) == (10, 100)


def test_what_never_got_warm_runs_again_and_is_left_out(monkeypatch):
    row = _runs(monkeypatch, [1.0] * 6, repeats=3, cold=(1, 2, 4))
    assert (row["runs"], row["calm"], row["throughput_per_second"]) == (6, 3, 100)


def test_a_row_with_too_few_calm_runs_counts_all(monkeypatch):
    row = _runs(monkeypatch, [1.0, *[4.0] * 5], repeats=3)
    assert (row["runs"], row["calm"], row["throughput_per_second"]) == (6, 1, 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PipelineBench(kinds="naive,warp"), "kinds"),
        (lambda: PipelineBench(kinds=()), "kinds"),
        (lambda: PipelineBench(event_loops="trio"), "event_loops"),
        (lambda: PipelineBench(simd="v9"), "this processor's variants are baseline"),
        (lambda: PipelineBench(load=1), "load"),
        (lambda: PipelineBench(repeats=0), "repeats"),
        (lambda: PipelineBench(batch_size=0), "batch_size"),
        (lambda: Soak(load=0), "load"),
        (lambda: Soak(fabric="loopback"), "fabric"),
        (lambda: Soak(seconds=0), "seconds"),
        (lambda: Row(kind="shm", event_loop="asyncio", topics=0), "topics"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValidationError, match=message):
        make()
