"""Requirements of a build: one line for what this machine lacks, silent when all is there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path


def problem() -> str | None:
    """Return what is missing, or None."""
    if sys.version_info < (3, 11):
        found = ".".join(str(part) for part in sys.version_info[:3])
        return f"Python 3.11 or newer is needed, this is {found} (make PYTHON=python3.12 ...)"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        return f"Python's headers are missing (on Debian: apt-get install python{version}-dev)"
    if not importlib.util.find_spec("ensurepip"):
        return f"Python's venv module is missing (on Debian: apt-get install python{version}-venv)"
    compiler = os.environ.get("CC", "cc").split()[0]
    if not (shutil.which(compiler) or shutil.which("gcc") or shutil.which("clang")):
        return f"no C compiler, looked for {compiler}, gcc, clang (on Debian: apt-get install gcc)"
    return None


if __name__ == "__main__":
    lacking = problem()
    if lacking:
        sys.stderr.write(f"aethermodel cannot be built here: {lacking}\n")
        sys.exit(2)
