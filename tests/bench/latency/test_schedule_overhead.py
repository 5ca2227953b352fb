"""Schedule overhead: found without the plane, and apart from the figures' tick."""

from time import perf_counter
from types import SimpleNamespace

from aethermodel.bench.latency import schedule_overhead
from aethermodel.bench.latency.load import LoadSettings
from aethermodel.bench.latency.schedule_overhead import keeping_seconds
from aethermodel.bus import FixedSize
from aethermodel.measure.harness.handlers import Tally

SETTINGS = LoadSettings(group=4, largest=3, topics=2)


class Watched(FixedSize):
    """A rule that notes what it is asked and told."""

    def __init__(self, size):
        super().__init__(size)
        self.asked, self.arrivals, self.sizes = [], 0, []

    def take(self, waiting, waited):
        self.asked.append(waiting)
        return super().take(waiting, waited)

    def arrived(self, count, now):
        self.arrivals += count

    def served(self, size, seconds):
        self.sizes.append(size)


def test_every_tick_keeps_the_schedule_and_serves_nothing(monkeypatch):
    handled, rules = [], []
    monkeypatch.setattr(Tally, "handle", lambda *_: handled.append(1))

    def rule():
        rules.append(Watched(3))
        return rules[-1]

    keeping_seconds(SETTINGS, rule, pairs=3, ticks=20)
    assert [rule.arrivals for rule in rules] == [60] * 4  # once to warm up
    assert [rule.sizes for rule in rules] == [[3] * 20] * 4
    assert not handled


def test_it_is_what_a_tick_takes_longer_with_a_rule_to_ask():
    class Slow(FixedSize):
        def take(self, waiting, waited):
            end = perf_counter() + 3e-3
            while perf_counter() < end:
                pass
            return super().take(waiting, waited)

    assert keeping_seconds(SETTINGS, lambda: Slow(3), pairs=3, ticks=5) > 1e-3


def test_noise_makes_no_negative_cost(monkeypatch):
    calm = iter([SimpleNamespace(seconds=1e-6), SimpleNamespace(seconds=3e-6)])
    monkeypatch.setattr(schedule_overhead, "undisturbed", lambda _: next(calm))
    assert keeping_seconds(SETTINGS, pairs=1, ticks=2) == 0


def test_a_rule_is_asked_at_every_tick_and_its_cost_is_in_the_figure():
    rules = []

    def rule():
        rules.append(Watched(2))
        return rules[-1]

    keeping_seconds(SETTINGS, rule, pairs=3, ticks=20)
    asked = [waiting for rule in rules for waiting in rule.asked]
    assert len(asked) >= 4 * 20
    assert max(asked) == 40  # twenty ticks of the rule's own size


def test_a_tick_without_a_rule_takes_what_has_arrived():
    assert keeping_seconds(SETTINGS, pairs=3, ticks=20) >= 0
