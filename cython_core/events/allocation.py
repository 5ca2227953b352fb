"""Allocation of batches, on a boundary that every kernel reads at full speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cython_core.events.record import EVENT_BYTES, MAX_EVENTS
from cython_core.events.record_type import record_type

if TYPE_CHECKING:
    from cython_core.events.record_type import Record


def allocate(n: int, record: Record | None = None) -> npt.NDArray[Any]:
    """Allocate a zeroed batch that starts on a 64-byte boundary.

    Parameters
    ----------
    n : int
        Number of events, 0 to 2**32 - 1.
    record : RecordType, numpy.dtype or int, optional
        Of which type, as for `record_type`; the 64-byte event by default.

    Returns
    -------
    numpy.ndarray
        Shape ``(n,)``, dtype `EVENT_DTYPE` or the record's; owns its memory through its base.

    Raises
    ------
    ValueError
        If `n` is negative or more than 2**32 - 1, or `record` is no type of records.
    """
    if not 0 <= n <= MAX_EVENTS:
        raise ValueError(f"a batch holds 0 to {MAX_EVENTS} events, not {n}")
    dtype = record_type(record).dtype
    size = dtype.itemsize
    raw = np.zeros(n * size + EVENT_BYTES, dtype=np.uint8)
    shift = -raw.ctypes.data % EVENT_BYTES
    return raw[shift : shift + n * size].view(dtype)
