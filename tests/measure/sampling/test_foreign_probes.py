"""Foreign probes: found by entry point, listed, sampled, refused where they are broken."""

import json
import os
import subprocess
import sys

import pytest
from command_line import aether

from aethermodel import thresholds

#: It pretends: no sample takes as long as it says. Each call takes 20 % longer than the one before.
RESTLESS = '''"""Pace of a probe that never settles."""

from pydantic import BaseModel


class Settings(BaseModel):
    growth: float = 1.2


def prepare(settings):
    pace = 1e-6

    def timed(loops):
        nonlocal pace
        pace *= settings.growth
        return loops * pace

    return timed
'''


#: Prints the samples of one probe, in a process that finds what is installed.
TAKE = """
import json, sys
from aethermodel.measure.sampling.sampler import Plan, Point, take_samples

plan = json.loads(sys.argv[1])
points = (Point(probe="restless", settings=plan.pop("settings")),)
samples = take_samples(Plan(points=points, processes=1, repeats=2, sample_seconds=0.001, **plan))
print(json.dumps({name: samples[name].tolist() for name in ("settled", "noisy", "final")}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a process that has another distribution, with probes of its own."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "restless.py").write_text(RESTLESS)
    (folder / "broken_probe.py").write_text("import no_such_module\n")
    info = folder / "others_probes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others-probes\nVersion: 1.0\n")
    entries = "restless = restless\nbroken = broken_probe\nloop = restless\n"
    (info / "entry_points.txt").write_text(f"[aethermodel.probes]\n{entries}")
    return os.environ | {"PYTHONPATH": str(folder)}


def taken(installed, growth, **plan):
    asked = json.dumps({"settings": {"growth": growth}, **plan})
    command = [sys.executable, "-c", TAKE, asked]
    done = subprocess.run(command, env=installed, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_foreign_probe_is_listed_with_where_it_comes_from(installed):
    done = aether("sweep", "probes", "--json", "-", env=installed)
    listed = {probe["name"]: probe for probe in json.loads(done.stdout)["probes"]}
    assert listed["restless"]["times"] == "Pace of a probe that never settles."
    assert listed["restless"]["origin"] == "others-probes"
    assert "no_such_module" in listed["broken"]["times"]
    assert "origin" not in listed["loop"]  # no other distribution takes a name of this one


def test_a_foreign_probe_that_cannot_be_loaded_is_refused_in_one_line(installed):
    done = aether("sweep", "probes", "broken", env=installed)
    assert done.returncode == 2
    assert "probe broken of others-probes cannot be loaded: No module named" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("slices", [1, 4])
def test_a_sample_whose_warm_up_never_settled_is_marked(installed, slices):
    samples = taken(installed, growth=1.2, retries=1, slices=slices)
    assert samples["settled"] == [False] * 4
    assert samples["noisy"] == [True] * 4
    assert sum(samples["final"]) == 2  # taken again, and kept at last


def test_a_sample_whose_warm_up_settled_is_not(installed):
    samples = taken(installed, growth=1 + thresholds.WARM_TOLERANCE / 2, retries=0)
    assert samples["settled"] == [True] * 2
