"""Networks of queues with credits, against a plain loop over a heap."""

from collections import deque
from heapq import heappop, heappush

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core.credit_network import CreditNetwork


def plain(credits, making, wires, handling, latency, arrivals, turn, until, draws):
    """When batches are committed, and when handled, one after the other."""
    made, slow, drawn = (iter(column) for column in draws)
    left = [0 if arrivals is None else credits] * len(turn)
    waiting = [deque() for _ in left]
    turn, free, events, number = list(turn), {}, [], 0

    def push(time, wire, producer, consumer=0, last=0.0, ready=0.0):
        nonlocal number
        number += 1
        heappush(events, (time, number, wire, producer, consumer, last, ready))

    def served(place, now, seconds):
        begun = max(now, free.get(place, 0.0))
        free[place] = begun + seconds
        return begun, begun + seconds

    for ready, producer in arrivals or ():
        push(ready, -2, producer)
    for producer in range(len(left) if arrivals is None else 0):
        for _ in range(credits):
            push(0.0, -1, producer)
    found = []
    while events and events[0][0] < until:
        now, _, wire, producer, consumer, last, ready = heappop(events)
        if wire < 0:
            left[producer] += wire == -1
            if wire == -2:
                waiting[producer].append(now)
            if left[producer] and (arrivals is None or waiting[producer]):
                left[producer] -= 1
                _, end = served(("making", producer), now, making * next(made))
                turn[producer] = (turn[producer] + 1) % len(handling)
                consumer = next(drawn)
                if consumer < 0:
                    consumer = turn[producer]
                ready = end if arrivals is None else waiting[producer].popleft()
                push(end, 0, producer, consumer, end, ready)
            continue
        by_producer, station, seconds, _ = wires[wire]
        at = station[producer if by_producer else consumer]
        begun, end = served((wire, at), now, seconds[at])
        last = max(last, end)
        if wire + 1 < len(wires):
            push(begun, wire + 1, producer, consumer, last, ready)
            continue
        _, end = served(("handling", consumer), last + latency, handling[consumer] * next(slow))
        found.append((ready, end))
        push(end + latency, -1, producer)
    return found


# Odd times, so that no two events meet by chance.
times = st.integers(1, 40).map(lambda n: n * 0.0173)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_batches_go_as_in_a_plain_loop(data):
    producers, consumers = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    wires = []
    for by_producer, ends in ((True, producers), (False, consumers)):
        hosts = data.draw(st.integers(1, ends))
        seconds = rng.random(hosts) / 10
        wires.append((by_producer, np.arange(ends) % hosts, seconds, False))
    credits, in_turn = data.draw(st.integers(1, 4)), data.draw(st.booleans())
    handling, latency, making = rng.random(consumers), data.draw(times), data.draw(times)
    turn = rng.integers(0, consumers, producers)
    arrivals = None
    if data.draw(st.booleans()):
        ready = np.sort(rng.random(12))
        arrivals = list(zip(ready.tolist(), rng.integers(0, producers, 12).tolist(), strict=True))
    made, slow = rng.random(1000), rng.random(1000)
    drawn = np.full(1000, -1) if in_turn else rng.integers(0, consumers, 1000)
    until = 5.0
    common = (credits, making, wires, handling, latency)
    expected = plain(*common, arrivals, turn, until, (made, slow, drawn))
    ready, sender = (None, None) if arrivals is None else zip(*arrivals, strict=True)
    network = CreditNetwork(
        credits, producers, making, wires, handling, latency, ready, sender,
        turn if in_turn else None,
    )  # fmt: skip
    committed, handled = np.empty(1000), np.empty(1000)
    count, finished, _ = network.advance(until, made, slow, drawn, committed, handled)
    assert finished and count == len(expected) < 1000
    found = np.stack([committed[:count], handled[:count]], axis=1)
    assert found == pytest.approx(np.array(expected).reshape(-1, 2), abs=1e-9)


def test_it_goes_on_where_the_last_draws_ended():
    def network():
        wire = (True, np.zeros(2, dtype=np.int64), np.array([0.01]), False)
        return CreditNetwork(2, 2, 0.1, [wire], np.array([0.3, 0.4]), 0.05, turn=[0, 1])

    ones, nobody = np.ones(1000), np.zeros(1000, dtype=np.int64)
    committed, handled = np.empty(1000), np.empty(1000)
    count, finished, _ = network().advance(20.0, ones, ones, nobody, committed, handled)
    assert finished
    parts, again, finished = [], network(), False
    while not finished:
        short = np.empty(7), np.empty(7)
        some, finished, now = again.advance(20.0, ones[:7], ones[:7], nobody[:7], *short)
        parts.extend(short[1][:some].tolist())
        assert now <= 21.0
    assert parts == pytest.approx(handled[:count])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"turn": [2]}, "turn: there are 2"),
        ({"turn": [0, 1]}, "lengths do not agree"),
        ({"ready": [0.1], "sender": [1]}, "sender: there are 1"),
        ({"wires": [(True, [0, 0], [1.0], False)]}, "station for each producer"),
        ({"wires": [(True, [1], [1.0], False)]}, "station: there are 1"),
    ],
)
def test_stations_that_do_not_exist_are_refused(change, words):
    given_ = {
        "credits": 1, "producers": 1, "making": 0.1, "latency": 0.0,
        "wires": [(True, [0], [1.0], False)], "handling": [1.0, 1.0],
    }  # fmt: skip
    with pytest.raises(ValueError, match=words):
        CreditNetwork(**given_ | change)


def test_draws_that_do_not_fit_are_refused():
    network = CreditNetwork(1, 1, 0.1, [(True, [0], [1.0], False)], [1.0], 0.0)
    room, drawn = np.empty(3), np.zeros(3, dtype=np.int64)
    with pytest.raises(ValueError, match="the same length"):
        network.advance(1.0, np.ones(3), np.ones(2), drawn, room, room)
    with pytest.raises(ValueError, match="consumer: there are 1"):
        network.advance(1.0, np.ones(3), np.ones(3), drawn + 1, room, room)
