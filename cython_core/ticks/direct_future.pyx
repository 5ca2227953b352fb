"""Future of one task, which goes on within the call that ends it.

The callbacks of `asyncio.Future` wait for the loop's next turn, before which asyncio's own loop asks
the kernel for news once more. What a loop itself calls, as where a descriptor is readable, may let
the task go on at once.
"""

from cpython.contextvars cimport PyContext_Enter, PyContext_Exit

from asyncio import CancelledError, InvalidStateError
from contextvars import copy_context

cdef enum:
    PENDING, FINISHED, CANCELLED


cdef class DirectFuture:
    """What a task of an event loop may await, as it does an `asyncio.Future`; without a result.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        asyncio's own or uvloop's.
    """

    def __init__(self, loop):
        self._loop = loop

    cdef int finish(self) except -1:
        if self._state != PENDING:
            return 0
        self._state = FINISHED
        callback, context = self._callback, self._context
        self._callback = self._context = None
        if callback is None:
            return 0
        PyContext_Enter(context)
        try:
            callback(self)
        finally:
            PyContext_Exit(context)
        return 0

    cdef int finish_later(self) except -1:
        if self._state == PENDING:
            self._state = FINISHED
            self._call_soon()
        return 0

    cdef int _call_soon(self) except -1:
        callback, context = self._callback, self._context
        self._callback = self._context = None
        if callback is not None:
            self._loop.call_soon(callback, self, context=context)
        return 0

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self._state == PENDING:
            self._asyncio_future_blocking = True
            return self
        self.result()
        raise StopIteration

    def get_loop(self):
        """Return the event loop."""
        return self._loop

    def done(self):
        """Return whether it has ended or was cancelled."""
        return self._state != PENDING

    def cancelled(self):
        """Return whether it was cancelled."""
        return self._state == CANCELLED

    def result(self):
        """Return None once it has ended.

        Raises
        ------
        asyncio.CancelledError
            If it was cancelled.
        asyncio.InvalidStateError
            If it has not ended.
        """
        if self._state == CANCELLED:
            raise CancelledError() if self._message is None else CancelledError(self._message)
        if self._state == PENDING:
            raise InvalidStateError("Result is not set.")

    def exception(self):
        """As `result`."""
        return self.result()

    def cancel(self, msg=None):
        """Cancel it, and return whether that was still to be done."""
        if self._state != PENDING:
            return False
        self._state, self._message = CANCELLED, msg
        self._call_soon()
        return True

    def add_done_callback(self, callback, *, context=None):
        """Have this called with the future once it has ended: of one task alone.

        Raises
        ------
        RuntimeError
            If another task awaits it.
        """
        if self._callback is not None:
            raise RuntimeError("another task awaits this future")
        self._callback = callback
        self._context = copy_context() if context is None else context
        if self._state != PENDING:
            self._call_soon()

    def remove_done_callback(self, callback):
        """Forget the callback if it is this one; return how many were forgotten."""
        if self._callback is None or self._callback != callback:
            return 0
        self._callback = self._context = None
        return 1
