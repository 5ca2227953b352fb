"""The diagnosis: counts that are exact, orders that hold, and what it refuses."""

import asyncio
import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_calibration import TRUE, synthetic_calibration

from aethermodel import thresholds
from aethermodel.bench.extreme import Advice, diagnose
from aethermodel.bench.extreme.advice import in_words, pays_most, ranked
from aethermodel.bench.extreme.allocations import allocations
from aethermodel.bench.extreme.levers import levers, pull
from aethermodel.bench.extreme.model_view import Modelled
from aethermodel.bench.extreme.stress import Design, Stress
from aethermodel.bench.extreme.stress_trace import observe, slow_gain
from aethermodel.report.figures.diagnosis import advice_table, diagnosis, turns

SMALL = Design(batch_size=100, topics=4, event_loop="asyncio")


def advice(gain=0.1, low=0.05, high=0.2):
    return Advice("lever", "do", gain, low, high, gain * 1e6, "why")


@pytest.fixture(scope="module")
def found():
    known = synthetic_calibration(topics=4)
    return diagnose(SMALL, known, batches=100, seconds=0.001)


def test_the_verdict_and_every_advice_carry_a_number(found):
    assert found.ready == (found.per_second > 5e6)
    assert found.low <= found.per_second <= found.high
    side = "Above" if found.ready else "Below"
    assert found.conclusion.startswith(f"{side} 5,000,000 msg/s")
    for one in found.advice:
        assert one.low <= one.gain <= one.high
        assert one.per_second == pytest.approx(one.gain * found.per_second)
    # Whatever is advised can be done by who uses the bus, and was tried: no term of the model is a
    # lever, no line of the bus's source, nor what the host does.
    assert {one.lever for one in found.advice} <= {lever.name for lever in levers(SMALL)}
    assert {"batch size", "queue depth"} <= {one.lever for one in found.advice}
    assert "lost in slow rounds of the queue" in str(diagnosis(found))
    assert not [one.action for one in found.advice if ".py:" in one.action]
    clear = [one.clear for one in found.advice]
    assert clear == sorted(clear, reverse=True)


def test_terms_and_what_none_explains_add_up_to_the_measured_time(found):
    terms = sum(term.seconds.value for term in found.modelled.terms())
    assert terms + found.unexplained_seconds == pytest.approx(found.seconds)
    assert terms == pytest.approx(found.modelled.seconds().value)


def test_the_figures_are_plain_values(found):
    figures = found.figures()
    assert figures["advice"][0].keys() >= {"lever", "action", "basis", "gain", "low", "high"}
    assert sum(count for _, count in figures["observation"]["queue_depth_batches"]) == 100
    assert sum(count for _, count in figures["observation"]["turn_histogram_seconds"]) == 99


def test_the_report_shows_all_of_it(found):
    block = diagnosis(found)
    text = str(block)
    for one in found.advice:
        assert one.action in text
    for term in found.modelled.terms():
        assert f"{in_words(term.halved.value)}  by {term.halving}" in text
    assert "unexplained" in text
    assert "[loopback]" in text
    assert len(advice_table(found)) == len(found.advice)
    assert "loopback" in turns(found).title
    html = block._repr_html_()
    assert html.count("<table") == 3  # verdict, levers, terms
    assert "<script" not in html


def test_the_models_figures_are_those_of_the_law():
    modelled = Modelled(SMALL, synthetic_calibration(noise=0.001, topics=4))
    n, true = SMALL.batch_size, TRUE
    cost = {
        "loop": true["t_tick"] + true["t_call"] * 4,
        "ffi": true["t_ffi"],
        "kernel": true["t_kernel"] + true["t_event"] * n,
        "fabric": true["t_fabric"],
    }
    total = sum(cost.values())
    assert [term.name for term in modelled.terms()] == sorted(cost, key=lambda t: -cost[t])
    for term in modelled.terms():
        assert term.seconds.value == pytest.approx(cost[term.name], rel=0.02)
        halved = total / (total - cost[term.name] / 2) - 1
        assert term.halved.value == pytest.approx(halved, rel=0.02)
    fixed = total - true["t_event"] * n
    # Of the rate of the largest calibrated batch, the rule of all commands.
    largest = 12288
    most = largest / (fixed + true["t_event"] * largest)
    best = fixed / (1 / (0.95 * most) - true["t_event"])
    assert modelled.best_size().value == pytest.approx(best, rel=0.02)
    other = total * 10 * n / (n * (fixed + true["t_event"] * 10 * n)) - 1
    assert modelled.gain_at(10 * n).value == pytest.approx(other, rel=0.02)


def test_of_the_mocked_core_the_rest_of_the_time_is_the_loops():
    design = SMALL.model_copy(update={"core": "mocked"})
    modelled = Modelled(design, batch_seconds=5e-6)
    seconds = {term.name: term.seconds.value for term in modelled.terms()}
    assert seconds["kernel"] == pytest.approx(100 * 10e-9)
    assert seconds["ffi"] == pytest.approx(50e-9)
    assert seconds["loop"] == pytest.approx(5e-6 - 1e-6 - 50e-9)
    assert modelled.seconds().value == pytest.approx(5e-6)


def test_the_mocked_core_is_diagnosed_without_a_calibration_and_labelled_simulated():
    design = Design(core="mocked", batch_size=10, event_loop="asyncio")
    found = diagnose(design, batches=40, seconds=0.001)
    assert found.allocations is None
    assert "[simulated]" in str(diagnosis(found))


def test_the_real_core_wants_a_calibration_under_its_own_conditions():
    with pytest.raises(ValueError, match="wants a calibration"):
        diagnose(SMALL)
    with pytest.raises(ValueError, match="topics 16, not 4"):
        diagnose(SMALL, synthetic_calibration(topics=16))
    uvloop = SMALL.model_copy(update={"event_loop": "uvloop"})
    with pytest.raises(ValueError, match="event_loop asyncio, not uvloop"):
        diagnose(uvloop, synthetic_calibration(topics=4))


@given(
    st.lists(
        st.tuples(st.floats(-1, 5), st.floats(0, 1)),
        max_size=12,
    )
)
def test_advice_is_ranked_by_clear_gain(drawn):
    given_advice = [advice(gain, gain - width, gain + width) for gain, width in drawn]
    order = ranked(given_advice)
    assert sorted(map(id, order)) == sorted(map(id, given_advice))
    keys = [(one.low <= 0, -one.gain) for one in order]
    assert keys == sorted(keys)
    clear = [one.gain for one in given_advice if one.low > 0]
    best = pays_most(order)
    assert (best.gain if best else None) == (max(clear) if clear else None)


@pytest.mark.parametrize(
    ("gain", "words"),
    [(0.1234, "+12.3 %"), (-0.5, "−50.0 %"), (9.0, "+900 %"), (3787, "3,788 times")],
)
def test_gains_are_written_to_be_read(gain, words):
    assert in_words(gain) == words


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=50))
def test_slow_laps_cost_what_exceeds_twice_the_median(laps):
    median = float(np.median(laps))
    kept = sum(min(lap, thresholds.SLOW_LAP * median) for lap in laps)
    assert slow_gain(np.array(laps)) == pytest.approx(sum(laps) / kept - 1)


def test_the_queue_is_counted_exactly():
    """On one loop the order is fixed: the producer fills the queue, the consumer empties it."""
    depth, batches = 4, 40
    stress = Stress(SMALL.model_copy(update={"queue_depth": depth}))
    seen = observe(stress, batches, parts=3)
    assert seen.depths.count == batches
    assert seen.tick_ns.count == batches
    assert seen.turn_ns.count == batches - 1
    assert seen.depths.maximum == depth
    assert 0 < seen.full_share <= 0.5
    assert 0 < seen.empty_share <= 0.5
    assert len(seen.slow_gains) == 3
    with pytest.raises(ValueError, match="28 batches or more"):
        observe(stress, 27)


@pytest.mark.parametrize("topics", [1, 4, 16])
def test_allocations_grow_with_the_views_of_a_batch_and_nothing_is_kept(topics):
    stress = Stress(Design(batch_size=500, topics=topics, event_loop="asyncio"))
    counted = allocations(stress, repeats=2)
    views = [site for site in counted.sites if site.blocks >= topics]
    assert views, counted.sites
    # An array object for each topic hit, and no more than a few blocks beside each.
    assert topics <= counted.blocks <= 4 * topics + 8
    assert counted.retained_bytes == 0
    assert 0 < counted.peak_bytes < 100_000
    assert all(site.where == "cython_core/ticks/tick.pyx" for site in counted.sites)
    assert not tracemalloc.is_tracing()


def test_tracing_by_another_is_left_alone():
    tracemalloc.start()
    try:
        with pytest.raises(RuntimeError, match="in use"):
            allocations(Stress(SMALL))
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    with pytest.raises(ValueError, match="mocked"):
        allocations(Stress(SMALL.model_copy(update={"core": "mocked"})))


def test_levers_change_one_thing_each_and_stay_within_memory():
    design = Design(batch_size=2**21, queue_depth=8, event_loop="asyncio")
    tried = levers(design, [2**23, 1000])
    for lever in tried:
        fields = lever.design.model_dump()
        changed = [name for name, value in design.model_dump().items() if fields[name] != value]
        assert len(changed) == (0 if lever.frozen else 1)
    sizes = [one.design.batch_size for one in tried if one.name == "batch size"]
    assert sizes == [1000]  # the others would take more than 256 MiB


def test_rounds_hold_every_lever_against_the_present_and_leave_the_collector_as_it_was():
    tried = levers(SMALL)
    seen = []
    contest = pull(SMALL, tried, seconds=0.0005, rounds=3, progress=lambda *at: seen.append(at))
    assert seen[-1] == (3 * (len(tried) + 1), 3 * (len(tried) + 1))
    assert [one.lever for one in contest.pulled] == tried
    assert len(contest.present) == 3
    assert all(one.low <= one.gain <= one.high for one in contest.pulled)
    assert all(one.low > -1 for one in contest.pulled)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_it_runs_where_a_loop_runs_already():
    async def inside():
        return Stress(SMALL).run(10)

    passage = asyncio.run(inside())
    assert passage.messages == 1000
    assert (passage.done >= passage.sent).all()
