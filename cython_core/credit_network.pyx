"""Credit network: batches through queues in the order of time, no more in flight than credits."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc
cimport cython

import numpy as np

# Of an event that is no arrival at a wire: a credit comes back.
cdef enum:
    CREDIT = -1

cdef struct Event:
    double time
    int64_t number    # of two at one time the earlier one made comes first
    double last       # when the batch's last packet left where it was
    double ready      # when it was committed
    int64_t wire
    int64_t producer
    int64_t consumer


# Stations come from the arrays that `__init__` checked, draws up to the lengths that `advance` did.
@cython.boundscheck(False)
@cython.initializedcheck(False)
@cython.nonecheck(False)
cdef class CreditNetwork:
    """Producers with credits, wires and consumers, each serving first come, first served.

    Parameters
    ----------
    credits : int
        Batches that a producer may have in flight.
    making : float
        Seconds to make a batch ready, times what is drawn.
    wires : sequence of (by_producer, station, seconds, in_order)
        In the order of the way: who decides the station (bool), station of each producer or
        consumer (int64), seconds of a batch by station, and whether all that reaches the wire comes
        from one wire before it, and so in order.
    handling : ndarray
        Seconds by consumer, times what is drawn.
    latency : float
        Seconds from a wire's end to a consumer, and of a credit on its way back.
    ready, sender : ndarray
        When batches are committed, ascending, and whose they are; None: each producer makes
        another one whenever it has a credit.
    turn : ndarray or None
        Consumer before each producer's first one, from which it goes on in turn; None: consumers
        are drawn.

    Raises
    ------
    ValueError
        If lengths do not agree, or a station does not exist.
    """

    cdef int64_t[::1] _credits, _turn, _following, _head, _tail, _station, _begin
    cdef const int64_t[::1] _sender
    cdef const double[::1] _ready, _handling
    cdef double[::1] _maker_free, _consumer_free, _wire_free, _seconds
    cdef int64_t[::1] _by_producer, _in_order
    cdef double _making, _latency
    cdef bint _greedy, _in_turn
    cdef Py_ssize_t _arrived, _wires
    cdef Event *_heap
    cdef Py_ssize_t _size, _room
    cdef int64_t _number

    def __cinit__(self):
        self._heap = NULL
        self._size = self._room = 0

    def __dealloc__(self):
        free(self._heap)

    def __init__(self, int64_t credits, Py_ssize_t producers, double making, wires, handling,
                 double latency, ready=None, sender=None, turn=None):
        consumers = len(handling)
        self._greedy, self._in_turn = ready is None, turn is not None
        self._ready = np.ascontiguousarray([] if self._greedy else ready, dtype=np.float64)
        self._sender = np.ascontiguousarray([] if self._greedy else sender, dtype=np.int64)
        self._turn = np.array(turn if self._in_turn else [], dtype=np.int64)
        self._handling = np.ascontiguousarray(handling, dtype=np.float64)
        self._making, self._latency = making, latency
        if (self._sender.shape[0] != self._ready.shape[0]
                or self._in_turn and self._turn.shape[0] != producers):
            raise ValueError("ready, sender and turn: lengths do not agree")
        for name, of, most in (("sender", self._sender, producers), ("turn", self._turn, consumers)):
            if len(of) and not 0 <= np.min(of) <= np.max(of) < most:
                raise ValueError(f"{name}: there are {most} of them")
        self._lay_wires(wires, producers, consumers)
        self._credits = np.full(producers, 0 if self._greedy else credits, dtype=np.int64)
        self._maker_free, self._consumer_free = np.zeros(producers), np.zeros(consumers)
        # Batches that wait for a credit: a list of arrivals for each producer.
        self._following = np.full(self._ready.shape[0], -1, dtype=np.int64)
        self._head = np.full(producers, -1, dtype=np.int64)
        self._tail = np.full(producers, -1, dtype=np.int64)
        self._arrived = self._number = 0
        cdef Py_ssize_t producer, credit
        if self._greedy:
            for producer in range(producers):
                for credit in range(credits):
                    self._push(0.0, CREDIT, producer, 0, 0.0, 0.0)

    def _lay_wires(self, wires, Py_ssize_t producers, Py_ssize_t consumers):
        """Number the stations of all wires one after the other."""
        stations, seconds, begin, ends, before = [], [], [], 0, 0
        for by_producer, station, each, _ in wires:
            station = np.asarray(station, dtype=np.int64)
            if station.size != (producers if by_producer else consumers):
                raise ValueError("a wire needs a station for each producer or consumer")
            if not 0 <= station.min() <= station.max() < len(each):
                raise ValueError(f"station: there are {len(each)} of them")
            begin.append(ends)
            ends += station.size
            stations.append(station + before)
            seconds.append(np.asarray(each, dtype=np.float64))
            before += len(each)
        self._wires = len(stations)
        self._station = np.concatenate(stations)
        self._seconds = np.concatenate(seconds)
        self._begin = np.array(begin, dtype=np.int64)
        self._wire_free = np.zeros(before)
        self._by_producer = np.array([bool(way) for way, _, _, _ in wires], dtype=np.int64)
        self._in_order = np.array([bool(kept) for _, _, _, kept in wires], dtype=np.int64)

    def advance(self, double until, const double[::1] making, const double[::1] handling,
                const int64_t[::1] consumer, double[::1] committed, double[::1] handled):
        """Go on until a time, or until draws or the room for what is handled end.

        Parameters
        ----------
        until : float
            Seconds.
        making, handling : ndarray
            Factors of the next batches made and handled.
        consumer : ndarray of int
            Of the next batches that are sent; empty where they go in turn.
        committed, handled : ndarray
            Filled with when batches were committed, and when their handling ended. All arrays have
            the same length.

        Returns
        -------
        count : int
            Batches handled.
        finished : bool
            Whether nothing is left before that time.
        now : float
            Seconds.
        """
        cdef Py_ssize_t room = making.shape[0], made = 0, done = 0
        cdef bint finished = False, arriving
        cdef Event event
        cdef double now = 0.0
        cdef int64_t at
        if not (room == handling.shape[0] == committed.shape[0] == handled.shape[0]
                and (self._in_turn or consumer.shape[0] == room)):
            raise ValueError("advance: all arrays have the same length")
        if not self._in_turn and room and not (
            0 <= np.min(consumer) <= np.max(consumer) < self._handling.shape[0]
        ):
            raise ValueError(f"consumer: there are {self._handling.shape[0]} of them")
        with nogil:
            while made < room and done < room:
                arriving = self._arrived < self._ready.shape[0] and (
                    not self._size or self._ready[self._arrived] <= self._heap[0].time
                )
                if not arriving and not self._size:
                    finished = True
                    break
                now = self._ready[self._arrived] if arriving else self._heap[0].time
                if now >= until:
                    finished = True
                    break
                if arriving:
                    at = self._sender[self._arrived]
                    self._wait(at)
                else:
                    event = self._pop()
                    if event.wire != CREDIT:
                        done += self._travel(&event, handling[done], &committed[done],
                                             &handled[done])
                        continue
                    at = event.producer
                    self._credits[at] += 1
                if self._credits[at] and (self._greedy or self._head[at] >= 0):
                    self._send(at, now, making[made], 0 if self._in_turn else consumer[made])
                    made += 1
        return done, finished, now

    cdef void _wait(self, int64_t producer) noexcept nogil:
        """Let the next arrival wait for a credit of its producer."""
        if self._head[producer] < 0:
            self._head[producer] = self._arrived
        else:
            self._following[self._tail[producer]] = self._arrived
        self._tail[producer] = self._arrived
        self._arrived += 1

    cdef int _send(self, int64_t producer, double now, double factor, int64_t consumer) except -1 nogil:
        """Spend a credit on the producer's next batch."""
        cdef double made = max(now, self._maker_free[producer]) + self._making * factor
        cdef double ready = made
        self._credits[producer] -= 1
        self._maker_free[producer] = made
        if not self._greedy:
            ready = self._ready[self._head[producer]]
            self._head[producer] = self._following[self._head[producer]]
        if self._in_turn:
            self._turn[producer] += 1
            if self._turn[producer] == self._handling.shape[0]:
                self._turn[producer] = 0
            consumer = self._turn[producer]
        return self._push(made, 0, producer, consumer, made, ready)

    cdef int _travel(self, Event *event, double factor, double *committed,
                     double *handled) except -1 nogil:
        """Take a batch on, up to where others may come in between; return whether it is handled."""
        cdef double now = event.time, last = event.last, begun, end
        cdef int64_t wire = event.wire, station
        while True:
            station = event.producer if self._by_producer[wire] else event.consumer
            station = self._station[self._begin[wire] + station]
            begun = max(now, self._wire_free[station])
            end = begun + self._seconds[station]
            self._wire_free[station] = end
            # The last packet leaves no earlier than it came.
            last = max(last, end)
            now = begun
            wire += 1
            if wire == self._wires:
                break
            if not self._in_order[wire]:
                self._push(now, wire, event.producer, event.consumer, last, event.ready)
                return 0
        begun = max(last + self._latency, self._consumer_free[event.consumer])
        end = begun + self._handling[event.consumer] * factor
        self._consumer_free[event.consumer] = end
        committed[0] = event.ready
        handled[0] = end
        self._push(end + self._latency, CREDIT, event.producer, 0, 0.0, 0.0)
        return 1

    cdef int _push(self, double time, int64_t wire, int64_t producer, int64_t consumer,
                   double last, double ready) except -1 nogil:
        cdef Event *larger
        cdef Event event
        cdef Py_ssize_t at = self._size, above, room
        if at == self._room:
            room = 2 * self._room + 64
            larger = <Event *>realloc(self._heap, room * sizeof(Event))
            if larger == NULL:
                with gil:
                    raise MemoryError
            self._heap, self._room = larger, room
        self._number += 1
        event.time, event.number, event.last, event.ready = time, self._number, last, ready
        event.wire, event.producer, event.consumer = wire, producer, consumer
        while at:
            above = (at - 1) // 2
            if _before(&self._heap[above], &event):
                break
            self._heap[at] = self._heap[above]
            at = above
        self._heap[at] = event
        self._size += 1
        return 0

    cdef Event _pop(self) noexcept nogil:
        """Take the earliest event; there is one."""
        cdef Event first = self._heap[0], event
        cdef Py_ssize_t at = 0, below
        self._size -= 1
        event = self._heap[self._size]
        while True:
            below = 2 * at + 1
            if below >= self._size:
                break
            if below + 1 < self._size and _before(&self._heap[below + 1], &self._heap[below]):
                below += 1
            if _before(&event, &self._heap[below]):
                break
            self._heap[at] = self._heap[below]
            at = below
        self._heap[at] = event
        return first


cdef bint _before(Event *one, Event *other) noexcept nogil:
    return one.time < other.time or one.time == other.time and one.number < other.number
