"""Fuzzed inputs: every reader of a file and every frame, fed with what a mutator makes."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.torture.fault_campaign import TrialBody
from tools.torture.inputs.source import Source
from tools.torture.journal import Journal

#: Shares of the inputs: the more a reader takes for one, the fewer it has. Most take half a
#: millisecond; one that fits a model to what it read 20 of them.
_SHARES = {
    "trial": 0.12,
    **dict.fromkeys(("calibration", "cards", "samples", "specification"), 0.3),
    "sweep-yaml": 0.4,
    **dict.fromkeys(("recording", "arrow-capsules", "column-buffers"), 3.0),
}


def read_one(label: str, source: Source, data: bytes, journal: Journal) -> None:
    """Read one input; whatever is raised besides a refusal is a finding."""
    journal.input(label, data)
    try:
        source.read(data)
    except source.refusal as error:
        if not str(error).strip():
            journal.find("traceback", f"{type(error).__name__} without a word")
    except Exception as error:
        journal.find_error(error)


def trials(sources: Mapping[str, Source]) -> TrialBody:
    """Return a trial that reads one input of one of the kinds."""
    labels = sorted(sources)
    # Many formats of one kind of file have the share of a few.
    many = {label: 0.2 for label in labels if label.startswith("measurements-")}
    shares = [(many | _SHARES).get(label, 1.0) for label in labels]

    def trial(draw: random.Random, journal: Journal) -> None:
        (label,) = draw.choices(labels, shares)
        source = sources[label]
        read_one(label, source, source.make(draw), journal)

    return trial


def file_sources() -> dict[str, Source]:
    """Return what reads files."""
    from tools.torture.inputs import file_mutation, measurement_readers, readers

    folder = Path(tempfile.mkdtemp(prefix="inputs-"))

    def source(reader: readers.Reader) -> Source:
        sample = reader.sample()
        return Source(
            lambda draw: file_mutation.mutate(sample, draw),
            lambda data: readers.attempt(reader, data, folder),
            (),  # `attempt` judges refusals by itself
        )

    made = {label: source(reader) for label, reader in readers.READERS.items()}
    return made | measurement_readers.sources(folder)


def frame_sources() -> dict[str, Source]:
    """Return what reads frames: bytes and objects that another process or library hands over."""
    from tools.torture.inputs import arrow_frames, handshakes, ring_frames

    return ring_frames.sources() | arrow_frames.sources() | handshakes.sources()


def files() -> TrialBody:
    """Return a trial of one file."""
    return trials(file_sources())


def frames() -> TrialBody:
    """Return a trial of one frame."""
    return trials(frame_sources())


def file_again(label: str, data: bytes) -> TrialBody:
    """Return a trial that reads the bytes of a saved file."""
    return _again(file_sources(), label, data)


def frame_again(label: str, data: bytes) -> TrialBody:
    """Return a trial that reads the bytes of a saved frame."""
    return _again(frame_sources(), label, data)


def _again(sources: Mapping[str, Source], label: str, data: bytes) -> TrialBody:
    if label not in sources:
        raise ValueError(f"there is no reader {label!r}: {', '.join(sources)}")
    return lambda _, journal: read_one(label, sources[label], data, journal)
