"""Operation to await that mostly need not wait, and a turn of the event loop.

A coroutine of Python costs its frame, its object and its look-ups at every call; most sends and
receives of a bus find room or a batch at once. So these are objects from a free list whose one step
is native. Where they must wait, they wait for a future as a coroutine does.
"""

cimport cython
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* Types of Cython have every slot of an awaitable but `am_send`, which spares a StopIteration
     * at each await. What it calls returns 1 with what is to be yielded, 0 with the result, or -1. */
    typedef int (*aether_step)(PyObject *self, PyObject *value, PyObject **result);
    static aether_step aether_operation_step, aether_turn_step;

    static PySendResult aether_answer(int news) {
        return news < 0 ? PYGEN_ERROR : news ? PYGEN_NEXT : PYGEN_RETURN;
    }
    static PySendResult aether_send_operation(PyObject *self, PyObject *value, PyObject **result) {
        return aether_answer(aether_operation_step(self, value, result));
    }
    static PySendResult aether_send_turn(PyObject *self, PyObject *value, PyObject **result) {
        return aether_answer(aether_turn_step(self, value, result));
    }
    static void aether_sends(PyObject *operation, void *operation_step, PyObject *turn,
                             void *turn_step) {
        aether_operation_step = (aether_step)operation_step;
        aether_turn_step = (aether_step)turn_step;
        ((PyTypeObject *)operation)->tp_as_async->am_send = aether_send_operation;
        ((PyTypeObject *)turn)->tp_as_async->am_send = aether_send_turn;
    }
    /* As the interpreter does for a coroutine; what is under way stays. */
    static void aether_never_awaited(const char *name) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "'%s' was never awaited", name) < 0)
            PyErr_WriteUnraisable(NULL);
        PyErr_Restore(type, value, traceback);
    }
    """
    void aether_sends(object operation, void* operation_step, object turn, void* turn_step)
    void aether_never_awaited(const char* name)
    ctypedef enum PySendResult:
        PYGEN_RETURN, PYGEN_ERROR, PYGEN_NEXT
    PySendResult PyIter_Send(object it, PyObject* value, PyObject** result) except PYGEN_ERROR
    void give_away "Py_INCREF"(object)
    void let_go "Py_DECREF"(PyObject*)
    PyObject* none "Py_None"
    const char* name_of "_PyType_Name"(object)

cdef enum:
    NEW, BEGUN, ENDED


cdef class Operation:
    """One call of an async method, begun when it is awaited: a coroutine in all but its type.

    A subclass has `attempt`, which does the work and returns the result; or what `wait_for` returns
    given what must come first, and is asked again afterwards.
    """

    cdef object attempt(self):
        raise NotImplementedError

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        """Go on; StopIteration with the result at the end."""
        cdef PyObject* yielded = NULL
        cdef int news = _step(self, value, &yielded)
        result = <object> yielded
        let_go(yielded)
        if news:
            return result
        raise StopIteration(result)

    def throw(self, kind, value=None, traceback=None):
        """Raise in what is waited for, as the generator protocol has it."""
        inner, self._inner = self._inner, None
        begun, self._state = self._state == BEGUN, ENDED
        throw = getattr(inner, "throw", None) if begun else None
        if throw is not None:
            yielded = throw(kind, value, traceback) if value is not None else throw(kind)
            self._inner, self._state = inner, BEGUN
            return yielded
        error = kind if value is None else value
        if isinstance(error, type):
            error = error()
        if traceback is not None:
            error = error.with_traceback(traceback)
        raise error

    def close(self):
        """Give up; idempotent."""
        inner, self._inner = self._inner, None
        self._state = ENDED
        close = getattr(inner, "close", None)
        if close is not None:
            close()

    def __dealloc__(self):
        if self._state == NEW:
            aether_never_awaited(type(self).__name__.encode())


cdef object _WAITS = object()


cdef object wait_for(Operation operation, object awaitable):
    """Let an operation wait for this; its `attempt` returns what this returns."""
    operation._inner = awaitable.__await__()
    return _WAITS


cdef int _step(Operation self, object value, PyObject** result) except -1:
    cdef PyObject* passed = <PyObject*> value
    if self._state == ENDED:
        raise RuntimeError("cannot reuse already awaited coroutine")
    self._state = ENDED  # unless something is yielded
    while True:
        if self._inner is None:
            got = self.attempt()
            if got is not _WAITS:
                give_away(got)
                result[0] = <PyObject*> got
                return 0
            passed = none
        if PyIter_Send(self._inner, passed, result) == PYGEN_NEXT:
            self._state = BEGUN
            return 1
        let_go(result[0])
        result[0] = NULL
        self._inner = None


@cython.final
@cython.freelist(8)
cdef class Turn:
    """A turn for the event loop's other tasks; see `turn`."""

    cdef bint _taken

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self._taken:
            raise StopIteration
        self._taken = True


cdef int _turn_step(Turn self, object value, PyObject** result) except -1:
    cdef bint yields = not self._taken
    self._taken = True
    give_away(None)
    result[0] = none
    return yields


def turn():
    """Return what to await for a turn of the loop's other tasks: ``asyncio.sleep(0)`` for less."""
    return Turn.__new__(Turn)


aether_sends(Operation, <void*> _step, Turn, <void*> _turn_step)
