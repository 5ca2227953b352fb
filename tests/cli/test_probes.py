"""The probes as a command lists them, and the shipped sweep with its hint."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import aether
from sweep_stores import write_store
from synthetic_calibration import synthetic_calibration
from test_bad_input import call, refused

from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.probes import PROBES
from aethermodel.report.sweep.model_overlay import against_model
from aethermodel.sweep.plan import Sweep, read_sweep_file
from aethermodel.sweep.target import Outcome

__all__ = ["call"]
SHIPPED = Path(__file__).parents[2] / "data/sweeps/batch-size.toml"


def test_every_probe_is_listed_with_what_it_times(call):
    status, said, _ = call("sweep", "probes", "--json", "-")
    probes = json.loads(said)["probes"]
    assert status == 0
    assert [probe["name"] for probe in probes] == list(PROBES)
    assert all(len(probe["times"]) > 20 for probe in probes)


@pytest.mark.parametrize("name", PROBES)
def test_each_parameter_has_default_range_and_meaning(call, name):
    _, said, _ = call("sweep", "probes", name, "--json", "-")
    (probe,) = json.loads(said)["probes"]
    settings = PROBES[name].settings
    assert [p["name"] for p in probe["parameters"]] == list(settings.model_fields)
    for p in probe["parameters"]:
        assert p["meaning"] and p["range"]
        assert p["unit"] or not re.match(r"\d", p["range"])  # a number of what
        if not p["required"]:
            assert p["default"] == settings.model_fields[p["name"]].default


def test_a_probe_that_there_is_not_is_refused_with_those_there_are(call):
    assert "no probe 'warp'; there are loop, refill" in refused(call, "sweep", "probes", "warp")


@pytest.mark.parametrize("probe", ["pipeline", "loop", "bus_loop"])
def test_handlers_follow_the_topics_unless_they_are_given(probe):
    settings = PROBES[probe].settings
    called = [settings(topics=topics).calls for topics in (1, 4, 16, 64)]
    assert called == [1, 4, 16, 16]
    assert settings(topics=64, calls=3).calls == 3
    again = settings(**settings(topics=64, calls=3).model_dump())
    assert again.calls == 3
    with pytest.raises(ValueError, match="16 handlers need as many topics, there are 4"):
        settings(topics=4, calls=16)


def test_from_another_process_every_topic_has_its_handler():
    settings = PROBES["pipeline"].settings
    assert [settings(topics=t, fabric="shm").calls for t in (4, 64)] == [4, 64]
    with pytest.raises(ValueError, match="every topic has its handler"):
        settings(topics=64, calls=16, fabric="shm")


def test_the_hint_of_the_shipped_sweep_works():
    (hint,) = re.findall(r"on the command line: (.*)", SHIPPED.read_text())
    done = aether("sweep", "plan", str(SHIPPED), *hint.split(), "--json", "-")
    assert done.returncode == 0, done.stderr
    planned = json.loads(done.stdout)
    assert (planned["points"], planned["jobs"]) == (60, 300)


def test_the_shipped_sweep_meets_the_model_of_make_report_at_all_its_points(tmp_path):
    assert tomllib.loads(SHIPPED.read_text())["probe"] == "pipeline"
    sweep = Sweep.model_validate(read_sweep_file(SHIPPED))
    assert len(sweep.points) == 20

    def outcome(job):
        seconds = 1e-5 + 3e-9 * job.parameters["batch_size"]
        return Outcome(state="done", seconds=0.1, samples=[{"seconds": seconds, "noisy": False}])

    result = write_store(tmp_path / "s", sweep, outcome)
    made_for = Campaign()
    calibration = synthetic_calibration(topics=made_for.topics)
    of_this_host = {"event_loop": made_for.event_loop, "pool": made_for.pool}
    calibration = replace(calibration, conditions=replace(calibration.conditions, **of_this_host))
    table, words = against_model(result, calibration)
    assert sorted(table["n"]) == sorted(point["batch_size"] for point in sweep.points)
    assert "not compared" not in words
    assert max(table["n"]) < max(made_for.kernel_sizes())  # nothing is extrapolated
