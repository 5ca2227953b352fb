"""Registry: readers of installed packages, found by entry points."""

import sys

import pytest

from aethermodel.readers import registry
from aethermodel.readers.read import read
from aethermodel.readers.series import UnreadableMeasurements

READER = """
from aethermodel.readers.table import Table

NAME = "stopwatch"


def recognises(document):
    return document.text.startswith("STOPWATCH")


def parse(document, asked):
    rows = [dict(zip(("laps", "time"), line.split())) for line in document.lines[1:] if line]
    return Table.of_rows(rows, size="laps", time="time", units={"time": "ms"})
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with an entry point, as pip would: a module and its metadata."""

    def install(value, module=READER):
        about = tmp_path / "stopwatch_reader-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: stopwatch-reader\nVersion: 1.0\n"
        )
        (about / "entry_points.txt").write_text(f"[aethermodel.readers]\nstopwatch = {value}\n")
        (tmp_path / "stopwatch_reader.py").write_text(module)
        registry.installed.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    monkeypatch.undo()
    sys.modules.pop("stopwatch_reader", None)
    registry.installed.cache_clear()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "laps"
    path.write_text("STOPWATCH\n1 2.5\n10 20.0\n")
    return path


def test_a_reader_of_another_package_is_asked_first(package, file):
    package("stopwatch_reader")
    found = read(file)
    assert (found.format, found.size_name) == ("stopwatch", "laps")
    assert found.series[0].seconds.tolist() == [0.0025, 0.02]
    assert read(file, format="stopwatch").format == "stopwatch"
    assert "stopwatch" in registry.names()


def test_a_reader_that_cannot_be_loaded_is_named(package, file):
    package("stopwatch_reader:missing")
    with pytest.raises(
        UnreadableMeasurements, match="reader stopwatch of stopwatch_reader:missing"
    ):
        read(file)


def test_a_reader_that_lacks_a_part_is_named(package, file):
    package("stopwatch_reader", module="NAME = 'stopwatch'\n")
    with pytest.raises(UnreadableMeasurements, match="lacks NAME, recognises or parse"):
        read(file)


def test_every_built_in_reader_has_the_name_that_it_is_registered_by():
    for name in registry.BUILT_IN:
        assert name == registry.built_in(name).NAME
