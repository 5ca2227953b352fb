"""The loop probe: whole ticks in their place, less what others measure of them."""

import pytest
from manual_clock import ManualClock

from aethermodel.bus.plane import Plane
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.probes import loop


@pytest.mark.parametrize(("calls", "topics"), [(0, 3), (1, 1), (2, 5), (5, 5)])
def test_each_tick_calls_so_many_handlers(calls, topics, monkeypatch):
    handled = []
    monkeypatch.setattr(Tally, "handle", lambda _, batch, at: handled.append(batch["topic"][at]))
    assert loop.prepare(loop.Settings(topics=topics, calls=calls))(7) > 0
    assert [each.tolist() for each in handled] == 7 * [[topic] for topic in range(calls)]


@pytest.mark.parametrize("event_loop", ["asyncio", "uvloop"])
def test_what_moving_and_routing_take_apart_is_not_in_the_figure(event_loop, monkeypatch):
    """A tick of 2 ms, of which routing apart takes 1.5 ms."""
    clock = ManualClock(monkeypatch)
    monkeypatch.setattr(Plane, "tick", clock.lasting(0.002))
    monkeypatch.setattr(loop.ffi, "route", clock.lasting(0.0015))
    timed = loop.prepare(loop.Settings(topics=1, calls=1, event_loop=event_loop))
    assert timed(20) == pytest.approx(20 * 0.0005)


def test_a_tick_never_takes_less_than_nothing(monkeypatch):
    monkeypatch.setattr(loop.ffi, "route", ManualClock(monkeypatch).lasting(0.001))
    timed = loop.prepare(loop.Settings(topics=1, calls=1))
    assert timed(20) == 20 * loop.LEAST_TICK_SECONDS
