"""JSON documents of the commands: schema, host, fabric and figures."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Literal

from aethermodel.fabrics import FabricLabel
from aethermodel.output_files import naming, write_whole


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
        Provenance label of the figures; ``mixed`` where each row carries its own, None where
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
        from aethermodel.measure.host.fingerprint import this_host

        host = this_host().model_dump()
    return {"schema": schema, "host": host, "fabric": fabric, **figures}


def strict_values(value: Any) -> Any:
    """Replace what JSON cannot say (infinity, NaN) by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: strict_values(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [strict_values(inner) for inner in value]
    return value


def write_document(content: dict[str, Any], target: str) -> None:
    """Write a document to a file, whole or not at all, or to standard output for ``-``."""
    text = json.dumps(strict_values(content), indent=2, allow_nan=False) + "\n"
    if target == "-":
        write_out(text)
    else:
        write_whole(Path(target), text)


def write_out(text: str) -> None:
    """Write to standard output, all of it.

    Raises
    ------
    OSError
        If it is closed or full, with its name.
    """
    with naming("standard output"):
        sys.stdout.write(text)
        sys.stdout.flush()
