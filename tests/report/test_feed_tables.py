"""The feed's tables: times with units, and no percentile of too few ticks."""

import pandas as pd
import pytest

from aethermodel.bus.instruments import Instruments
from aethermodel.bus.topics import Topics
from aethermodel.report.figures.feed import as_a_whole, by_decision, by_topic, in_flight


def instruments(ticks):
    made = Instruments(Topics(["a", "b"]))
    for _ in range(ticks):
        made.tick_ns.record(256_000)
        made.waiting_events.record(3)
    made.calls[0], made.handled[0], made.handler_ns[0] = 4, 2_000, 8_000_000
    return made


@pytest.mark.parametrize(
    ("ticks", "p99", "tail"),
    [
        (16, "too few: 16 ticks, it takes 100", "too few: 16 ticks, it takes 1,000"),
        (100, "µs", "too few: 100 ticks, it takes 1,000"),
        (1_000, "µs", "µs"),
    ],
)
def test_a_percentile_takes_enough_ticks(ticks, p99, tail):
    shown = as_a_whole(instruments(ticks)).set_index("instrument")["value"]
    assert shown["tick, P50"].endswith("µs")
    assert shown["tick, P99"].endswith(p99)
    assert shown["tick, P99.9"].endswith(tail)
    assert ("too few" in shown["waiting events, P99"]) == (ticks < 100)
    assert shown["time in handlers"] == "8.00 ms"
    assert shown["copied bytes"] == "0"


def test_a_decision_says_in_words_who_made_it():
    made = pd.DataFrame(
        [("a", "halt", ""), ("a", "halt", ""), ("a", "halt", "busy"), ("b", "pass", "deadline")],
        columns=["topic", "answer", "fell_back"],
    )
    rows = by_decision(made).values.tolist()
    assert rows == [
        ["a", "halt", "decider", 2],
        ["a", "halt", "rules: busy", 1],
        ["b", "pass", "rules: deadline", 1],
    ]


def test_times_by_topic_have_units():
    shown = by_topic(instruments(1)).loc["a"]
    assert (shown["time in handlers"], shown["a call"]) == ("8.00 ms", "2.00 ms")


def test_decisions_in_flight_are_a_sentence():
    shown = in_flight(5, 4_000, 0.5, 1e6)
    assert "after 500\N{NO-BREAK SPACE}ms," in shown.html
    assert "5 of 4,000 events were escalated (0.12 %)" in shown.text
    assert "625 decisions are in flight on average" in shown.text
