"""Ctrl-C during any command: one line, status 130, and nothing left on the host."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from command_line import Command
from synthetic_calibration import synthetic_calibration
from waiting import until

from aethermodel.measure.host.fingerprint import this_host

COMMANDS = {
    "calibrate": "calibrate --topics 2 --json {tmp}/calibration.json",
    "calibrate over shm": "calibrate --topics 2 --fabric shm --json {tmp}/calibration.json",
    "validate": "validate --topics 2",
    "bench kernel": "bench kernel --repeats 50",
    "bench ffi": "bench ffi --processes 50",
    "bench ring": "bench ring --repeats 50 --batch-size 1000",
    "bench pipeline": "bench pipeline --repeats 50",
    "bench soak": "bench soak --seconds 100",
    "bench soak over tcp": "bench soak --seconds 100 --fabric tcp",
    "bench dispatch": "bench dispatch --repeats 50",
    "bench optimum": "bench optimum",
    "bench model": "bench model",
    "bench latency": "bench latency -c {tmp}/known.json",
    "bench adaptive": "bench latency --adaptive -c {tmp}/known.json",
    "sweep of a probe": "sweep run --probe kernel --samples 10000 --store {tmp}/s",
    "sweep of a notebook": "sweep run --notebook {tmp}/slow.ipynb -p n=1,2 --store {tmp}/s",
    "sweep with Dask": "sweep run --probe kernel --samples 10000 --store {tmp}/s --backend dask",
    "report --run": "report --run -o {tmp}/report.html",
}
# A terminal tells the whole process group, `kill` one process. Each costs seconds: in turns, and
# both where there is most to leave behind.
BOTH = ("bench ring", "bench soak", "sweep of a notebook", "sweep with Dask")
CASES = [
    (name, whom)
    for at, name in enumerate(COMMANDS)
    for turn, whom in enumerate(("group", "parent"))
    if name in BOTH or at % 2 == turn
]
SLOW = "n = 1\nimport subprocess, time\nsubprocess.run(['sleep', '100'])\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    import nbformat

    (tmp_path / "t").mkdir()
    known = synthetic_calibration(host=this_host().model_dump(mode="json"))
    (tmp_path / "known.json").write_text(json.dumps(known.to_json()))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SLOW)])
    book.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(book, str(tmp_path / "slow.ipynb"))
    return tmp_path


def segments(processes: list[psutil.Process]) -> set[str]:
    """Return the names in /dev/shm that processes have mapped."""
    names = set()
    for process in processes:
        try:
            lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
        except OSError:
            continue
        names |= {line.split()[-1] for line in lines if " /dev/shm/" in line}
    return {name for name in names if Path(name).exists()}


@pytest.mark.parametrize(("name", "whom"), CASES)
def test_an_interrupted_command_leaves_one_line_and_nothing_else(name, whom, place):
    words = COMMANDS[name].format(tmp=place).split()
    with Command(*words, cwd=place, env=os.environ | {"TMPDIR": str(place / "t")}) as command:
        ended = lambda: command.poll() is not None  # noqa: E731
        until(lambda: ended() or command.complained() or len(command.below()) > 1)
        until(lambda: ended() or command.complained(), 3)
        time.sleep(0.2)  # whatever it does then
        assert not ended(), command.complained()
        used = segments(command.below())
        command.send_signal(signal.SIGINT, group=whom == "group")
        code, said = command.wait(120), command.complained()
        left = until(lambda: not command.below()) or command.below()
        assert code == 130, said
        assert "Traceback" not in said
        assert said.splitlines().count("aethermodel: interrupted") == 1
        assert left is True, [process.cmdline() for process in left]
        assert not [name for name in used if Path(name).exists()]
        stays = {f"aethermodel-{os.getuid()}"}
        assert {path.name for path in (place / "t").iterdir()} <= stays


@pytest.mark.parametrize("whom", ["group", "parent"])
def test_where_interrupts_are_ignored_from_the_start_they_stay_so(whom):
    """As `nohup` and a shell's `&` start a command."""
    words = ("bench", "ffi", "--processes", "1", "--repeats", "1")
    with Command(*words, ignore_interrupts=True) as command:
        assert until(lambda: command.complained() or command.poll() is not None)
        command.send_signal(signal.SIGINT, group=whom == "group")
        assert command.wait(120) == 0, command.complained()
        assert "interrupted" not in command.complained()


EARLY = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == "{module}":
            {how}

if "-m" in sys.orig_argv:
    sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize(
    "how",
    [
        "os.kill(os.getpid(), signal.SIGINT)",
        # Within a text that is run, such as a dataclass in the making: CPython ends by SIGINT then,
        # whatever the status, if nobody tells it otherwise.
        "exec('raise KeyboardInterrupt')",
    ],
)
@pytest.mark.parametrize("module", ["typer", "aethermodel.published.specification"])
def test_an_interrupt_at_an_import_is_one_line_too(tmp_path, how, module):
    (tmp_path / "sitecustomize.py").write_text(EARLY.format(module=module, how=how))
    done = subprocess.run(
        [sys.executable, "-m", "aethermodel", "bound"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (130, "aethermodel: interrupted\n")


def answers(address):
    try:
        urlopen(address, timeout=120).close()
    except URLError as error:
        assert isinstance(error.reason, ConnectionRefusedError), error
        return False
    return True


def test_an_interrupted_lab_leaves_nothing(place):
    """JupyterLab takes the command's place: status and words are its own."""
    pytest.importorskip("jupyterlab")
    words = ("lab", "--no-browser", "--allow-root")
    with Command(*words, env=os.environ | {"TMPDIR": str(place / "t")}) as command:
        ended = lambda: command.poll() is not None  # noqa: E731
        address = re.compile(r"http://127\.0\.0\.1:\d+/lab\?token=\w+")
        until(lambda: ended() or address.search(command.complained()))
        assert not ended(), command.complained()
        # Once it answers its loop runs, in which it heeds an interrupt. It says where it is before
        # it is there.
        until(lambda: ended() or answers(address.search(command.complained())[0]))
        command.send_signal(signal.SIGINT, group=True)
        assert command.wait(120) is not None
        assert until(lambda: not command.below())
        assert "Traceback" not in command.complained()
