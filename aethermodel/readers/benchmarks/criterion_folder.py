"""criterion.rs's folder: samples of every benchmark below target/criterion, as one document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aethermodel.inputs.input_files import read_bytes
from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError
from aethermodel.readers.file_content import Document
from aethermodel.readers.series import UnreadableMeasurements

#: Most benchmarks of a folder: more of them are none of one program.
MOST_BENCHMARKS = 10_000
_MOST_BYTES = 16 * 2**20
_SAMPLE, _NAME = "sample.json", "benchmark.json"


def is_criterion_folder(folder: Path) -> bool:
    """Return whether a folder holds samples of criterion, itself or below it."""
    return bool(_samples(folder))


def folder_document(folder: Path) -> Document:
    """Return the newest samples of a folder's benchmarks, as cargo-criterion would have said them.

    Parameters
    ----------
    folder : path
        Such as ``target/criterion``, or one benchmark's below it.

    Raises
    ------
    UnreadableMeasurements
        If it holds none, or a file of it is none of criterion's; names the file.
    OSError
        If a file cannot be read.
    """
    lines = [json.dumps(message) for message in _messages(folder)]
    if not lines:
        raise UnreadableMeasurements(
            f"{folder}: a folder without new/{_SAMPLE} of criterion: give a file, or "
            "target/criterion"
        )
    return Document(str(folder), "\n".join(lines).encode("utf-8", "surrogatepass"))


def _samples(folder: Path) -> list[Path]:
    # Beside new lies base, which is what the run before left.
    return sorted(folder.rglob(f"new/{_SAMPLE}")) or sorted(folder.glob(_SAMPLE))


def _messages(folder: Path) -> Iterator[dict[str, Any]]:
    found = _samples(folder)
    if len(found) > MOST_BENCHMARKS:
        raise UnreadableMeasurements(f"{folder}: more than {MOST_BENCHMARKS:,} benchmarks below it")
    for path in found:
        sample, about = _object(path), _object(path.with_name(_NAME))
        if not isinstance(about.get("full_id"), str):
            raise UnreadableMeasurements(
                f"{path.with_name(_NAME)}: no full_id: run cargo bench again"
            )
        yield {
            "reason": "benchmark-complete",
            "id": about["full_id"],
            "iteration_count": sample.get("iters"),
            "measured_values": sample.get("times"),
            "unit": "ns",
        }


def _object(path: Path) -> dict[str, Any]:
    try:
        value = parse_json(read_bytes(path, _MOST_BYTES))
    except InputError as error:
        words = str(error).removeprefix(f"{path}: ")
        raise UnreadableMeasurements(f"{path}: {words}: run cargo bench again") from None
    if not isinstance(value, dict):
        raise UnreadableMeasurements(f"{path}: no JSON object: run cargo bench again")
    return value
