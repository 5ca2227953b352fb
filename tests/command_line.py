"""The command line in a process of its own, as its users run it."""

import subprocess
import sys


def aether(*arguments, **kwargs):
    """Run ``aethermodel`` and return what it printed and how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "aethermodel", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **kwargs,
    )
