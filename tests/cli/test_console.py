"""Console output: no control sign acts, no bracket is markup, any encoding will do."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import aether
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.sweep.store import Store
from aethermodel.text.printable import encodable, printable
from tools.report_example import write_store

CALIBRATION = next(Path(__file__).parents[2].glob("data/calibrations/*.json"))
HOSTILE = "a\x1b[2Jb\x1b]0;title\x07c\x9b31md\u202etxt.\u2066 [red]e[/red] [/] :smile:\r\x08"
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
PROGRAM = """
import sys
import typer
from rich.table import Table
from rich.text import Text
from aethermodel.console import plain_console, run_app

def command(text: str):
    print(text)
    typer.echo(text)
    typer.echo(text, err=True)
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    table.add_row(Text(text, style="red"))
    plain_console(least_width=200).print(table)
    plain_console().print(text, soft_wrap=True)
    raise ValueError(text)

app = typer.Typer()
app.command()(command)
run_app(app)
"""


def run(*words, **environment):
    return subprocess.run(
        [sys.executable, *words], capture_output=True, check=False, env=os.environ | environment
    )


def without_styles(text: str) -> str:
    """Leave out rich's own colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_whatever_a_command_prints_does_nothing_and_is_seen():
    done = run("-c", PROGRAM, HOSTILE, PYTHONIOENCODING="utf-8")
    said, complained = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 2
    assert not ACTING.search(said + complained)
    assert said.count("[red]e[/red] [/] :smile:") == 7
    for form in (r"\x1b[2J", r"\x9b31m", r"\u202e", r"\x07"):
        assert said.count(form) >= 5
    assert complained.splitlines()[-1].startswith("aethermodel: a\\x1b[2J")


def test_on_a_terminal_only_the_colours_of_tables_act():
    reader, writer = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, HOSTILE],
        stdout=writer,
        stderr=subprocess.STDOUT,
        check=False,
        env=os.environ | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
    )
    os.close(writer)
    shown = b""
    while chunk := _read(reader):
        shown += chunk
    os.close(reader)
    assert done.returncode == 2
    assert b"\x1b[31m" in shown  # the table's red
    assert not ACTING.search(without_styles(shown.decode()).replace("\r\n", "\n"))


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65_536)
    except OSError:  # the other end is closed
        return b""


def test_a_file_name_in_brackets_is_shown_as_it_is(tmp_path):
    name = "[red]x[/red]\x1b[31m\u202e\n.ipynb"
    done = aether("report", name, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "aethermodel: [red]x[/red]\\x1b[31m\\u202e\\n.ipynb: " + done.stderr[-26:]
    assert len(done.stderr.splitlines()) == 1


def test_stored_errors_do_nothing_on_the_terminal(tmp_path):
    folder = write_store(tmp_path / "store")
    store = Store(folder)
    sweep = store.sweep()
    record = next(iter(store.records()))
    outcome = record.outcome.model_copy(update={"state": "failed", "error": HOSTILE})
    with store.writer(sweep):
        store.put(record.model_copy(update={"outcome": outcome, "order": record.order}))
    done = aether("sweep", "status", "--store", str(folder))
    assert "[red]e[/red]" in done.stdout
    assert not ACTING.search(done.stdout + done.stderr)


ALL_HELP = """
from typer.main import get_command
from aethermodel.cli import app
from aethermodel.text.printable import use_printable_streams

def below(command, words):
    for name, child in getattr(command, "commands", {}).items():
        below(child, [*words, name])
    print("aethermodel", *words)
    whole([*words, "--help"], standalone_mode=False)

use_printable_streams()
whole = get_command(app)
below(whole, [])
print("all of them \\N{EN DASH} done")
"""
PREDICT = (
    f"predict -c {CALIBRATION} --foreign --optimum --sensitivity 1000 --bottlenecks --roofline"
)
QUICK = {
    "bound": "half of the limit",
    f"{PREDICT} --set t_tick=1e-6": "Ceilings, events a second",
    "doctor": " good, ",
    "predict -c \N{MICRO SIGN}\N{EN DASH}\N{ALMOST EQUAL TO}.json": "no such calibration",
}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "C"])
def test_no_encoding_stops_a_command_in_the_middle(encoding):
    if encoding == "C":
        setting = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
        # From nothing, which takes long: the two that say signs of their own.
        words = [
            words for words in QUICK if words.startswith(("bound", "predict -c \N{MICRO SIGN}"))
        ]
        done = [aether(*one.split(), env=os.environ | setting) for one in words]
        helped = run("-c", ALL_HELP, **setting)
        helped.stdout, helped.stderr = helped.stdout.decode("ascii"), helped.stderr.decode("ascii")
    else:
        words = list(QUICK)
        done = [aether(*one.split(), encoding=encoding) for one in words]
        helped = aether(code=ALL_HELP, encoding=encoding)
    statuses = {one: ended.returncode for one, ended in zip(words, done, strict=True)}
    assert helped.returncode == 0 and statuses.pop(words[-1]) == 2
    assert statuses.pop("doctor", 0) in (0, 1)
    assert set(statuses.values()) == {0}
    said = ("all of them ", *(QUICK[one] for one in words))
    for one, last in zip((helped, *done), said, strict=True):
        assert last in one.stdout + one.stderr
        assert "Traceback" not in one.stderr


@given(st.text())
def test_a_printable_text_has_no_sign_that_acts_and_loses_none(text):
    shown = printable(text)
    assert not ACTING.search(shown)
    shown.encode("utf-8")
    acting = re.findall("[^\\W\\d_]", text)
    assert [c for c in re.findall("[^\\W\\d_]", shown) if c in acting][: len(acting)] or not acting


@given(st.text(), st.sampled_from(["ascii", "latin-1", "cp1252", "koi8-r", "utf-8"]))
def test_any_text_can_be_said_in_any_encoding(text, encoding):
    said = encodable(printable(text), encoding)
    said.encode(encoding)
    assert encodable(said, encoding) == said


def test_json_on_standard_output_is_as_it_was():
    done = run("-m", "aethermodel", "bound", "--json", "-", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["schema"] == "aethermodel.bound/1"


def test_one_line_shows_no_sign_without_a_form():
    shown = printable("a\ufeffb\u200b\nc\x1b", one_line=True)
    assert shown == r"a\ufeffb\u200b\nc\x1b"
    assert shown.isprintable()


def test_a_reader_that_has_read_enough_ends_a_command_without_a_word():
    command = [sys.executable, "-m", "aethermodel", "sweep", "probes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        said = child.stderr.read()
        assert child.wait(120) == 1
    assert said == b""
