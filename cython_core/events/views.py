"""Views of a batch for other libraries: Arrow, bytes, columns.

========================  ==================================================  =======
what                      how                                                 copies
========================  ==================================================  =======
numpy structured array    the batch itself                                    no
one field, any library    ``events["value"]``: numpy, DLPack, strided 64 B    no
bytes                     `as_bytes`, for the buffer protocol                 no
Arrow FixedSizeBinary     `as_arrow`                                          no
Arrow columns             `to_arrow_columns`                                  yes
========================  ==================================================  =======

Every view holds its owner. DLPack has a read-only flag since version 1.0: a
consumer that cannot carry it is refused a read-only batch with BufferError, as
a ring's consumer would otherwise be written to.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cython_core.events.arrow import EventArray
from cython_core.events.record import EVENT_DTYPE
from cython_core.events.record_type import as_records

if TYPE_CHECKING:
    import pyarrow as pa

    from cython_core.events.record_type import Record


def as_bytes(events: npt.NDArray[Any], record: "Record | None" = None) -> npt.NDArray[np.uint8]:
    """Return the batch as bytes, without a copy.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE` or of another type of records, contiguous.
    record : RecordType, numpy.dtype or int, optional
        What it is to be of, as for `record_type`; without it, what its dtype says.

    Returns
    -------
    numpy.ndarray of uint8, shape (64 N,), or of as many bytes as the records have
        For anything that takes the buffer protocol; read-only where `events` is.

    Raises
    ------
    ValueError
        On anything else.
    """
    bytes_: npt.NDArray[np.uint8] = as_records(events, record).view(np.uint8)
    return bytes_


def as_arrow(events: npt.NDArray[Any]) -> EventArray:
    """Return the batch as an Arrow array of FixedSizeBinary(64), without a copy.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous.

    Returns
    -------
    EventArray
        Exports through ``__arrow_c_array__``; pyarrow is not needed.

    Raises
    ------
    ValueError
        On anything else.
    """
    return EventArray(events)


def to_arrow_columns(events: npt.NDArray[Any]) -> "pa.RecordBatch":
    """Copy the batch into Arrow columns, one per field.

    A record layout cannot be columns without a copy: each field is gathered from
    64-byte strides, so this reads and writes every byte once. Needs pyarrow.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous.

    Returns
    -------
    pyarrow.RecordBatch
        N rows; ``payload`` is FixedSizeBinary(24). Independent of `events`.

    Raises
    ------
    ValueError
        On anything else.
    """
    import pyarrow as pa

    batch = EventArray(events).events
    columns: dict[str, Any] = {
        name: pa.array(batch[name].copy()) for name in EVENT_DTYPE.names or () if name != "payload"
    }
    width = EVENT_DTYPE["payload"].itemsize
    payload = pa.py_buffer(batch["payload"].copy())
    columns["payload"] = pa.Array.from_buffers(pa.binary(width), len(batch), [None, payload])
    return pa.RecordBatch.from_pydict({name: columns[name] for name in EVENT_DTYPE.names or ()})
