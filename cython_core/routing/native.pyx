"""Native handlers: C functions that a batch's topics are handed to without the interpreter lock."""

from cpython.pycapsule cimport PyCapsule_CheckExact, PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
cimport numpy as cnp

from cython_core.clock cimport monotonic_ns
from cython_core.events.record_type cimport RecordType, record_type_of, records_pointer
from cython_core.routing.dispatch cimport Calls, Counts, topic_counts
from cython_core.routing.routed cimport Routed

cnp.import_array()

cdef extern from "turn.h" nogil:
    bint take_turn "aether_turn_take"(int* turn)
    void give_turn "aether_turn_give"(int* turn)

cdef extern from "cycles.h" nogil:
    int64_t cycles "aether_cycles"()

#: Name of a capsule with a handler, unless Cython made it, which names it by its signature.
CAPSULE_NAME = "aethermodel.handler"
#: A handler's signature in C.
SIGNATURE = "int32_t (const void *, const uint32_t *, size_t, void *)"
# Of ctypes: functions that are to be called with the interpreter lock held (PyDLL).
cdef enum: NEEDS_LOCK = 4


class HandlerError(RuntimeError):
    """A native handler returned something else than 0.

    Attributes
    ----------
    status : int
        What it returned.
    """

    def __init__(self, status):
        super().__init__(f"it returned {status}")
        self.status = status


cdef class NativeHandler:
    """A C function as a handler of topics: ``int32_t f(records, indices, count, context)``.

    Parameters
    ----------
    function : object
        What has the function: a numba ``cfunc`` or anything else with an ``address``; a ctypes
        function pointer with argument types and result type; or a capsule, named
        `CAPSULE_NAME` or, as by Cython's ``cdef api``, by its signature.
    context : None, int or buffer
        Handed on: an address, or the first byte of a writable buffer such as an array, which is
        held.

    Attributes
    ----------
    function, context : object
        As given.
    address : int
        Of the function.

    Raises
    ------
    ValueError
        If there is no function, it is of another signature as far as that can be told, or the
        context is none of these.

    Notes
    -----
    In C, with `SIGNATURE`:

    ``const void *records``
        The batch's first record; record i lies ``i * itemsize`` bytes behind it. Read only.
    ``const uint32_t *indices, size_t count``
        Places of this topic's records in the batch, at least one, ascending, each below the
        batch's size and there once. Whatever another process writes to the records meanwhile,
        these stay as they are; a topic that is read from the records may by then be another.
    ``void *context``
        As given here; NULL for None.
    returns
        0, or a number that is reported with the topic as `HandlerError`.

    Records and indices are valid until it returns. It runs on the bus's thread without the
    interpreter lock: it may call nothing of Python without taking that lock itself, and must not
    throw. A numba ``cfunc`` that raises prints, and returns 0.
    """

    def __init__(self, function, context=None):
        self.function, self.context = function, context
        self.address = _address_of(function)
        if not self.address:
            raise ValueError(f"{function!r} has no address: a handler's is not 0")
        if context is None:
            self._context = NULL
        elif isinstance(context, int):
            self._context = <void*> <size_t> context
        else:
            self._context = _memory_of(context, self)

    def __repr__(self):
        return f"<NativeHandler {self.function!r}>"


cdef void* _memory_of(object context, NativeHandler owner) except NULL:
    """Return where a buffer begins; the handler holds it from then on."""
    cdef const unsigned char[::1] bytes_
    try:
        view = memoryview(context)
        if view.readonly or not view.nbytes:
            raise ValueError("it is read-only or empty")
        bytes_ = view.cast("B")
    except (TypeError, ValueError, BufferError) as error:
        raise ValueError(f"a context is an address or a writable buffer: {error}") from None
    owner._keeper = view
    return <void*> &bytes_[0]


cdef size_t _address_of(object function) except? 0:
    if PyCapsule_CheckExact(function):
        return _capsule_address(function)
    pointer = _ctypes_address(function)
    if pointer is not None:
        return pointer
    address = getattr(function, "address", None)
    if not isinstance(address, int):
        raise ValueError(f"{function!r} is no C function: a cfunc, a capsule or of ctypes")
    signature = getattr(function, "_sig", None)  # numba's
    if signature is not None and (
        len(signature.args) != 4 or str(signature.return_type) != "int32"
    ):
        raise ValueError(f"a handler is {SIGNATURE}, this cfunc is {signature}")
    return address


cdef size_t _capsule_address(object capsule) except 0:
    cdef const char* name = PyCapsule_GetName(capsule)
    text = "" if name == NULL else name.decode("utf-8", "replace")
    if text != CAPSULE_NAME and _bare(text) != _bare(SIGNATURE):
        raise ValueError(
            f"a handler's capsule is named {CAPSULE_NAME!r} or by its signature, not {text!r}"
        )
    return <size_t> PyCapsule_GetPointer(capsule, name)


def _bare(signature):
    """A signature without what does not change the call."""
    for word in ("const", "noexcept", "nogil", " "):
        signature = signature.replace(word, "")
    return signature


def _ctypes_address(function):
    """Return the address of a ctypes function pointer; None if it is none."""
    import sys

    if "ctypes" not in sys.modules:
        return None
    import ctypes

    if not isinstance(function, ctypes._CFuncPtr):
        return None
    if type(function)._flags_ & NEEDS_LOCK:
        raise ValueError(f"{function!r} needs the interpreter lock: load it by CDLL, not PyDLL")
    arguments, result = function.argtypes, function.restype
    pointers = (ctypes.c_void_p, ctypes._Pointer, ctypes._SimpleCData)
    fits = (
        arguments is not None
        and len(arguments) == 4
        and result in (ctypes.c_int32, ctypes.c_int)
        and arguments[2] in (ctypes.c_size_t, ctypes.c_uint64)
        and all(issubclass(a, pointers) and ctypes.sizeof(a) == 8 for a in arguments)
    )
    if not fits:
        raise ValueError(f"a handler is {SIGNATURE}: set argtypes and restype of {function!r}")
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def native_handler(handler):
    """Return a handler as a `NativeHandler` if it is a C function, else None.

    Parameters
    ----------
    handler : object
        A `NativeHandler`, a capsule, a ctypes function pointer or a numba ``cfunc``; anything
        else with an address is called from Python, unless it is wrapped in a `NativeHandler`.

    Raises
    ------
    ValueError
        As `NativeHandler`.
    """
    if isinstance(handler, NativeHandler):
        return handler
    compiled = hasattr(handler, "address") and hasattr(handler, "native_name")
    if PyCapsule_CheckExact(handler) or compiled or _ctypes_address(handler) is not None:
        return NativeHandler(handler)
    return None


cdef class NativeCalls:
    """Native handlers of topics, in the order in which they are called.

    Parameters
    ----------
    handlers : tuple of (int, NativeHandler)
        Topic and handler.
    topics : int
        How many there are.
    record : RecordType
        What the handlers read; a batch of another type fails all of them.

    Raises
    ------
    ValueError
        If a topic is out of range.
    """

    def __cinit__(self, tuple handlers not None, Py_ssize_t topics, RecordType record not None):
        cdef NativeHandler handler
        cdef Py_ssize_t place = 0, topic
        self.record = record
        self._calls = <native_call*> calloc(max(len(handlers), 1), sizeof(native_call))
        if self._calls == NULL:
            raise MemoryError(f"no memory for {len(handlers)} handlers")
        for topic, handler in handlers:
            if not 0 <= topic < topics:
                raise ValueError(f"topic {topic} is not among 0 to {topics - 1}")
            self._calls[place].function = <native_function> handler.address
            self._calls[place].context = handler._context
            self._calls[place].topic = topic
            self._most = max(self._most, <uint32_t> topic)
            place += 1
        self._count = place
        self._handlers = tuple(handler for _, handler in handlers)  # keep them and their memory

    def __dealloc__(self):
        free(self._calls)

    cdef int64_t run(self, Counts seen, object failed, object batch, Routed routed) except -1:
        cdef const char* first
        cdef Py_ssize_t n = 0, failures = 0, place
        cdef native_call* call
        cdef int64_t began, ended = 0, spent = 0
        if self._count and (self._most >= seen._topics or self._most >= routed.topics):
            raise IndexError("the counts or the routed batch are of fewer topics")
        try:
            kind = record_type_of(batch, self.record)
            keeper = records_pointer(batch, kind, &first, &n)  # noqa: F841 (its memory stays)
        except ValueError as error:
            self._fail_all(failed, routed, error)
            return monotonic_ns()
        if n < routed._n:
            raise ValueError(f"this batch has {n} records, {routed._n} were routed")
        if not take_turn(&routed._turn):
            raise ValueError("the routed batch is in use by another thread")
        with nogil:
            began = monotonic_ns()
            failures = _call_all(
                self._calls, self._count, seen._since, first, routed._c.offsets,
                routed._c.indices, routed._n, &spent)
            ended = monotonic_ns()
        seen._native_ns += ended - began
        seen._native_cycles += spent
        give_turn(&routed._turn)
        if failures < 0:
            raise ValueError("the offsets of the routed batch were written to")
        if failures:
            for place in range(self._count):
                call = &self._calls[place]
                if call.status:
                    failed(call.topic, self._origin(place), HandlerError(call.status))
            ended = monotonic_ns()
        return ended

    cdef object _origin(self, Py_ssize_t place):
        return (<NativeHandler> self._handlers[place]).function

    cdef int _fail_all(self, object failed, Routed routed, object error) except -1:
        """Tell of a batch that is of no records that they know."""
        cdef Py_ssize_t place, topic
        for place in range(self._count):
            topic = self._calls[place].topic
            if routed._c.offsets[topic] != routed._c.offsets[topic + 1]:
                failed(topic, self._origin(place), error)
        return 0


cdef Py_ssize_t _call_all(
    native_call* calls, Py_ssize_t count, topic_counts* counts, const char* records,
    const int64_t* offsets, const uint32_t* indices, int64_t n, int64_t* spent,
) noexcept nogil:
    """Call every handler whose topic has events; returns how many failed, -1 on bad offsets."""
    cdef Py_ssize_t place, failures = 0
    cdef int64_t start, stop, took, after, before = cycles()
    cdef native_call* call
    cdef topic_counts* own
    for place in range(count):
        call = &calls[place]
        call.status = 0
        start, stop = offsets[call.topic], offsets[call.topic + 1]
        if start == stop:
            continue
        if not 0 <= start < stop <= n:
            return -1
        call.status = call.function(records, indices + start, stop - start, call.context)
        failures += call.status != 0
        after = cycles()
        took = max(after - before, 0)
        own = &counts[call.topic]
        own.calls += 1
        own.handled += stop - start
        own.handler_cycles += took
        spent[0] += took
        before = after
    return failures


def call_all(
    NativeCalls natives not None, tuple handlers not None, Counts seen not None, bint whole, failed,
    batch, Routed routed not None, int64_t began_ns,
):
    """Call every handler whose topic has events: native ones first, then those of Python.

    Parameters
    ----------
    natives : NativeCalls
        Called in one go, without the interpreter lock.
    handlers, seen, whole, failed, batch, routed, began_ns
        As in `cython_core.call_handlers`.

    Raises
    ------
    Exception
        As `cython_core.call_handlers`.
    """
    cdef int64_t before_ns = natives.run(seen, failed, batch, routed)
    Calls(handlers, routed.topics).call(seen, whole, failed, batch, routed, began_ns, before_ns)
