"""Scratch folders: private, short of name, removed after a crash too."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir, mkdtemp

_PREFIX = "p-"


def runtime_folder() -> Path:
    """Return this user's folder for locks and sockets, made if it is missing.

    One place whatever the session: where a lock's path depended on the environment, two
    sessions could hold "the" lock at once.

    Raises
    ------
    ValueError
        If the path is not a folder that this user alone can enter.
    """
    folder = Path(gettempdir()) / f"aethermodel-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    private = stat.S_ISDIR(facts.st_mode) and stat.S_IMODE(facts.st_mode) == 0o700
    if not private or facts.st_uid != os.getuid():
        raise ValueError(f"{folder} is not a folder of this user's with mode 0700; remove it")
    return folder


def _take(folder: Path) -> int | None:
    """Lock a folder for as long as the descriptor is open; None if another process has."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def clean_leftovers() -> None:
    """Remove the folders of processes that ended without doing so."""
    for folder in runtime_folder().glob(f"{_PREFIX}*"):
        if (descriptor := _take(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder in the runtime folder and remove it at the end.

    The kernel drops the folder's lock with its process, however that ends; so
    `clean_leftovers` knows a leftover from a folder in use.
    """
    runtime = runtime_folder()
    # Locked before it has the name that the cleaner looks for.
    made = Path(mkdtemp(prefix="new-", dir=runtime))
    descriptor = _take(made)
    assert descriptor is not None
    folder = made.rename(runtime / f"{_PREFIX}{made.name[4:]}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
