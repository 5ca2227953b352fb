"""Witness: shared memory in which both ends note what they did, and exact counts of damage."""

from __future__ import annotations

import mmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cython_core import now_ns, stamp, verify

Events = npt.NDArray[Any]

#: What is noted, each an unsigned 64-bit word that one process writes and the witness reads.
WORDS = (
    "producer_ready",
    "consumer_ready",
    "intended",  # events of all batches up to the one that is being committed
    "committed",  # events of all batches whose commit returned
    "handled",  # events that it verified
    "released",  # events whose release returned
    "lost",
    "repeated",
    "garbage",
    "told",  # 1 + place in the campaign's list of ends
    "told_ns",
    "told_committed",
    "told_consumed",
    "confirmed",  # events of which a network's receipts say that they were handled
    "forked",  # whether an end has forked a child
    "port",
)
_AT = {name: place for place, name in enumerate(WORDS)}
_TEXT_AT, _BYTES = 4096, 16_384


class Page:
    """Memory of the third process, in which the two ends of a stream leave notes.

    A process that is killed in the middle leaves its last note, so what it had done lies
    between the note before an act and the note after it.
    """

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, _BYTES)
        self._words = np.frombuffer(self._map, np.uint64, len(WORDS))

    def __getitem__(self, name: str) -> int:
        return int(self._words[_AT[name]])

    def __setitem__(self, name: str, value: int) -> None:
        self._words[_AT[name]] = value

    def clear(self) -> None:
        """Forget all notes."""
        self._words[:] = 0
        self._map[_TEXT_AT : _TEXT_AT + 4] = bytes(4)

    def write_text(self, text: str | bytes) -> None:
        """Leave a text for the others, cut to what fits."""
        data = (text.encode() if isinstance(text, str) else text)[-(_BYTES - _TEXT_AT - 4) :]
        self._map[_TEXT_AT + 4 : _TEXT_AT + 4 + len(data)] = data
        self._map[_TEXT_AT : _TEXT_AT + 4] = len(data).to_bytes(4, "little")

    def read_bytes(self) -> bytes:
        """Return the text that was left, as bytes."""
        size = int.from_bytes(self._map[_TEXT_AT : _TEXT_AT + 4], "little")
        return self._map[_TEXT_AT + 4 : _TEXT_AT + 4 + size]

    def text(self) -> str:
        """Return the text that was left."""
        return self.read_bytes().decode(errors="replace")

    def tell(self, place: int, error: BaseException | None = None) -> None:
        """Note that the end of the stream is known here, and what the error says of it."""
        self["told_ns"] = now_ns()
        self["told_committed"] = getattr(error, "committed", 0)
        self["told_consumed"] = getattr(error, "consumed", 0)
        self["told"] = place + 1


def fill(events: Events, first: int, topics: int = 4) -> None:
    """Write the events from sequence `first` on: whoever knows a sequence knows the event."""
    n = len(events)
    sequence = np.arange(first, first + n, dtype=np.uint64)
    events["sequence"] = sequence
    events["timestamp_ns"] = sequence
    events["topic"] = sequence % topics
    events["source"] = 7
    events["value"] = sequence
    events["payload"] = 0
    events["flags"] = sequence
    stamp(events)


class Damage(NamedTuple):
    """What a batch shows to be missing, double or wrong, in events."""

    lost: int
    repeated: int
    garbage: int


def compare(events: Events, expected: int) -> tuple[Damage, int]:
    """Compare a batch with what should come next.

    Parameters
    ----------
    events : numpy.ndarray
        As `fill` made them, if all is well.
    expected : int
        The sequence that should come first.

    Returns
    -------
    Damage, int
        Events that are missing before or within the batch, that came before, and that nobody
        sent; and the sequence that should come next.
    """
    n = len(events)
    sequences = events["sequence"].copy()
    wrong = (events["value"] != sequences) | (events["flags"] != sequences.astype(np.uint32))
    wrong |= events["source"] != 7
    wrong[verify(events)] = True
    if not wrong.any() and np.array_equal(
        sequences, np.arange(expected, expected + n, dtype=np.uint64)
    ):
        return Damage(0, 0, 0), expected + n
    lost = repeated = 0
    for sequence in sequences[~wrong].tolist():
        if sequence < expected:
            repeated += 1
        else:
            lost += sequence - expected
            expected = sequence + 1
    # An event that came as garbage is that, and not lost as well.
    garbage = int(wrong.sum())
    return Damage(max(0, lost - garbage), repeated, garbage), expected


def take(page: Page, events: Events) -> None:
    """Verify a batch and note what it shows."""
    damage, expected = compare(events, page["handled"])
    for name, count in damage._asdict().items():
        if count:
            page[name] += count
    page["handled"] = expected


def judge_producer_killed(page: Page, *, keeps: bool = True) -> Damage:
    """Compare what the consumer has had with what the dead producer noted.

    Parameters
    ----------
    page : Page
    keeps : bool
        Whether what was sent is the consumer's at once.

    Returns
    -------
    Damage
        Lost are events that are missing among those that came, and with `keeps` those whose commit
        had returned and that never came; garbage are events that came and that the producer had
        not begun to commit.
    """
    return Damage(
        page["lost"] + (max(0, page["committed"] - page["handled"]) if keeps else 0),
        page["repeated"],
        page["garbage"] + max(0, page["handled"] - page["intended"]),
    )


def judge_consumer_killed(page: Page) -> Damage:
    """Compare what the producer was told with what the dead consumer noted.

    Returns
    -------
    Damage
        Lost are events that the producer is told to be consumed and that the consumer had not
        handled; repeated are those that the consumer had released, and that a producer who goes
        on from where it was told would send again.
    """
    consumed = max(page["told_consumed"], page["confirmed"])
    return Damage(
        page["lost"] + max(0, consumed - page["handled"]),
        page["repeated"] + max(0, page["released"] - consumed),
        page["garbage"],
    )
