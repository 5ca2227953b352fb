"""Too little memory ends a command in one line, wherever it runs out."""

import subprocess
import sys

import pytest

_COMMAND = """
import resource, sys
from aethermodel.__main__ import main

def leave(room):
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + room
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

room, when = int(sys.argv[1]), sys.argv[2]
sys.argv = ["aethermodel", "predict", "--calibration", "c.json"]
if when == "loaded":
    import aethermodel.cli.predict
leave(room)
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("when", ["bare", "loaded"])
@pytest.mark.parametrize("room", [0, 2**16, 2**20, 2**23])
def test_too_little_address_space_is_one_line(tmp_path, room, when):
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, str(room), when],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "c.json" in line if "too little memory" not in line else line.startswith("aethermodel: ")
