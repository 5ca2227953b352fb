"""History of laws by commit: append-only, in order, with its change points."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from command_line import Command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_laws import EACH, FIXED, affine

from aethermodel.gate.change_points import change_points
from aethermodel.gate.history import History
from aethermodel.gate.limits import quantity_of
from aethermodel.gate.run_files import read_runs

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve commits; from the eighth on the fixed cost is a fifth higher."""
    made = tmp_path_factory.mktemp("history")
    history = History(made)
    rng = np.random.default_rng(0)
    order = rng.permutation(12)
    for at in order:
        level = math.exp(rng.normal(0, 0.005))
        law = affine(FIXED * level * (1.2 if at >= 7 else 1), EACH * level, seed=int(at))
        history.add({"": law}, f"c{at}", "host", START + timedelta(days=int(at)))
    return made


def test_entries_are_in_the_order_of_their_moments(folder):
    history = History(folder)
    assert [entry.commit for entry in history.entries] == [f"c{at}" for at in range(12)]
    assert history.hosts == ("host",)
    assert history.entries[3].runs[""].law.largest == 16384


def test_the_change_is_marked_where_it_came(folder):
    points = History(folder).track("", quantity_of("T(1)"), "host")
    assert [point.entry.commit for point in points if point.begins] == ["c7"]
    (change,) = [point.change for point in points if point.begins]
    assert change == pytest.approx(0.2, abs=0.03)
    assert not any(p.begins for p in History(folder).track("", quantity_of("T(16384)")))


def test_a_gate_is_given_the_runs_since_the_last_change(folder):
    assert [run.label for run in read_runs(folder)[""]] == [f"c{at}" for at in range(7, 12)]
    with pytest.raises(ValueError, match="no entry of host other; it has host"):
        read_runs(folder, host="other")


def test_hosts_are_not_mixed(tmp_path):
    for host in ("one", "other"):
        History(tmp_path).add({"": affine()}, "c", host, START)
    with pytest.raises(ValueError, match="several hosts: choose one of one, other"):
        read_runs(tmp_path)
    assert len(read_runs(tmp_path, host="other")[""]) == 1


ADDS = f"""
import sys, time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from own_laws import affine
from aethermodel.gate.history import History

folder, number, law = Path(sys.argv[1]), sys.argv[2], affine()
(folder / f"ready-{{number}}").touch()
while len(list(folder.glob("ready-*"))) < 2:
    time.sleep(0.001)
for at in range(5):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    History(folder / "history").add({{"": law}}, f"p{{number}}-{{at}}", "host", moment)
"""


def test_processes_that_add_at_once_lose_nothing(tmp_path):
    words = [(str(tmp_path), str(number)) for number in range(2)]
    with Command(*words[0], code=ADDS) as one, Command(*words[1], code=ADDS) as other:
        for command in (one, other):
            assert command.wait(240) == 0, command.complained()
    assert len(History(tmp_path / "history").entries) == 10
    assert len(list((tmp_path / "history").iterdir())) == 10


def test_what_is_no_entry_is_named(tmp_path):
    History(tmp_path).add({"": affine()}, "c", "host", START)
    (path,) = tmp_path.iterdir()
    document = json.loads(path.read_text())
    for spoiled in (
        {**document, "commit": "a/b"},
        {**document, "laws": []},
        {**document, "extra": 1},
        {**document, "laws": [{**document["laws"][0], "seconds": [1.0]}]},
    ):
        path.write_text(json.dumps(spoiled))
        with pytest.raises(ValueError, match=path.name):
            _ = History(tmp_path).entries
    for commit in ("../x", "", "a b"):
        with pytest.raises(ValueError, match="commit"):
            History(tmp_path).add({"": affine()}, commit, "host")


@pytest.mark.parametrize("entries", [3, 10, 40])
def test_level_noise_has_hardly_ever_a_step(entries):
    rng = np.random.default_rng(entries)
    found = sum(bool(change_points(rng.normal(0, 0.02, entries))) for _ in range(300))
    assert found <= 9  # one in a hundred expected


def test_steps_are_found_against_a_plain_search():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 0.01, 15), rng.normal(0.1, 0.01, 10)])
    assert change_points(values) == [15]
    values = np.concatenate([values, rng.normal(0.02, 0.01, 12)])
    assert change_points(values) == [15, 25]
    # Entries that are badly known by themselves have no steps.
    assert change_points(values, np.full(values.size, 0.1**2)) == []
    assert change_points([1.0, 2.0]) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_spoiled_entry_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("spoiled")
    path = History(folder).add({"": affine()}, "c", "host", START)
    document = json.loads(path.read_text())
    law = document["laws"][0]
    spoiled = data.draw(st.sampled_from([document, law]))
    key = data.draw(st.sampled_from(sorted(spoiled)))
    values = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.integers())
    )
    spoiled[key] = data.draw(values)
    path.write_text(json.dumps(document))
    try:
        for run in read_runs(folder)[""]:
            run.estimate(quantity_of("T(10)"))
    except (ValueError, KeyError) as error:
        # Another curve's name is a curve of its own.
        assert not isinstance(error, KeyError) or key == "name"
