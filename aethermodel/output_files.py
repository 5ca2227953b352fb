"""Output files: written whole or not at all, and never over their own sources."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from aethermodel.inputs.refusals import InputError

#: Kind of file that a name says by what it ends in, the usual end first; other names say none.
KINDS = {
    ".arrow": "Arrow",
    ".csv": "CSV",
    ".feather": "Feather",
    ".gif": "GIF",
    ".gz": "gzip",
    ".html": "HTML",
    ".htm": "HTML",
    ".ipynb": "a notebook",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".json": "JSON",
    ".jsonl": "JSON lines",
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".parquet": "Parquet",
    ".pdf": "PDF",
    ".png": "PNG",
    ".pq": "Parquet",
    ".py": "Python",
    ".svg": "SVG",
    ".toml": "TOML",
    ".tsv": "TSV",
    ".webp": "WebP",
    ".xlsx": "Excel",
    ".xml": "XML",
    ".yaml": "YAML",
    ".yml": "YAML",
    ".zip": "ZIP",
    ".zst": "Zstandard",
}


def write_whole(target: Path, text: str, *, durable: bool = True) -> None:
    """Write a text file as `replacing` does.

    Parameters
    ----------
    target : Path
    text : str
    durable : bool
        As for `replacing`.

    Raises
    ------
    OSError
        With the target's name.
    """
    with replacing(target, durable=durable) as file:
        file.write(text.encode("utf-8"))


@contextmanager
def replacing(target: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Write a file so that readers see the old one or the new one, even after a power cut.

    Parameters
    ----------
    target : Path
    durable : bool
        False where the file need not outlive the system, only whoever writes it: it is not
        waited for the disk then.

    Yields
    ------
    binary file
        A temporary one beside the target; it takes the target's place once the block ends well,
        and is removed if not.

    Raises
    ------
    OSError
        With the target's name, and not with the temporary file's: also of a full disk, that the
        system names no file for.
    """
    check_target(target)
    with naming(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:200]}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o666 & ~mask)  # mkstemp's 0600 would hide the report from others
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if not durable or not hasattr(os, "O_DIRECTORY"):  # Windows opens no folder
            return
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Name what could not be written in an error that has no name, or a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), what) from error


def check_target(target: Path) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold.

    Raises
    ------
    OSError
        If it is a folder, a pipe, a socket or a device, or its folder is none, or is closed to
        this user.
    """
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    wrong, where = 0, folder
    if target.is_dir():
        wrong, where = errno.EISDIR, target
    elif (target.exists() and not target.is_file()) or _is_of_the_system(folder):
        # What takes its place would be a plain file: /dev/null, for everybody else too.
        raise OSError(errno.EINVAL, "not a regular file; - is standard output", str(target))
    elif not folder.is_dir():
        wrong = errno.ENOTDIR
    elif not os.access(folder, os.W_OK | os.X_OK):
        wrong = errno.EACCES
    if wrong:
        raise OSError(wrong, os.strerror(wrong), str(where))


def _is_of_the_system(folder: Path) -> bool:
    whole = Path(os.path.realpath(folder))
    return whole.is_relative_to("/proc") or whole == Path("/dev")


def check_apart(target: Path | str | None, others: Iterable[Path | str | None]) -> None:
    """Refuse to write a file over one that is read, or written, by the same command.

    Parameters
    ----------
    target : path, optional
        Where something is to be written; None and ``-`` are not looked at.
    others : iterable of path
        Files and folders; what is in a folder is looked at by its owner, as
        `aethermodel.sweep.store.Store.owns`.

    Raises
    ------
    InputError
        If it is one of them: by another spelling, a symbolic or a hard link, too.
    """
    if target is None or str(target) == "-":
        return
    for other in others:
        if other is not None and str(other) != "-" and same_file(Path(target), Path(other)):
            raise InputError(f"{target} is {other}, which it would destroy: give it another name")


def kind_of(target: Path | str) -> str | None:
    """Return the kind of file that a name says, of `KINDS`; None where it says none."""
    return KINDS.get(Path(target).suffix.lower())


def check_kind(target: Path | str, kinds: Sequence[str], what: str) -> None:
    """Refuse a name that says another kind of file than what is to be written under it.

    Parameters
    ----------
    target : path
        A name that says no kind is taken.
    kinds : sequence of str
        What can be written, of `KINDS`.
    what : str
        Writes it: an option.

    Raises
    ------
    InputError
    """
    said = kind_of(target)
    if said is None or said in kinds:
        return
    ends = [next(end for end, kind in KINDS.items() if kind == one) for one in kinds]
    raise InputError(
        f"{target}: {what} writes {' or '.join(kinds)}, not {said}: end the name in "
        f"{' or '.join(ends)}"
    )


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, or would if it were there."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
