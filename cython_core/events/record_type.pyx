"""Record type: which fields of a structured dtype are topic, value and checksum."""

cimport numpy as cnp
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, malloc

import numpy as np

from cython_core.events.record cimport aether_event, batch_pointer, memory_keeper

from cython_core.events.record import EVENT_DTYPE, MAX_EVENTS

cnp.import_array()

#: Bytes of the smallest and of the largest record.
MIN_RECORD_BYTES, MAX_RECORD_BYTES = 8, 65_536

# Types made for dtypes that came without one; a program has few.
cdef dict _known = {}
cdef enum: MOST_KNOWN = 256


cdef class RecordType:
    """A fixed-size record: a structured dtype, and which of its fields the bus works with.

    Parameters
    ----------
    dtype : numpy.dtype or what makes one
        Structured, of 8 to 65,536 bytes, without Python objects.
    topic : str
        Field with the topic's number: an unsigned integer of 1, 2 or 4 bytes.
    value : str, optional
        Field of float64 that the router adds up by topic; else the one named ``value``, if there
        is one of that type.
    checksum : str, optional
        Field of uint32 for `stamp` and `verify`; else the one named ``checksum``, if there is one
        of that type. Fastest where it is the last field.

    Attributes
    ----------
    dtype : numpy.dtype
    itemsize : int
        Bytes of a record.
    topic, value, checksum : str or None
        Names of the fields.
    topic_offset, topic_bytes : int
    value_offset, checksum_offset : int
        -1 where there is no such field.
    sequence_offset, sequence_bytes, time_offset : int
        Of the fields that are named ``sequence`` (an unsigned integer of 4 or 8 bytes) and
        ``timestamp_ns`` (of 8), as the event's are; -1 where there is none.
    alignment : int
        Bytes to a multiple of which the memory of a batch must begin.
    event : bool
        Whether it is the 64-byte event, `EVENT_DTYPE`, which has a way of its own.

    Raises
    ------
    ValueError
        On anything else: also if a field is big-endian, or not aligned to its own size in every
        record.

    Examples
    --------
    >>> tick = RecordType([("price", "<f8"), ("topic", "<u2"), ("size", "<u4")], value="price")
    Traceback (most recent call last):
        ...
    ValueError: records of 14 bytes leave the topic not aligned to 2 bytes: make the dtype with align=True
    """

    def __init__(self, dtype, *, str topic="topic", str value=None, str checksum=None):
        try:
            made = np.dtype(dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(f"this makes no dtype: {error}") from None
        if made.names is None:
            raise ValueError(f"a record is of a structured dtype with a topic, not of {made}")
        if made.hasobject:
            raise ValueError("a record holds no Python objects: they mean nothing elsewhere")
        if not MIN_RECORD_BYTES <= made.itemsize <= MAX_RECORD_BYTES:
            raise ValueError(
                f"a record has {MIN_RECORD_BYTES} to {MAX_RECORD_BYTES} bytes, not {made.itemsize}"
            )
        self.dtype = made
        self.itemsize = made.itemsize
        self.alignment = 1
        self.topic = topic
        self.topic_bytes = 0
        self.topic_offset = self._field("topic", topic, "u", (1, 2, 4))
        self.topic_bytes = made.fields[topic][0].itemsize
        self.value = _named(made, value, "value", "f", 8)
        self.value_offset = -1
        if self.value is not None:
            self.value_offset = self._field("value", self.value, "f", (8,))
        self.checksum = _named(made, checksum, "checksum", "u", 4)
        self.checksum_offset = -1
        if self.checksum is not None:
            self.checksum_offset = self._field("checksum", self.checksum, "u", (4,))
        self.sequence_offset = self.time_offset = -1
        self.sequence_bytes = 0
        for size in (8, 4):
            if self.sequence_offset < 0 and _usual(made, "sequence", "u", size):
                self.sequence_offset, self.sequence_bytes = made.fields["sequence"][1], size
        if _usual(made, "timestamp_ns", "u", 8):
            self.time_offset = made.fields["timestamp_ns"][1]
        self.event = made == EVENT_DTYPE and topic == "topic" and self.value == "value"
        self.event = self.event and self.checksum == "checksum"

    cdef Py_ssize_t _field(self, str role, str name, str kind, tuple sizes) except -1:
        """Return the offset of a field that must be there, of a kind and aligned."""
        if name not in self.dtype.fields:
            raise ValueError(
                f"this dtype has no field {name!r} for the {role}; it has "
                f"{', '.join(self.dtype.names)}"
            )
        field, offset = self.dtype.fields[name][:2]
        if field.kind != kind or field.itemsize not in sizes:
            wanted = {"u": "an unsigned integer", "f": "a float"}[kind]
            many = " or ".join(str(size) for size in sizes)
            raise ValueError(f"the {role} is {wanted} of {many} bytes, {name!r} is {field}")
        if not field.isnative:
            raise ValueError(f"{name!r} is of the other byte order ({field.str}): convert it first")
        size = field.itemsize
        if offset % size or self.itemsize % size:
            what = (
                f"{role} at byte {offset} is" if offset % size
                else f"records of {self.itemsize} bytes leave the {role}"
            )
            raise ValueError(f"{what} not aligned to {size} bytes: make the dtype with align=True")
        self.alignment = max(self.alignment, size)
        return offset

    def __eq__(self, other):
        if not isinstance(other, RecordType):
            return NotImplemented
        return self._key() == (<RecordType> other)._key()

    def __hash__(self):
        return hash(self._key())

    def _key(self):
        return self.dtype, self.topic, self.value, self.checksum

    def __repr__(self):
        return f"<RecordType of {self.itemsize} bytes, topic {self.topic!r}>"

    def __reduce__(self):
        return _rebuilt, self._key()


def _rebuilt(dtype, topic, value, checksum):
    return RecordType(dtype, topic=topic, value=value, checksum=checksum)


def _named(dtype, name, default, kind, size):
    """Return the name asked for, or the usual one where such a field is of the right type."""
    if name is not None:
        return name
    return default if _usual(dtype, default, kind, size) else None


def _usual(dtype, name, kind, size):
    """Whether there is such a field, native and aligned."""
    if name not in dtype.fields:
        return False
    field, offset = dtype.fields[name][:2]
    fits = field.kind == kind and field.itemsize == size and field.isnative
    return fits and not (offset % size or dtype.itemsize % size)


#: The 64-byte event.
EVENT = RecordType(EVENT_DTYPE)
_known[EVENT_DTYPE] = EVENT
cdef object _event_dtype = EVENT_DTYPE
cdef RecordType _event = EVENT


def record_type(what=None):
    """Return what stands for a type of records as a `RecordType`.

    Parameters
    ----------
    what : RecordType, numpy.dtype, int or None
        A type; a dtype with a field ``topic``; bytes of the standard record of that size (a
        multiple of 8), which has the event's fields as far as they fit; None for the event.

    Returns
    -------
    RecordType

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if what is None:
        return EVENT
    if isinstance(what, RecordType):
        return what
    if isinstance(what, int):
        what = standard_dtype(what)
    if not isinstance(what, np.dtype):
        return RecordType(what)
    return _of_dtype(what)


def standard_dtype(record_bytes):
    """Return the standard dtype of so many bytes: the event's fields, as far as they fit.

    Parameters
    ----------
    record_bytes : int
        8 to 65,536, a multiple of 8; 64 gives `EVENT_DTYPE`.

    Returns
    -------
    numpy.dtype
        ``topic`` and ``checksum`` at 8 bytes; from 16 on ``value`` too, from 24 ``sequence``, from
        32 ``timestamp_ns``, from 40 all of the event's, with a payload of what is left.

    Raises
    ------
    ValueError
        On another number.
    """
    if not MIN_RECORD_BYTES <= record_bytes <= MAX_RECORD_BYTES or record_bytes % 8:
        raise ValueError(
            f"a standard record has {MIN_RECORD_BYTES} to {MAX_RECORD_BYTES} bytes, a multiple "
            f"of 8, not {record_bytes}"
        )
    if record_bytes == EVENT_DTYPE.itemsize:
        return EVENT_DTYPE
    head = [("sequence", "<u8"), ("timestamp_ns", "<u8")]
    short = [("value", "<f8"), ("topic", "<u4"), ("checksum", "<u4")]
    if record_bytes < 40:
        fields = {8: short[1:], 16: short, 24: head[:1] + short, 32: head + short}[record_bytes]
        return np.dtype(fields, align=True)
    payload = [("payload", "u1", (record_bytes - 40,))] if record_bytes > 40 else []
    return np.dtype(
        [*head, ("topic", "<u4"), ("source", "<u4"), ("value", "<f8"), *payload,
         ("flags", "<u4"), ("checksum", "<u4")],
        align=True,
    )


cdef RecordType _of_dtype(object dtype):
    # Batches are of one dtype object as a rule, and its hash is kept: a look-up costs a compare.
    if dtype is _event_dtype:
        return _event
    kind = _known.get(dtype)
    if kind is None:
        kind = RecordType(dtype)
        if len(_known) >= MOST_KNOWN:
            _known.clear()
            _known[_event_dtype] = _event
        _known[dtype] = kind
    return kind


cdef RecordType record_type_of(object array, object wanted):
    cdef RecordType kind
    if not isinstance(array, cnp.ndarray):
        raise ValueError(
            "events must be a numpy array of EVENT_DTYPE or of other records, not "
            f"{type(array).__name__}"
        )
    dtype = (<cnp.ndarray> array).dtype
    if wanted is None:
        try:
            return _of_dtype(dtype)
        except ValueError as error:
            raise ValueError(
                f"events must have dtype EVENT_DTYPE, or be other records: {error}"
            ) from None
    kind = wanted if isinstance(wanted, RecordType) else record_type(wanted)
    if dtype is not kind.dtype and dtype != kind.dtype:
        raise _other(kind, dtype)
    return kind


cdef object _other(RecordType kind, object dtype):
    what = f"dtype {dtype}" if dtype.names is None else f"another type of {dtype.itemsize} bytes"
    return ValueError(f"events must be of {kind!r}, not of {what}")


cdef object records_pointer(object records, RecordType kind, const char** first, Py_ssize_t* n):
    cdef cnp.ndarray array
    cdef aether_event* event
    if kind.event:
        keeper = batch_pointer(records, &event, n)
        first[0] = <const char*> event
        return keeper
    if not isinstance(records, cnp.ndarray):
        raise ValueError(f"events must be a numpy array, not {type(records).__name__}")
    array = <cnp.ndarray> records
    if array.dtype is not kind.dtype and array.dtype != kind.dtype:
        raise _other(kind, array.dtype)
    if array.ndim != 1:
        raise ValueError(f"events must have one dimension, not {array.ndim}")
    if not cnp.PyArray_IS_C_CONTIGUOUS(array):
        raise ValueError("events must be contiguous; route a copy, or pass the whole batch")
    if <uintptr_t> cnp.PyArray_DATA(array) % <uintptr_t> kind.alignment:
        raise ValueError(f"events must be aligned to {kind.alignment} bytes")
    n[0] = cnp.PyArray_DIM(array, 0)
    if <unsigned long long> n[0] > 0xFFFFFFFFULL:
        raise ValueError(f"a batch holds at most {MAX_EVENTS} events, not {n[0]}")
    first[0] = <const char*> cnp.PyArray_DATA(array)
    return memory_keeper(array, <size_t> first[0], n[0] * kind.itemsize)


def as_records(batch, record=None):
    """Check a batch of records of any type, and return it.

    Parameters
    ----------
    batch : numpy.ndarray
        Shape ``(N,)``, contiguous, aligned as its fields ask for.
    record : RecordType, numpy.dtype or int, optional
        What it is to be of, as for `record_type`; without it, what its dtype says.

    Returns
    -------
    numpy.ndarray
        The same.

    Raises
    ------
    ValueError
        If it is no such batch.
    """
    cdef const char* first
    cdef Py_ssize_t n = 0
    records_pointer(batch, record_type_of(batch, record), &first, &n)
    return batch


cdef class RecordPool:
    """Batches that native code takes in turn; holds them, so that they stay alive."""

    def __cinit__(self, list batches, record=None):
        cdef Py_ssize_t i
        if not batches:
            raise ValueError("at least one batch is needed")
        self._batches = list(batches)
        self.kind = record_type_of(self._batches[0], record)
        self.size = len(self._batches)
        self.first = <const char**> malloc(self.size * sizeof(char*))
        self.length = <Py_ssize_t*> malloc(self.size * sizeof(Py_ssize_t))
        if self.first == NULL or self.length == NULL:
            raise MemoryError("no memory for the pool of batches")
        self._keepers = [
            records_pointer(self._batches[i], self.kind, &self.first[i], &self.length[i])
            for i in range(self.size)
        ]

    def __dealloc__(self):
        free(self.first)
        free(self.length)
