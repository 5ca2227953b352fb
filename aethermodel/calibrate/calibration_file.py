"""The calibration file: JSON with a versioned schema, its samples under a hash."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from aethermodel.calibrate.calibration import Calibration
from aethermodel.calibrate.choice import weighed
from aethermodel.calibrate.conditions import Conditions
from aethermodel.model.terms import TERM_NAMES

SCHEMA = "aethermodel.calibration/1"


def content_of(calibration: Calibration) -> dict[str, Any]:
    """Return the calibration as JSON values; the parameters stand there for readers."""
    content = {
        "schema": SCHEMA,
        "host": calibration.host,
        "fabric": calibration.conditions.fabric,
        "created": calibration.created,
        "conditions": vars(calibration.conditions),
        "parameters": {
            p.name: {
                "value": p.value,
                "low": p.low,
                "high": p.high,
                "unit": p.unit,
                "meaning": p.meaning,
                "source": p.source,
            }
            for p in calibration.parameters.values()
        },
        "warnings": list(calibration.warnings),
        "findings": list(calibration.findings),
        "laws": {term: weighed(fit.tried, fit.chosen) for term, fit in calibration.fits.items()},
        "samples_sha256": samples_hash(calibration),
        "samples": _columns(calibration.samples),
    }
    if calibration.copies[0]:
        content["ceilings"] = _columns({"copy": calibration.copies})
    return content


def samples_hash(calibration: Calibration) -> str:
    """SHA-256 of the samples: two calibrations with the same came from the same figures."""
    return sha256(json.dumps(calibration.samples, sort_keys=True).encode()).hexdigest()


def calibration_of(content: dict[str, Any]) -> Calibration:
    """Rebuild a calibration; the terms are fitted again from its own samples.

    Raises
    ------
    ValueError
        If it is not a calibration, or its samples were changed.
    """
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        schema = content.get("schema") if isinstance(content, dict) else None
        raise ValueError(f"not a calibration: schema is {schema!r}, not {SCHEMA!r}")
    try:
        host = content["host"]
        host["id"], host["processor"]
        copies = content.get("ceilings", {}).get("copy", {"n": [], "seconds": []})
        calibration = Calibration(
            host,
            content["created"],
            Conditions(**content["conditions"]),
            {term: _pair(content["samples"][term]) for term in TERM_NAMES},
            _pair(copies),
            tuple(content.get("warnings", ())),
        )
        stated = content["samples_sha256"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a calibration: {error} is missing or wrong") from None
    if samples_hash(calibration) != stated:
        raise ValueError("the calibration's samples do not match their hash")
    return calibration


def read(path: Path | str) -> Calibration:
    """Read a calibration file.

    Raises
    ------
    ValueError
        If the file is no calibration.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from None
    try:
        return calibration_of(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _pair(column: dict[str, list[float]]) -> tuple[list[float], list[float]]:
    return column["n"], column["seconds"]


def _columns(samples: dict[str, tuple[list[float], list[float]]]) -> dict[str, Any]:
    return {name: {"n": n, "seconds": seconds} for name, (n, seconds) in samples.items()}
