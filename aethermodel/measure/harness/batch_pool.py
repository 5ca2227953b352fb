"""Synthetic batches, the same for every probe and for the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cython_core import EVENT_BYTES, RecordType, allocate, number, record_type, stamp

if TYPE_CHECKING:
    from cython_core.events.record_type import Record

#: Bytes of the place that `same_pool` cuts its batches from, touched only as far as asked for.
ARENA_BYTES = 2**28
_CHUNK = 4096


# The standard records that have no room for a number, with one in the place of the checksum.
_NUMBERED = {
    8: [("topic", "<u4"), ("sequence", "<u4")],
    16: [("value", "<f8"), ("topic", "<u4"), ("sequence", "<u4")],
}


@cache
def numbered_record(record_bytes: int) -> RecordType:
    """Return the records of a size that are checked one by one: each has a number.

    Those of 32 bytes and more have room for a time too.
    """
    small = _NUMBERED.get(record_bytes)
    return record_type(np.dtype(small, align=True) if small else record_bytes)


class BatchForm(NamedTuple):
    """What batches are that one end makes and the other checks.

    Attributes
    ----------
    batch_size, topics : int
    checksum : bool
        Whether every event's checksum is stamped.
    record_bytes : int
    """

    batch_size: int
    topics: int
    checksum: bool = False
    record_bytes: int = EVENT_BYTES

    @property
    def record(self) -> RecordType:
        """Type of the records, each with a number."""
        return numbered_record(self.record_bytes)

    def make(self, n: int | None = None) -> npt.NDArray[Any]:
        """Return a batch of random topics, of as many events as one has or as asked for."""
        return make_batch(n or self.batch_size, self.topics, 0, self.record)

    def numbering(self) -> Callable[[npt.NDArray[Any], int, int], None]:
        """Return what numbers a batch from its first on, with the time that it is meant to go.

        And stamps it where it is to be; plain events have no frame of Python in between.
        """
        kind = None if self.record.event else self.record
        if kind is None and not self.checksum:
            return number

        def numbered(batch: npt.NDArray[Any], first: int, meant_ns: int) -> None:
            number(batch, first, meant_ns, kind)
            if self.checksum:
                stamp(batch)

        return numbered


def make_batch(
    n: int, topics: int, seed: int, record_bytes: Record = EVENT_BYTES
) -> npt.NDArray[Any]:
    """Make one batch with uniformly random topics.

    Parameters
    ----------
    n : int
        Events.
    topics : int
        Number of topics; each event draws one uniformly.
    seed : int
        Of the generator: equal seeds give equal batches.
    record_bytes : int or RecordType
        Of each, a multiple of 8; see `cython_core.standard_dtype`. Or a type with the field
        ``topic``.

    Returns
    -------
    numpy.ndarray
        Shape ``(n,)``, dtype `cython_core.EVENT_DTYPE` or of the records; ``sequence`` counts from
        0 and ``value`` holds small whole numbers, whose sums are exact in any order, where there
        are such fields.
    """
    generator = np.random.default_rng(seed)
    batch = allocate(n, record_bytes)
    fields = batch.dtype.names or ()
    if "sequence" in fields:
        batch["sequence"] = np.arange(n, dtype=np.uint64).astype(batch.dtype["sequence"])
    batch["topic"] = generator.integers(0, topics, n, dtype=np.uint32)
    if "value" in fields:
        batch["value"] = generator.integers(-1000, 1000, n)
    return batch


def make_pool(
    n: int, topics: int, pool: int, seed: int = 0, record_bytes: Record = EVENT_BYTES
) -> list[npt.NDArray[Any]]:
    """Make `pool` different batches; in use, they are the working set of so many records."""
    return [make_batch(n, topics, seed + i, record_bytes) for i in range(pool)]


def same_pool(
    n: int, topics: int, pool: int, record_bytes: int = EVENT_BYTES
) -> list[npt.NDArray[Any]]:
    """Cut `pool` batches from a place that every caller in this process shares.

    Where a batch lies in physical memory decides which cache lines it contends for: one place
    can be a third slower than the next, for as long as the process lives. Probes and pipelines
    that are held against each other look at the same place, so that this is in both.

    Parameters
    ----------
    n, topics, pool, record_bytes : int
        As for `make_pool`, which serves what is larger than the place.

    Returns
    -------
    list of numpy.ndarray
        Read-only; one after the other, as batches of a pool lie in a producer's arena.
    """
    if n * pool > ARENA_BYTES // record_bytes:
        return make_pool(n, topics, pool, record_bytes=record_bytes)
    events = _arena(topics, record_bytes).filled(n * pool)
    return [events[i * n : (i + 1) * n] for i in range(pool)]


class WorkingSet:
    """Events from which batches of any size are cut one after the other, and then again.

    All sizes go through the same memory, as through a producer's: a large batch between small ones
    would find its events far away else.

    Parameters
    ----------
    events : numpy.ndarray
        At least as many as the largest batch has.
    """

    def __init__(self, events: npt.NDArray[Any]) -> None:
        self._events = events
        self._position = 0

    def next(self, n: int) -> npt.NDArray[Any]:
        """Return the next `n` events; the first ones where so many are not left."""
        first = self._position if self._position + n <= len(self._events) else 0
        self._position = first + n
        return self._events[first : first + n]


class _Arena:
    """Events of uniformly random topics, made chunk by chunk: the same whatever was asked first."""

    def __init__(self, topics: int, record_bytes: int) -> None:
        self._events = allocate(ARENA_BYTES // record_bytes, record_bytes)
        self._topics = topics
        self._record_bytes = record_bytes
        self._made = 0

    def filled(self, n: int) -> npt.NDArray[Any]:
        while self._made < n:
            seed = self._made // _CHUNK
            chunk = make_batch(_CHUNK, self._topics, seed, self._record_bytes)
            room = self._events[self._made : self._made + _CHUNK]
            # As bytes: numpy copies structured arrays field by field.
            room.view(np.uint8)[:] = chunk[: len(room)].view(np.uint8)
            self._made += _CHUNK
        view = self._events[:n]
        view.flags.writeable = False
        return view


@cache
def _arena(topics: int, record_bytes: int) -> _Arena:
    return _Arena(topics, record_bytes)
