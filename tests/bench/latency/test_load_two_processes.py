"""The pipeline across processes under a schedule: every event checked, lateness counted."""

import numpy as np
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.bench.latency.comparison import predicted
from aethermodel.bench.latency.latency_campaign import LatencyCampaign
from aethermodel.bench.latency.load import LoadedPipeline, LoadSettings
from aethermodel.bench.latency.load_two_processes import LoadedCrossing, loaded
from aethermodel.bench.latency.measurement import LatencyTrial
from aethermodel.bench.latency.tiers import tier_seconds
from aethermodel.bus import FixedSize
from aethermodel.measure.harness.senders import Schedule, keep
from aethermodel.measure.host.jitter import TICKS_WATCHED
from aethermodel.model.queueing.batch_service import serve
from aethermodel.model.queueing.host_pace import HostPace

SETTINGS = LoadSettings(group=8, largest=4, topics=4, fabric="shm")


@pytest.fixture(scope="module")
def crossing():
    pipeline = loaded(SETTINGS)
    yield pipeline
    pipeline.close()
    pipeline.close()


def test_each_fabric_has_its_pipeline():
    assert isinstance(loaded(LoadSettings(group=8, topics=4)), LoadedPipeline)
    assert isinstance(loaded(SETTINGS), LoadedCrossing)


@pytest.mark.parametrize("again", [0, 1])
def test_every_group_is_served_once_and_never_early(crossing, again):
    due = np.arange(200) * 1e-4
    run = crossing.run(due)
    assert run.sizes.sum() == 200
    assert run.sizes.max() <= 4
    assert run.latencies.size == 180
    assert (run.latencies > 0).all()
    assert run.seconds >= due[-1]


def test_what_is_due_at_once_goes_in_full_batches_and_waits_its_turn(crossing):
    run = crossing.run(np.zeros(4000))
    assert run.sizes.sum() == 4000
    assert (np.diff(run.latencies) >= 0).all()
    assert run.latencies[-1] == run.seconds
    assert crossing.capacity(1000) > 0


def test_ticks_and_the_producers_core_are_watched_at_once(crossing):
    crossing.run(np.zeros(4))
    consumer, producer = crossing.watch(0.01)
    assert min(consumer.seconds, producer.seconds) > 0
    # Ticks of one arrived batch each, as over loopback; the producer's loop is an idle one.
    assert consumer.turns.size % TICKS_WATCHED == 0
    assert (consumer.stretch > 0).all() and consumer.core_seconds.size == consumer.turns.size
    assert producer.turns.sum() > 0 and producer.core_seconds is None
    assert crossing.run(np.zeros(4)).sizes.sum() == 4  # and the producer goes on
    alone = LoadedPipeline(LoadSettings(group=8, topics=4)).watch(0.01)
    assert len(alone) == 1


def test_a_rule_is_refused(crossing):
    with pytest.raises(ValueError, match="over loopback only"):
        crossing.run(np.zeros(4), FixedSize(4))


def test_a_schedule_is_kept_in_batches_of_what_is_due():
    sent = []

    async def send(first, meant_ns, events=None):
        sent.append((first, events))

    schedule = Schedule(np.array([0, 0, 0, 0, 0], dtype=np.int64), first=100, group=8)
    with pytest.raises(StopIteration):
        keep(schedule, 0, 2, send).send(None)  # it never waits
    assert sent == [(100, 16), (116, 16), (132, 8)]


def test_tiers_are_of_the_ring():
    times = tier_seconds(SETTINGS, 2000)
    assert all((values > 0).all() for values in times.values())


def test_the_model_has_two_servers_in_a_row():
    due = np.sort(np.random.default_rng(0).uniform(0, 1, 500))
    table, sending = np.array([1e-3, 1.5e-3]), np.array([5e-4, 6e-4])
    both = predicted(due, table, sending=sending)
    sent = serve(due, sending)
    assert both == pytest.approx((sent + serve(due + sent, table))[50:])
    assert (both >= predicted(due, table)).mean() > 0.9
    assert predicted(due, table) == pytest.approx(serve(due, table)[50:])


def test_a_producer_that_pauses_delays_what_an_idle_consumer_takes():
    due = np.arange(100) * 1e-2
    table, sending = np.array([1e-3]), np.array([1e-3])
    full, halts = HostPace(0.5, np.ones(1)), HostPace(0.5, np.array([1.0, 0.0]))
    calm = predicted(due, table, full, sending, full)
    assert calm == pytest.approx(predicted(due, table, sending=sending))
    held = predicted(due, table, full, sending, halts)
    # It stands still from 0.5 s to 1 s, and then sends what is due one by one.
    assert held[:40] == pytest.approx(calm[:40])
    assert held[40] == pytest.approx(0.5 + 2e-3, abs=1e-5)
    assert (held[40:] > 10 * calm[40:]).all()
    # Either core's pauses count, not only those that both have.
    other = predicted(due, table, halts, sending, full)
    assert other[40] == pytest.approx(0.5 + 1e-3, abs=1e-3)


def test_a_trial_over_shared_memory():
    shm = synthetic_calibration(topics=4, t_send=2e-6, t_send_event=2e-9)
    campaign = LatencyCampaign(
        loads=(0.3,), arrivals=("poisson",), group=16, processes=1, batches=1000, retries=0
    )
    trial = LatencyTrial.run(campaign, shm)
    (row,) = trial.table.to_dict("records")
    assert 0 < row["p50"] <= row["p99"]
    assert row["predicted_p50"] > 0
    assert trial.tiers["tier"].tolist() == ["bridge", "fabric"]
