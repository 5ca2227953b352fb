"""Isolation of the tests: what they start finds the same, whatever started pytest."""

import json
import os
import subprocess
import sys
from pathlib import Path

SEEN = """
import json, os, signal
kept = os.umask(0)
print(json.dumps({
    "interrupts": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "hang-ups": signal.getsignal(signal.SIGHUP) == signal.SIG_DFL,
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "umask": kept,
    "columns": os.environ.get("COLUMNS"),
    "language": os.environ["LC_ALL"],
}))
"""
PROGRAM = f"""
import os, signal, subprocess, sys
sys.path.insert(0, sys.argv[1])
from isolation import isolate
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGUSR1, signal.SIGTERM}})
isolate()
os.kill(os.getpid(), signal.SIGHUP)  # what `nohup` started lives on
subprocess.run([sys.executable, "-c", {SEEN!r}], check=True)
"""


def test_signals_umask_window_and_language_of_who_starts_pytest_reach_nothing():
    ignoring = ("sh", "-c", "trap '' INT HUP; umask 077; exec \"$@\"", "sh")
    done = subprocess.run(
        [*ignoring, sys.executable, "-c", PROGRAM, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "20", "LC_ALL": "POSIX"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "interrupts": True,
        "hang-ups": True,
        "blocked": 0,
        "umask": 0o022,
        "columns": None,
        "language": "C.UTF-8",
    }
