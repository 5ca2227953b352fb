"""Cluster files: units, changes, laws, and one line for what is wrong."""

from pathlib import Path

import pytest
from own_laws import EACH, FIXED, affine

from aethermodel.clusters.cluster_file import load_cluster
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.law_group import Laws
from aethermodel.model.cluster.cluster import Topics

TEN_LINES = """\
[producers]
count = 24
rate = "4e6 / s"
batch = 1000
[links]
rate = "25 Gbit/s"
[consumers]
count = 8
fixed = "5 us"
per_event = "20 ns / event"
"""
SHIPPED = Path(__file__).parents[2] / "data" / "calibrations" / "uvloop.json"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ingest.toml"
    path.write_text(TEN_LINES)
    return path


def test_ten_lines_are_a_cluster_in_si_units(file):
    read = load_cluster(file)
    assert (read.name, read.hosts, read.credits) == ("ingest", 32, None)
    assert read.producers.rate == 4e6
    assert read.producers.batch_bytes == 64_000
    assert read.links.bytes_per_second == pytest.approx(25e9 / 8)
    assert read.consumers.cost.seconds(1000) == pytest.approx(25e-6)
    assert read.topics == Topics(routing="round-robin")
    assert read.offered == pytest.approx(24 * 4e3)


def test_changes_win_over_the_file(file):
    changes = ["consumers.count=32", "links.rate=100 Gbit/s", "topics.skew=0.9", "credits=4",
               "producers.rate=max", "topics.count=64"]  # fmt: skip
    read = load_cluster(file, changes)
    assert (read.consumers.count, read.credits) == (32, 4)
    assert read.links.bytes_per_second == pytest.approx(100e9 / 8)
    assert read.producers.rate is None
    assert read.topics == Topics(64, 0.9)
    assert load_cluster(file, ["producers.rate=3 Mevent/s"]).producers.rate == pytest.approx(3e6)


def test_costs_come_from_a_law_or_a_calibration(file):
    text = TEN_LINES.replace('fixed = "5 us"\nper_event = "20 ns / event"', 'law = "law.json"')
    file.write_text(text)
    Laws({"": affine()}).save(file.parent / "law.json")
    read = load_cluster(file)
    assert read.consumers.cost.seconds(1000) == pytest.approx(FIXED + 1000 * EACH, rel=0.03)
    file.write_text(text.replace("law.json", str(SHIPPED)))
    assert 1e-6 < load_cluster(file).consumers.cost.seconds(1000) < 1e-3
    with pytest.raises(InputError, match=r"calibration.*has no law of a producer|uvloop.json"):
        load_cluster(file, [f"producers.law={SHIPPED}"]).producers.cost.seconds(1000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("consumers.count=0", "consumers.count: Input should be greater than or equal to 1"),
        ("consumers.speed=3", "consumers.speed: there is no such setting"),
        ("links.rate=25 us", "links.rate"),
        ("links.rate=0 B/s", "links.rate: above 0"),
        ("producers.rate=fast", "producers.rate"),
        ("producers.rate=max", "need credits"),
        ("consumers.slow=9", "9 slow consumers of 8"),
        ("producers.law=missing.json", "missing.json"),
        ("consumers.curve=a", "a curve is of a law"),
        ("topics.routing=random", "topics.routing"),
        ("switches.oversubscription=0.5", "switches.oversubscription"),
        ("credits.of=3", "credits"),
        ("count", "--set wants section.name=value"),
        ("a.b.c=1", "--set wants section.name=value"),
        ("producers.count.x=1", "--set wants"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(file, change, words):
    with pytest.raises((InputError, OSError), match=words) as told:
        load_cluster(file, [change])
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["", "x", "credits = 3\n", "[producers]\ncount = 1e9\n"])
def test_files_that_describe_no_cluster_are_refused(file, text):
    file.write_text(text)
    with pytest.raises(InputError, match=r"ingest\.toml"):
        load_cluster(file)
