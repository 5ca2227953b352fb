"""Build folder, brought up to date before many processes import from it at once.

    python tools/refresh_build.py

Meson remembers that a library was not there, also when it is configured again: a clone that was
built before libibverbs-dev was installed would stay without verbs.

An edited source is built again by who imports it first. If those are several, ninja may damage
its log of what depends on what, and then builds the same anew at every import, under the feet of
others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
# What ninja says where all is up to date.
_NOTHING = "no work to do"
BUILD = REPO / "build" / f"cp{sys.version_info.major}{sys.version_info.minor}"


@dataclass(frozen=True)
class Part:
    """What is built only where a library is installed.

    Attributes
    ----------
    library, header, symbol : str
        As meson.build asks for them.
    target : str
        Path in the build folder under which all its targets lie.
    """

    library: str
    header: str
    symbol: str
    target: str

    def installed(self) -> bool:
        """Return whether a program that uses it can be compiled and linked."""
        source = f"#include <{self.header}>\nint main(void) {{ return !{self.symbol}; }}\n"
        compiler = os.environ.get("CC", "cc").split()
        words = [*compiler, "-x", "c", "-", "-o", os.devnull, f"-l{self.library}"]
        done = subprocess.run(words, input=source.encode(), capture_output=True, check=False)
        return done.returncode == 0

    def built(self, build: Path) -> bool:
        """Return whether a build folder was configured with it."""
        return f"build {self.target}" in (build / "build.ninja").read_text("utf-8")


PARTS = (
    Part(
        "ibverbs", "infiniband/verbs.h", "ibv_query_gid_ex", "cython_core/verbs/queue_pair.cpython"
    ),
)


def refresh(build: Path, parts: tuple[Part, ...] = PARTS) -> list[Part]:
    """Configure a build folder again where a part has come or gone, and build what is old.

    Parameters
    ----------
    build : Path
        Nothing is done where it is none.
    parts : tuple of Part

    Returns
    -------
    list of Part
        Those that have changed.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be configured or built.
    """
    if not (build / "build.ninja").exists():
        return []
    changed = [part for part in parts if part.installed() != part.built(build)]
    if changed:
        known = json.loads((build / "meson-info" / "meson-info.json").read_text("utf-8"))
        folders = [str(build), known["directories"]["source"]]
        _run("meson", "setup", "--reconfigure", "--clearcache", *folders)
    ninja = ("ninja", "-C", str(build))
    try:
        _run(*ninja)
        damaged = _NOTHING not in _run(*ninja, "-n")
    except subprocess.CalledProcessError as error:
        if error.returncode > 0:
            raise
        damaged = True  # it fell over its log
    if damaged:
        (build / ".ninja_deps").unlink(missing_ok=True)
        _run(*ninja)
    return changed


def _run(*words: str) -> str:
    env = _build_environment()
    return subprocess.run(words, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


def _build_environment() -> dict[str, str]:
    """Return that in which meson, ninja and cython are found, activated or not.

    Without the flags of a ``make --jobs`` above: ninja would share its jobs, by descriptors that it
    was not given.
    """
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    return {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"} | {"PATH": path}


def main() -> int:
    """Refresh this checkout's build; one line for what has come or gone, or what went wrong."""
    try:
        changed = refresh(BUILD)
    except (OSError, subprocess.CalledProcessError) as error:
        output = str(getattr(error, "stdout", None) or "")
        sys.stderr.write(f"{output[-2000:]}the build cannot be brought up to date: {error}\n")
        return 2
    for part in changed:
        how = "with" if part.built(BUILD) else "without"
        sys.stderr.write(f"built again {how} lib{part.library}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
