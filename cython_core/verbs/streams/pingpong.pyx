"""Ping-pong of single messages in native code, for latency figures."""

cimport numpy as cnp
from cython_core.clock cimport monotonic_seconds
from cython_core.verbs.streams.receive cimport ReceiveStream
from cython_core.verbs.streams.send cimport SendStream
from cython_core.verbs.waiting cimport pause
from libc.stdint cimport uint64_t

import numpy as np

cnp.import_array()


def pingpong(
    SendStream sender not None, ReceiveStream receiver not None, int rounds, *, bint first,
    double timeout=60.0,
):
    """Exchange one message at a time with a peer that does the same.

    Parameters
    ----------
    sender : SendStream
        Of kind ``"send"`` or ``"write-immediate"``, with lists of one.
    receiver : ReceiveStream
        Of the same queue pair.
    rounds : int
        At least 1.
    first : bool
        Whether this side opens each round.
    timeout : float
        Seconds that the whole may take.

    Returns
    -------
    numpy.ndarray of float64, shape (rounds,)
        Seconds of each round, there and back, where `first`; else zeros.

    Raises
    ------
    ValueError
        If the streams do not belong together, or `rounds` is below 1.
    CompletionError
        Of the subclass that names the fault.
    TimeoutError
        If it takes longer than `timeout` seconds.
    """
    if sender.queue_pair is not receiver.queue_pair:
        raise ValueError("the streams are of different queue pairs")
    if receiver.closed:
        raise ValueError("the receiving stream is closed")
    if sender.list_length != 1:
        raise ValueError(f"a ping-pong posts lists of one, not of {sender.list_length}")
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds}")
    seconds = np.zeros(rounds)
    cdef double* each = <double*> cnp.PyArray_DATA(seconds)
    cdef double now, before, deadline
    cdef int i
    sender._ready()
    try:
        with nogil:
            before = monotonic_seconds()
            deadline = before + timeout
            for i in range(rounds):
                if first:
                    _give_one(sender, timeout)
                _take_one(receiver, deadline)
                if not first:
                    _give_one(sender, timeout)
                else:
                    now = monotonic_seconds()
                    each[i] = now - before
                    before = now
    finally:
        sender.queue_pair._leave()
    return seconds


cdef int _give_one(SendStream sender, double timeout) except -1 nogil:
    # A reading of the clock is worth avoiding where there is room at once.
    if sender._room(sender.queue_pair):
        return sender._post(sender.queue_pair, 1, False)
    return sender._send(sender.queue_pair, 1, False, timeout)


cdef int _take_one(ReceiveStream receiver, double deadline) except -1 nogil:
    cdef uint64_t idle = 0
    cdef int count
    while True:
        count = receiver._poll(receiver.queue_pair, 1)
        if count:
            return receiver._release(receiver.queue_pair, 1)
        if pause(&idle, deadline):
            with gil:
                raise TimeoutError("the peer does not answer")
