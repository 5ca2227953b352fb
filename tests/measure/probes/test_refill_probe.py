"""The refill probe: every event goes by before every tick, and is not in the figure."""

import pytest
from manual_clock import ManualClock

from aethermodel.measure.probes import PROBES
from aethermodel.measure.probes import cache_refill as refill

#: Of a plane; of a bus that has a ring, or a producer beside it.
TICKS = [(False, True), (True, False), (True, True)]


def counted(monkeypatch, name):
    seen, real = [], getattr(refill, name)

    def called(batch, *args, **settings):
        found = real(batch, *args, **settings)
        seen.append((len(batch), found))
        return found

    monkeypatch.setattr(refill, name, called)
    return seen


@pytest.mark.parametrize(("bus", "producer"), TICKS)
@pytest.mark.parametrize("size", [1, 700])
def test_a_whole_batch_goes_by_before_each_tick(bus, producer, size, monkeypatch):
    routed, checked = counted(monkeypatch, "route"), counted(monkeypatch, "first_gap")
    read = counted(monkeypatch, "verify")
    chosen = refill.Settings(batch_size=size, topics=3, bus=bus, producer=producer)
    timed = refill.prepare(chosen)
    ticks = 11 if bus else 10  # a bus begins in one that is not timed
    assert timed(10) > 0
    assert [events for events, _ in routed] == [events for events, _ in read] == [size] * ticks
    assert not any(len(damaged) for _, damaged in read)
    assert checked == ([(size, -1)] * ticks if bus else [])  # none ended before its last event


@pytest.mark.parametrize(("bus", "producer"), TICKS)
def test_what_goes_by_is_not_timed(bus, producer, monkeypatch):
    clock = ManualClock(monkeypatch)
    monkeypatch.setattr(refill, "route", clock.lasting(0.01))
    chosen = refill.Settings(batch_size=1, topics=1, bus=bus, producer=producer)
    assert refill.prepare(chosen)(10) == 0  # by a clock that nothing else moves


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="batch_size"):
        PROBES["refill"].settings(batch_size=0)
    with pytest.raises(ValueError, match="extra"):
        PROBES["refill"].settings(calls=3)
