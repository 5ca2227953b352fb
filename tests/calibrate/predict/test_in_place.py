"""Terms of the built-in pipeline in place: what each costs inside, beside its own law."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from trial_samples import trial_samples

from aethermodel.calibrate.predict.in_place import InPlace, told_in_place
from aethermodel.cli.shared.in_place import print_in_place
from aethermodel.measure.campaign.validation import Trial
from aethermodel.measure.probes import PROBES
from aethermodel.measure.probes.in_place import Settings
from aethermodel.report.figures.validation import in_place_row

# What `trial_samples` are made of.
FABRIC, CLOCK = 5e-7, 5e-8


def _route(n):
    return 1.5e-7 + 4e-9 * n


def _with_places(fabric=FABRIC, route=_route):
    samples = trial_samples()
    whole = samples[samples["probe"] == "pipeline"]
    placed = whole.assign(probe="in_place")
    placed["figures"] = [
        json.dumps({"fabric": fabric, "route": route(n), "clock": CLOCK})
        for n in placed["batch_size"]
    ]
    both = pd.concat([samples, placed], ignore_index=True)
    both.attrs = samples.attrs
    return both


def _trial(**changes):
    return Trial.of(_with_places(**changes))


def test_terms_that_cost_what_they_cost_isolated_are_near_their_laws():
    found = {(one.term, one.n): one for one in _trial().in_place}
    assert set(found) == {(t, n) for t in ("fabric", "ffi + kernel", "loop") for n in (1, 200)}
    # Samples scatter by 2 %, and the small terms are what that leaves of the whole.
    assert all(abs(one.change) < 0.1 for one in found.values())


def test_a_term_that_costs_more_inside_is_named_and_what_is_left_is_the_loops():
    dear = {one.term: one for one in _trial(fabric=2 * FABRIC).in_place if one.n == 1}
    assert dear["fabric"].change == pytest.approx(1.0, abs=0.05)
    # The whole is as before, so that the loop is what the fabric took from it.
    plain = {one.term: one for one in _trial().in_place if one.n == 1}
    assert plain["loop"].in_place - dear["loop"].in_place == pytest.approx(FABRIC)
    trial = _trial(fabric=2 * FABRIC)
    assert trial.told[0].term == "fabric"
    assert "+" in str(trial.told[0]) and "isolated" in str(trial.told[0])


def test_samples_of_older_trials_have_nothing_in_place():
    trial = Trial.of(trial_samples())
    assert trial.in_place == () and trial.told == []


def test_what_was_disturbed_to_the_last_says_nothing_of_a_term():
    samples = _with_places()
    samples.loc[samples["probe"] == "in_place", "noisy"] = True
    assert Trial.of(samples).in_place == ()


def test_a_clock_above_two_percent_is_said():
    found = {(one.term, one.n): str(one) for one in _trial().in_place}
    assert "clock's 20 % taken off" in found["fabric", 1]
    assert "clock" not in found["loop", 1]


def test_no_change_is_none_and_a_change_has_its_interval():
    same = InPlace("a", 1, 1.0, 0.9, 1.1, 1.0, 0.95, 1.05, 0.0)
    assert same.change == 0 and not same.differs
    more = InPlace("a", 1, 1.0, 0.99, 1.01, 1.2, 1.19, 1.21, 0.0)
    low, high = more.change_interval
    assert low < 0.2 < high and more.differs


def test_a_change_from_what_was_hardly_measured_cannot_be_told(capsys):
    # Its isolated law leaves out nothing from zero to twice what it says.
    vague = InPlace("fabric", 100, 1e-7, 1e-10, 2e-7, 1.2e-6, 1.1e-6, 1.3e-6, 0.1)
    low, high = vague.change_interval
    assert low > 2 and high > 1000, "which read as +244 to +1,280,000 %"
    assert not vague.known and not vague.differs and not told_in_place([vague], {100: 2e-6})
    assert "by how much it differs cannot be told; the clock's 10 % taken off" in str(vague)
    assert not vague.figures()["known"]
    print_in_place([vague], [])
    said = capsys.readouterr().out
    assert re.search(r"fabric +100 ns +1.20 µs +cannot be told +10 %", said)
    assert "more than 10 times apart" in " ".join(said.split()) and "+" not in said
    row = in_place_row(vague)
    assert row["Change"] == "cannot be told" and "+" not in "".join(row.values())
    # Ten times as dear, and known to be.
    dear = InPlace("fabric", 100, 1e-7, 0.9e-7, 1.1e-7, 1e-6, 0.9e-6, 1.1e-6, 0.0)
    assert dear.known and dear.differs and in_place_row(dear)["Significant?"] == "yes"


@pytest.mark.parametrize("event_loop", ["asyncio"])
def test_the_probe_times_fabric_and_router_inside_the_pipeline(event_loop):
    timed = PROBES["in_place"].prepare(Settings(batch_size=1000, topics=4, event_loop=event_loop))
    seconds = [timed(20) / 20 for _ in range(3)]
    found = timed.figures((0, 2))
    assert set(found) == {"fabric", "route", "clock"}
    assert 0 < found["fabric"] + found["route"] < max(seconds)
    assert timed.figures(()) == {}


def test_the_probe_times_a_bus_over_a_ring():
    timed = PROBES["in_place"].prepare(Settings(batch_size=1000, topics=4, fabric="shm"))
    slices = timed.slices(40)
    assert sum(one.loops for one in slices) == 40
    found = timed.figures(range(len(slices)))
    assert found["route"] > 0 and np.isfinite(found["fabric"])
