"""Tables of the site: figures as they are read, and not as they are stored."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.docs
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pages():
    pytest.importorskip("sphinx", reason="Sphinx is not installed")
    where = ROOT / "docs" / "_ext" / "benchmark_pages.py"
    spec = importlib.util.spec_from_file_location("benchmark_pages", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_row_is_written_for_reading(pages):
    row = {"what": "messages, none lost", "value": 2.47e10, "goal": "1 us", "met": True}
    assert pages.cells(row)[1:] == ("24,700,000,000", "", "", "1 µs", "met")
    half = {"what": "P99", "value": 770, "unit": "us", "low": 135, "peer": "a plain loop, 3 us"}
    assert pages.cells(half) == ("P99", "770 µs", "from 135", "a plain loop, 3 µs", "", "")


def test_no_cell_of_a_committed_run_holds_an_exponent_or_half_an_interval(pages):
    seen = 0
    for path in sorted(pages.FOLDER.glob("*/*.json")):
        document = json.loads(path.read_text("utf-8"))
        for row in document["rows"] if document["schema"] == pages.SCHEMA else ():
            words = " | ".join(pages.cells(row))
            assert not re.search(r"\de[+-]\d|\bus\b|to \|", words), words
            seen += 1
    assert seen > 50


def readme_figures():
    """Yield each figure of the README's table: what, folder of its host, number, unit."""
    text = (ROOT / "README.md").read_text("utf-8")
    (table,) = [part for part in text.split("\n\n") if part.startswith("| what | Zen")]
    heads, _, *rows = table.splitlines()
    hosts = [head.strip() for head in heads.split("|")[2:-3]]
    for row in rows:
        what, *cells = (cell.strip() for cell in row.split("|")[1:-3])
        for host, cell in zip(hosts, cells, strict=True):
            if cell:
                number, unit = cell.split()[:2]
                yield what, host, number, unit


def test_every_figure_of_the_readme_is_of_a_committed_run(pages):
    figures = list(readme_figures())
    assert len(figures) > 10
    for what, host, number, unit in figures:
        (folder,) = [path for path in pages.FOLDER.iterdir() if host_of(path.name) == host]
        found = set()
        for path in folder.glob("*.json"):
            document = json.loads(path.read_text("utf-8"))
            for row in document["rows"] if document["schema"] == pages.SCHEMA else ():
                if row["value"] is not None and row.get("unit"):
                    digits = len(number.partition(".")[2])
                    first = row["unit"].split()[0].replace("us", "µs")
                    found.add((f"{row['value']:.{digits}f}", first))
        assert (number, unit) in found, (what, host)


def host_of(folder):
    """Return the head of a host's column: ``Zen 5`` of ``amd-zen5``."""
    return re.sub(r"(\d)", r" \1", folder.partition("-")[2]).capitalize()
