"""System calls: on Soft-RoCE a post is one write() to the device, and nothing else is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CODE = """
import os, sys
sys.path.insert(0, {here!r})
from pair import Pair
from cython_core.verbs import Device
with Device() as device, Pair(device) as pair:
    pair.make("write", slots=256, list_length=16, signal_every=32)
    for count in (1000, 16, 1):
        os.write(1, b"begin")
        pair.sender.send(count)
        pair.sender.drain()
        os.write(1, b"end")
    print(pair.sender.counters)
"""


def test_one_write_a_list(device: Any, tmp_path: Path) -> None:
    if not device.name.startswith("rxe"):
        pytest.skip("only Soft-RoCE posts through the kernel")
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "calls"
    code = CODE.format(here=str(Path(__file__).parent))
    only = "trace=write,ioctl"
    trace = ["strace", "-f", "--seccomp-bpf", "-y", "-o", str(log), "-e", only]
    done = subprocess.run([*trace, sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    parts = re.split(r'"begin"', log.read_text())[1:]
    calls = [part.split('"end"')[0] for part in parts]
    posts = [len(re.findall(r"write\(\d+<[^>]*uverbs", part)) for part in calls]
    assert posts == [-(-1000 // 16), 1, 1]
    assert not any("ioctl" in part for part in calls)
    # The second batch ends where it is not the 32nd: its last one is signalled as well.
    assert b"'completions': 34" in done.stdout, done.stdout
