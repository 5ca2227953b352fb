"""Input files: opened only if they are regular files, and read up to a limit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_
from pathlib import Path
from typing import BinaryIO

from aethermodel.inputs.refusals import InputError, one_line

#: Most bytes of a file that is read into memory, unless its reader says otherwise.
MOST_BYTES = 256 * 2**20

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


# Without O_NONBLOCK, opening a pipe would wait for somebody who writes to it; without O_BINARY
# Windows would change the ends of lines. No system has all of them.
_FLAGS = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY")
_READING = reduce(or_, (getattr(os, name, 0) for name in _FLAGS), os.O_RDONLY)


@contextmanager
def open_input(path: Path | str) -> Iterator[BinaryIO]:
    """Open a regular file for reading; whatever else could wait for ever, or never end.

    Raises
    ------
    InputError
        If it is a folder, a pipe, a socket or a device.
    OSError
        If it cannot be opened.
    """
    try:
        descriptor = os.open(path, _READING)
    except ValueError as error:  # a NUL, or what no file system could hold
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        if Path(path).is_socket():
            raise InputError(f"{path}: a socket; give a regular file") from None
        raise error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((name for test, name in _KINDS if test(mode)), "no file")
        raise InputError(f"{path}: {kind}; give a regular file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_bytes(path: Path | str, most: int = MOST_BYTES) -> bytes:
    """Read a regular file of at most so many bytes.

    Raises
    ------
    InputError
        If it is no regular file, or larger.
    OSError
        If it cannot be read.
    """
    with open_input(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(
            f"{path}: larger than {most:,} bytes, the most that is read of such a file"
        )
    return content


@contextmanager
def refusing(where: Path | str, what: str = "") -> Iterator[None]:
    """Turn whatever a parser or a model finds wrong into one line that names the file.

    Parameters
    ----------
    where : path
    what : str
        Stands between the file's name and the fault.
    """
    try:
        yield
    except OSError:
        raise
    except InputError as error:
        if str(error).startswith(str(where)):
            raise
        raise InputError(f"{where}{what}: {error}") from None
    except (ValueError, RecursionError, OverflowError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else one_line(error)
        raise InputError(f"{where}{what}: {why}") from None
