"""The snippets of README.md and of two pages run as they stand, and print what they say."""

import re
from pathlib import Path

import pytest
from command_line import aether

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/python.md", "docs/own_numbers.md")
SNIPPETS = [
    pytest.param(code, id=f"{page}-{at}")
    for page in PAGES
    for at, code in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S))
]


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_snippet_runs_and_prints_what_it_says(code):
    done = aether(code=code, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for said in re.findall(r"^print\(.*\)  # (.+)$", code, re.M):
        assert said in done.stdout.splitlines()


def test_the_pages_show_what_is_promised():
    shown = "\n".join(code.values[0] for code in SNIPPETS)
    assert len(SNIPPETS) == 11
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
