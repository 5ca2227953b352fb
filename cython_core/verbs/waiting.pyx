"""Wait of a thread while nothing completes."""

from cython_core.clock cimport monotonic_seconds

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


cdef int pause(uint64_t* idle, double deadline) except -1 nogil:
    """Count one empty poll; now and then yield, look at signals and at the clock.

    Returns
    -------
    int
        1 past the deadline, 0 before it, -1 if a signal handler raised.
    """
    idle[0] += 1
    if idle[0] % 1024:
        return 0
    # A software device may need the processor that this thread holds; some 50 us of
    # polling come first, so that no message is late for a system call.
    sched_yield()
    if idle[0] % 131072 == 0:
        with gil:
            PyErr_CheckSignals()
    return monotonic_seconds() > deadline
