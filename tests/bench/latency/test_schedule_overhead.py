"""Schedule overhead: found without the plane, and apart from the figures' tick."""

import pytest

from aethermodel.bench.latency import schedule_overhead as load_keeping
from aethermodel.bench.latency.load import LoadSettings
from aethermodel.bench.latency.schedule_overhead import keeping_seconds
from aethermodel.bus import FixedSize

SETTINGS = LoadSettings(group=4, largest=3, topics=2)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(load_keeping, "_PAIRS", 3)
    monkeypatch.setattr(load_keeping, "_TICKS", 20)


def test_it_is_what_a_tick_takes_longer_with_a_schedule_to_keep(monkeypatch):
    monkeypatch.setattr(load_keeping._Keeping, "tick_seconds", lambda _: 5e-6)
    monkeypatch.setattr(load_keeping, "on_loop", lambda *_: lambda ticks: 3e-6 * ticks)
    assert keeping_seconds(SETTINGS) == pytest.approx(2e-6)


def test_every_tick_keeps_the_schedule_and_serves_nothing(monkeypatch):
    runs = []
    drive = load_keeping._Keeping.tick_seconds

    def seen(self):
        seconds = drive(self)
        runs.append((len(self._ends), sum(self._served), self._tally.events))
        return seconds

    monkeypatch.setattr(load_keeping._Keeping, "tick_seconds", seen)
    keeping_seconds(SETTINGS)
    assert runs == [(20, 60, 0)] * 4  # once to warm up


def test_noise_makes_no_negative_cost(monkeypatch):
    monkeypatch.setattr(load_keeping._Keeping, "tick_seconds", lambda _: 0.0)
    assert keeping_seconds(SETTINGS) == 0


def test_a_rule_is_asked_at_every_tick_and_its_cost_is_in_the_figure(monkeypatch):
    asked = []

    class Asked(FixedSize):
        def take(self, waiting, waited):
            asked.append(waiting)
            return super().take(waiting, waited)

    keeping_seconds(SETTINGS, lambda: Asked(2))
    assert len(asked) >= 4 * 20
    assert max(asked) == 40  # twenty ticks of the rule's own size
