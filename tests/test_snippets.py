"""The snippets of README.md and of three pages run as they stand, and print what they say."""

import re
from pathlib import Path

import pytest
from command_line import aether
from own_laws import affine

from aethermodel import Laws

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/python.md", "docs/own_numbers.md", "docs/recommend.md")
SNIPPETS = [
    pytest.param(code, id=f"{page}-{at}")
    for page in PAGES
    for at, code in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S))
]


@pytest.fixture
def place(tmp_path):
    """A folder with the sample data, and with the laws that a page has made before."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    Laws({"": affine()}).save(tmp_path / "law.json")
    Laws({"": affine(fixed=20e-6, each=4e-6)}).save(tmp_path / "other.json")
    return tmp_path


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_snippet_runs_and_prints_what_it_says(code, place):
    done = aether(code=code, cwd=place)
    assert done.returncode == 0, done.stderr
    for said in re.findall(r"^print\(.*\)  # (.+)$", code, re.M):
        assert said in done.stdout.splitlines()


def test_the_pages_show_what_is_promised():
    shown = "\n".join(code.values[0] for code in SNIPPETS)
    assert len(SNIPPETS) == 12
    for name in ("ShmReceiver(", "Batcher(", "fit_term(", "BatchModel(", "EndOfStream", "record("):
        assert name in shown


def test_the_table_of_the_first_page_is_what_the_command_prints(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    [[command, table]] = re.findall(
        r"```text\n\$ .venv/bin/aethermodel ([^\n]*)\n(.*?)```",
        (ROOT / "README.md").read_text(),
        re.S,
    )
    printed = aether(*command.split(), cwd=ROOT).stdout
    assert [line.rstrip() for line in printed.splitlines() if line.strip()] == table.splitlines()
