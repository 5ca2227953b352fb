"""Dispatch benchmark: the line through known differences, and a verdict of all processes."""

import pandas as pd
import pytest
from pydantic import ValidationError

from aethermodel.bench.dispatch import DispatchBench, judge
from aethermodel.measure.probes import PROBES


def samples_of(added, loops=("asyncio",), processes=3):
    """Samples whose difference is `added(handlers, process)`; one in four was disturbed."""
    rows = [
        {
            "event_loop": loop,
            "handlers": handlers,
            "process": process,
            "repeat": repeat,
            "by": by,
            "seconds": 3e-6 + 50e-9 * handlers + (by == "bus") * added(handlers, process),
            "final": final,
            "noisy": not final,
        }
        for loop in loops
        for handlers in (0, 1, 4, 16)
        for process in range(processes)
        for by in ("bus", "bare")
        for repeat, final in ((0, True), (1, False), (1, True), (2, True))
    ]
    samples = pd.DataFrame(rows)
    samples.loc[~samples["final"], "seconds"] *= 5  # what was taken again counts for nothing
    return samples


def test_the_line_gives_what_a_tick_and_a_call_add():
    found = judge(samples_of(lambda handlers, process: (0.8 + 0.2 * handlers) * 1e-6))
    tick, call = found.added
    assert (tick.what, call.what) == ("tick", "call")
    assert tick.seconds == pytest.approx(0.8e-6)
    assert call.seconds == pytest.approx(0.2e-6)
    assert found.outcome == tick.outcome == call.outcome == "pass"
    assert found.noisy_share == 0.25
    table = found.table.set_index("handlers")
    assert table["added_seconds"].tolist() == pytest.approx([0.8e-6, 1e-6, 1.6e-6, 4e-6])
    assert table.loc[16, "bare_seconds"] == pytest.approx(3.8e-6)


@pytest.mark.parametrize(
    ("ticks", "outcome"),
    [([0.5, 0.9, 0.7], "pass"), ([1.1, 1.5, 1.2], "fail"), ([0.9, 1.1, 0.8], "inconclusive")],
)
def test_it_fails_only_where_every_process_says_so(ticks, outcome):
    found = judge(samples_of(lambda handlers, process: (ticks[process] + 0.1 * handlers) * 1e-6))
    tick, call = found.added
    assert (tick.low, tick.high) == pytest.approx((min(ticks) * 1e-6, max(ticks) * 1e-6))
    assert (tick.outcome, call.outcome) == (outcome, "pass")
    assert found.outcome == outcome


def test_a_run_judges_each_loop_and_shows_every_count_of_handlers():
    bench = DispatchBench(handlers="16,0", processes=1, repeats=1)
    seen = []
    found = bench.run(lambda *done: seen.append(done))
    assert seen[-1] == (12, 12)
    assert {(a.event_loop, a.what) for a in found.added} == {
        (loop, what) for loop in ("asyncio", "uvloop") for what in ("tick", "call")
    }
    assert sorted(found.table["handlers"]) == [0, 0, 16, 16]
    assert (found.table["bare_seconds"] > 0).all()
    assert {(tick.event_loop, tick.handlers, tick.events) for tick in found.native} == {
        (loop, 16, 100) for loop in ("asyncio", "uvloop")
    }


@pytest.mark.parametrize("by", ["bus", "bare", "native"])
@pytest.mark.parametrize("handlers", [0, 1, 16])
def test_both_ways_show_every_event_to_its_handler(by, handlers):
    probe = PROBES["dispatch"]
    # The probe itself counts what its handlers saw.
    for events in (16, 100):
        assert probe.prepare(probe.settings(by=by, handlers=handlers, events=events))(7) > 0


@pytest.mark.parametrize(
    ("shares", "outcome"),
    [([0.3, 0.4, 0.45], "pass"), ([0.6, 0.7, 0.8], "fail"), ([0.4, 0.6, 0.5], "inconclusive")],
)
def test_handlers_in_c_are_held_against_those_of_python(shares, outcome):
    rows = [
        row | {"handlers": 16, "events": 100, "by": by, "seconds": 8e-6 * share}
        for row in samples_of(lambda *_: 0.0)
        .query("handlers == 16 and by == 'bus'")
        .to_dict("records")
        for by, share in (("bus", 1.0), ("native", shares[row["process"]]))
    ]
    others = samples_of(lambda *_: 0.5e-6).assign(events=16)
    found = judge(pd.concat([others, pd.DataFrame(rows)], ignore_index=True))
    (tick,) = found.native
    assert (tick.low, tick.high) == pytest.approx((min(shares), max(shares)))
    assert tick.python_seconds == pytest.approx(8e-6)
    assert (tick.outcome, found.outcome) == (outcome, outcome)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"handlers": "4"}, "two different"),
        ({"handlers": "4,4"}, "two different"),
        ({"handlers": "a,b"}, "valid integer"),
        ({"event_loops": "trio"}, "event_loops"),
        ({"processes": 0}, "processes"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(ValidationError, match=message):
        DispatchBench(**given)


def test_more_handlers_than_topics_are_refused():
    with pytest.raises(ValidationError, match="less than or equal to 16"):
        DispatchBench(handlers="0,17", processes=1).run()
