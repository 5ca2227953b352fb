"""Commands of the product in a folder of their own, and what they must leave behind: nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tools.torture.journal import Journal
from tools.torture.killable_processes import end_descendants, end_tree

#: Exit statuses that the command line documents.
DOCUMENTED = (0, 1, 2, 3, 130)
_SHM = Path("/dev/shm")
_BUILD = (
    Path(__file__).resolve().parents[3]
    / "build"
    / f"cp{sys.version_info.major}{sys.version_info.minor}"
)


@cache
def _installed() -> dict[str, str]:
    """Install a copy, where the package is an editable one, and return what makes Python use it.

    An editable install builds what changed at each start: it is that which would run out of
    memory or disk, and not the command.
    """
    meson = Path(sys.executable).parent / "meson"
    chosen = "MESONPY_EDITABLE_SKIP" in os.environ  # as in the guest
    if chosen or not (_BUILD / "build.ninja").exists() or not meson.exists():
        return {}
    site = Path(tempfile.mkdtemp(prefix="site-"))
    path = f"{meson.parent}:{os.environ.get('PATH', '')}"
    install = [str(meson), "install", "-C", str(_BUILD), "--no-rebuild", "--quiet"]
    install += ["--destdir", str(site)]
    subprocess.run(install, env=os.environ | {"PATH": path}, check=True, capture_output=True)
    packages = next(site.rglob("cython_core/__init__.py")).parents[1]
    return {"PYTHONPATH": str(packages), "MESONPY_EDITABLE_SKIP": str(_BUILD)}


class Place:
    """A folder for one command: its current folder, its temporary files and its home.

    Attributes
    ----------
    folder : Path
        What the command may write to.
    """

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="place-"))
        self.folder = self.root / "work"
        self._scratch = self.root / "tmp"
        for path in (self.folder, self._scratch, self.root / "home"):
            path.mkdir()
        self._shm = self._shared()
        self.environment = os.environ | {
            "TMPDIR": str(self._scratch),
            "HOME": str(self.root / "home"),
            "MPLCONFIGDIR": str(self.root / "home" / "matplotlib"),
            "COLUMNS": "80",
        }
        self.environment |= _installed()

    def start(
        self, arguments: list[str], before: Callable[[], None] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start ``aethermodel`` with these arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "aethermodel", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=before,  # noqa: PLW1509 - there are no threads here
        )

    def left(self, *, killed: bool = False) -> list[str]:
        """Return what is left of temporary files and shared memory.

        The runtime folder with its lock stays, as documented, and holds nothing else. A command
        that was killed leaves its temporary files, as any program does; shared memory, which is
        taken from others, it does not.
        """
        files = [
            str(path.relative_to(self._scratch))
            for path in self._scratch.rglob("*")
            if not killed and path.name != "host.lock" and not path.name.startswith("aethermodel-")
        ]
        return files + [f"/dev/shm/{name}" for name in self._shared() - self._shm]

    def remove(self) -> None:
        """Remove the folder, and what was left in shared memory."""
        for name in self._shared() - self._shm:
            (_SHM / name).unlink(missing_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)

    @staticmethod
    def _shared() -> set[str]:
        # Those of Python's own names: others may use the folder where it is not this run's own.
        kinds = ("psm_", "sem.", "aether", "iox", "mp-")
        return {path.name for path in _SHM.iterdir() if path.name.startswith(kinds)}


def judge(
    journal: Journal,
    place: Place,
    words: str,
    status: int | None,
    errors: bytes,
    allowed: tuple[int, ...] = DOCUMENTED,
) -> None:
    """Count a command that has ended, and find what it should not have done.

    Parameters
    ----------
    journal : Journal
    place : Place
    words : str
        Command and limit.
    status : int or None
        Its exit status; None: it did not end.
    errors : bytes
        What it wrote to standard error.
    allowed : tuple of int
        Exit statuses.
    """
    journal.count("commands")
    text = errors.decode(errors="replace")
    if status is None:
        journal.find("hang", f"{words}: no end", text[-4000:])
    elif "Traceback (most recent call last)" in text:
        last = text.strip().splitlines()[-1]
        journal.find("traceback", f"{words}: {last}", text[-6000:])
    elif status not in allowed:
        journal.find("crash", f"{words}: exit status {status}", text[-4000:])
    elif status == 2 and not text.strip():
        journal.find("traceback", f"{words}: exit status 2 without a word")
    for name in end_descendants():
        journal.find("left", f"{words}: a process: {name}")
    for name in place.left(killed=status == -signal.SIGKILL):
        journal.find("left", f"{words}: {name.split('/')[0]}", name)


def finish(process: subprocess.Popen[bytes], seconds: float) -> tuple[int | None, bytes]:
    """Wait for a command; return its exit status, None if it had to be killed, and its errors."""
    try:
        _, errors = process.communicate(timeout=seconds)
        return process.returncode, errors
    except subprocess.TimeoutExpired:
        end_tree(process.pid)
        _, errors = process.communicate()
        return None, errors
