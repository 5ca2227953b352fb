from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

cdef class RecordType:
    # Offsets are -1 where the type has no such field.
    cdef readonly object dtype
    cdef readonly str topic, value, checksum
    cdef readonly Py_ssize_t itemsize, topic_offset, topic_bytes, value_offset, checksum_offset
    cdef readonly Py_ssize_t sequence_offset, sequence_bytes, time_offset
    cdef readonly Py_ssize_t alignment
    cdef readonly bint event

    cdef Py_ssize_t _field(self, str role, str name, str kind, tuple sizes) except -1

# Batches of one type that native code takes in turn; as `BatchPool` of events.
cdef class RecordPool:
    cdef const char** first
    cdef Py_ssize_t* length
    cdef Py_ssize_t size
    cdef readonly RecordType kind
    cdef list _batches, _keepers

# The type of a batch; raises ValueError where its dtype has none, or is not of `wanted`.
cdef RecordType record_type_of(object array, object wanted)

# Check a batch at the Python border, as `batch_pointer` does for events.
cdef object records_pointer(
    object records, RecordType kind, const char** first, Py_ssize_t* n)
