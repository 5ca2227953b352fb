"""The JSON that commands write: one object with schema, host, fabric and the figures."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from aethermodel.labels import FabricLabel


def document(
    schema: str,
    fabric: FabricLabel | Literal["mixed"] | None,
    figures: dict[str, Any],
    *,
    measured: bool = True,
    host: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Put figures into their envelope.

    Parameters
    ----------
    schema : str
        Name and version, such as ``aethermodel.bound/1``.
    fabric : str or None
        Honest label of the figures; ``mixed`` where each row carries its own, None where
        nothing moved.
    figures : dict
        JSON values; the keys carry units (``..._seconds``, ``..._per_second``).
    measured : bool
        Whether the figures were measured; if not, ``host`` is null.
    host : dict, optional
        Fingerprint of the host they were measured on; this one by default.

    Returns
    -------
    dict
    """
    if measured and host is None:
        from aethermodel.measure.host import this_host

        host = this_host().model_dump()
    return {"schema": schema, "host": host, "fabric": fabric, **figures}


def _strict(value: Any) -> Any:
    """Replace what JSON cannot say (infinity, NaN) by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return value


def write_document(content: dict[str, Any], target: str) -> None:
    """Write a document to a file, whole or not at all, or to standard output for ``-``."""
    text = json.dumps(_strict(content), indent=2, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    write_whole(Path(target), text)


def write_whole(target: Path, text: str) -> None:
    """Write a file so that readers see the old one or the new one, even after a power cut.

    Raises
    ------
    OSError
        With the target's name, and not with the temporary file's.
    """
    check_target(target)
    try:
        _write_beside_and_replace(target, text)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error


def check_target(target: Path) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold.

    Raises
    ------
    OSError
        If it is a folder, or its folder is none, or is closed to this user.
    """
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    wrong, where = 0, folder
    if target.is_dir():
        wrong, where = errno.EISDIR, target
    elif not folder.is_dir():
        wrong = errno.ENOTDIR
    elif not os.access(folder, os.W_OK | os.X_OK):
        wrong = errno.EACCES
    if wrong:
        raise OSError(wrong, os.strerror(wrong), str(where))


def _write_beside_and_replace(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp's 0600 would hide the report from others
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
