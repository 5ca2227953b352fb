"""The calibration file: JSON with a versioned schema, its samples under a hash."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from aethermodel.calibrate.calibration import Calibration
from aethermodel.calibrate.choice import weighed
from aethermodel.calibrate.conditions import Conditions
from aethermodel.calibrate.samples import Timings
from aethermodel.model.terms import PRODUCER, REFILL, TERM_NAMES

SCHEMA = "aethermodel.calibration/2"
#: Without the process of each sample, and without the producer.
_FIRST = "aethermodel.calibration/1"
_NOT_RECORDED = (
    "its processes were not recorded: intervals take all samples to be independent, "
    "and hold too seldom where processes differ"
)


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
        "samples": {term: timings._asdict() for term, timings in calibration.samples.items()},
    }
    if calibration.teams[0]:
        content["teams"] = dict(zip(("threads", "seconds"), calibration.teams, strict=True))
    if calibration.copies[0]:
        n, seconds = calibration.copies
        content["ceilings"] = {"copy": {"n": n, "seconds": seconds}}
    return content


def samples_hash(calibration: Calibration) -> str:
    """SHA-256 of the samples: two calibrations with the same came from the same figures."""
    return _hash_of(calibration.samples)


def _hash_of(samples: Any) -> str:
    return sha256(json.dumps(samples, sort_keys=True).encode()).hexdigest()


def calibration_of(content: dict[str, Any]) -> Calibration:
    """Rebuild a calibration; the terms are fitted again from its own samples.

    One of the first schema is read too, with a warning that its processes were not recorded.

    Raises
    ------
    ValueError
        If it is not a calibration, or its samples were changed.
    """
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema not in (SCHEMA, _FIRST):
        raise ValueError(f"not a calibration: schema is {schema!r}, not {SCHEMA!r}")
    try:
        host = content["host"]
        host["id"], host["processor"]
        copies = content.get("ceilings", {}).get("copy", {"n": [], "seconds": []})
        teams = content.get("teams", {"threads": [], "seconds": []})
        given = content["samples"]
        # A term that could not be measured is not there; the warnings name it.
        terms = [term for term in (*TERM_NAMES, REFILL, PRODUCER) if term in given]
        if not terms:
            raise KeyError("samples")
        calibration = Calibration(
            host,
            content["created"],
            Conditions(**content["conditions"]),
            {term: _timings(given[term], schema) for term in terms},
            (copies["n"], copies["seconds"]),
            tuple(content.get("warnings", ())),
            (teams["threads"], teams["seconds"]),
        )
        stated = content["samples_sha256"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a calibration: {error} is missing or wrong") from None
    found = samples_hash(calibration)
    if schema == _FIRST:
        found = _hash_of({term: timings[:2] for term, timings in calibration.samples.items()})
    if found != stated:
        raise ValueError("the calibration's samples do not match their hash")
    recorded = all(timings.process for timings in calibration.samples.values())
    if recorded or _NOT_RECORDED in calibration.warnings:
        return calibration
    return calibration.warned(_NOT_RECORDED)


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


def _timings(column: dict[str, Any], schema: str) -> Timings:
    return Timings(column["n"], column["seconds"], [] if schema == _FIRST else column["process"])
