"""Journal: where a trial counts what it does, and notes its input before it reads it.

The note lies in memory that the run's own process shares, so it is there after a crash.
"""

from __future__ import annotations

import mmap
import struct
import time
import traceback

from tools.torture.findings import Finding, Tally, Trial

_HEAD = struct.Struct("<QdI64sI")
_BYTES = 4 * 1024 * 1024


class Slot:
    """Which trial runs in a process now, since when, and with what input."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, _BYTES)

    def note(self, number: int, label: str = "", data: bytes = b"", *, done: bool = False) -> None:
        """Write down what begins now, or (`done`) that nothing is under way."""
        data = data[: _BYTES - _HEAD.size]
        self._map[_HEAD.size : _HEAD.size + len(data)] = data
        began = 0.0 if done else time.monotonic()
        self._map[: _HEAD.size] = _HEAD.pack(number, began, len(data), label.encode()[:64], 0)

    def read(self) -> tuple[int, float, str, bytes]:
        """Return the trial's number, the seconds since it began, its label and its input."""
        number, began, size, label, _ = _HEAD.unpack(self._map[: _HEAD.size])
        data = self._map[_HEAD.size : _HEAD.size + size]
        since = time.monotonic() - began if began else 0.0
        return number, since, label.rstrip(b"\0").decode(errors="replace"), data


class Journal:
    """What a trial writes to.

    Parameters
    ----------
    campaign : str
    seed : int
    slot : Slot

    Attributes
    ----------
    tally : Tally
        Counts and findings since it was last taken.
    """

    def __init__(self, campaign: str, seed: int, slot: Slot) -> None:
        self.tally = Tally()
        self._campaign, self._seed, self._slot = campaign, seed, slot
        self.trial = Trial(campaign, seed, 0)
        self._label, self._data = "", b""

    def begin(self, number: int) -> None:
        """Begin a trial."""
        self.trial = Trial(self._campaign, self._seed, number)
        self._label, self._data = "", b""
        self._slot.note(number)
        self.tally.count("trials")

    def end(self) -> None:
        """Note that no trial is under way."""
        self._slot.note(self.trial.number, done=True)

    def input(self, label: str, data: bytes) -> None:
        """Count an input, and note it before it is read."""
        self._label, self._data = label, data
        self._slot.note(self.trial.number, label, data)
        self.tally.count("inputs")
        self.tally.labels[label] = self.tally.labels.get(label, 0) + 1

    def count(self, name: str, by: int = 1) -> None:
        """Add to a count."""
        self.tally.count(name, by)

    def damage(self, lost: int, repeated: int, garbage: int, words: str) -> None:
        """Count what a witness missed or found too much; any of it is a finding."""
        for kind, count in (("lost", lost), ("repeated", repeated), ("garbage", garbage)):
            if count:
                self.tally.count(kind, count)
                self.find(kind, words, f"{count} events")

    def find(self, kind: str, what: str, detail: str = "") -> None:
        """Record a finding, with the input that was noted last."""
        self.tally.count("found")
        line = " ".join(what.split())[:300]
        self.tally.findings.append(Finding(self.trial, kind, line, detail, self._data, self._label))

    def find_error(self, error: BaseException) -> None:
        """Record an error that nobody announced: its type and where it was raised."""
        where = traceback.extract_tb(error.__traceback__)
        place = f" at {where[-1].filename.rsplit('/', 1)[-1]}:{where[-1].lineno}" if where else ""
        text = "".join(traceback.format_exception(error, limit=-20))[-6000:]
        self.find("traceback", f"{type(error).__name__}{place}", text)
