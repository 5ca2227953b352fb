"""Queue of batches beside a plain deque: what waits, is dropped, refused and woken."""

import asyncio
import gc
import threading
import weakref
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import allocate
from cython_core.ticks.queue import BatchQueue, publishing


class EndError(Exception):
    pass


class FullError(Exception):
    pass


POLICIES = ("block", "drop-oldest", "fail")
steps = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 3)),
    st.tuples(st.just("send"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["receive", "ready"]), st.none()),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
)
last_steps = st.sampled_from(["refuse", "close"])


async def turns(count=6):
    for _ in range(count):
        await asyncio.sleep(0)


class Oracle:
    """The queue as a deque, with whoever waits for it in order; results by number of the call."""

    def __init__(self, depth, policy):
        self.depth, self.policy = depth, policy
        self.batches, self.senders, self.receivers = deque(), deque(), deque()
        self.dropped, self.ended, self.results = 0, False, {}

    def send(self, call, batch):
        if self.ended:
            self.results[call] = ValueError
        elif len(self.batches) < self.depth:
            self.batches.append(batch)
            self.results[call] = None
        elif self.policy == "fail":
            self.results[call] = FullError
        elif self.policy == "drop-oldest":
            self.dropped += len(self.batches.popleft())
            self.send(call, batch)
        else:
            self.senders.append((call, batch))
        self.settle()

    def receive(self, call, _):
        self.receivers.append((call, None))
        self.settle()

    def ready(self):
        batch = self.batches.popleft() if self.batches else None
        self.settle()
        return batch

    def cancel(self, call):
        for waiting in (self.senders, self.receivers):
            for one in list(waiting):
                if one[0] == call:
                    waiting.remove(one)
                    self.results[call] = asyncio.CancelledError

    def refuse(self):
        self.ended = True
        self.results |= dict.fromkeys((call for call, _ in self.senders), ValueError)
        self.senders.clear()
        self.settle()

    def close(self):
        self.refuse()
        self.batches.clear()

    def settle(self):
        while self.receivers and (self.batches or self.ended):
            call, _ = self.receivers.popleft()
            self.results[call] = self.batches.popleft() if self.batches else EndError
        while self.senders and len(self.batches) < self.depth:
            call, batch = self.senders.popleft()
            self.batches.append(batch)
            self.results[call] = None
            self.settle()


def result_of(task):
    if task.cancelled():
        return asyncio.CancelledError
    return type(error) if (error := task.exception()) else task.result()


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 12),
    st.sampled_from(POLICIES),
    st.lists(steps, max_size=40),
    last_steps,
    st.lists(steps, max_size=4),
)
def test_it_does_what_a_deque_does(depth, policy, before, end, after):
    async def main():
        queue, oracle, tasks = (
            BatchQueue(depth, policy, EndError, FullError),
            Oracle(depth, policy),
            {},
        )
        # Filled first: most of what can go wrong does so where it is full.
        filling = [("send", n % 3) for n in range(depth)]
        for call, (step, number) in enumerate([*filling, *before, (end, None), *after]):
            if step in ("send", "receive"):
                batch = np.zeros(number or 0)
                arguments = (batch,) if step == "send" else ()
                tasks[call] = asyncio.create_task(getattr(queue, step)(*arguments))
                getattr(oracle, step)(call, batch)
            elif step == "cancel":
                waiting = [key for key, task in tasks.items() if not task.done()]
                if waiting:
                    chosen = waiting[number % len(waiting)]
                    tasks[chosen].cancel()
                    oracle.cancel(chosen)
            else:
                assert getattr(queue, step)() is getattr(oracle, step)()
            await turns()
            done = {call: result_of(task) for call, task in tasks.items() if task.done()}
            assert done.keys() == oracle.results.keys()
            assert all(done[call] is oracle.results[call] for call in done)
            assert len(queue) == len(oracle.batches)
            assert queue.waiting == sum(map(len, oracle.batches))
            assert (queue.dropped, queue.ended) == (oracle.dropped, oracle.ended)
            assert queue.full is (len(oracle.batches) >= depth)
        assert all(task.done() for task in tasks.values())

    asyncio.run(asyncio.wait_for(main(), 120))


@pytest.mark.parametrize("taken", [0, 1, 5, 8])
def test_it_grows_from_wherever_its_circle_begins(taken):
    async def main():
        queue, plain = BatchQueue(100, "block", EndError, FullError), deque()
        for n in range(60):
            plain.append(np.zeros(n))
            await queue.send(plain[-1])
            if n < taken:
                assert await queue.receive() is plain.popleft()
        while plain:
            assert queue.waiting == sum(map(len, plain))
            assert queue.ready() is plain.popleft()
        assert queue.ready() is None

    asyncio.run(main())


def test_producers_and_consumers_that_are_cancelled_lose_and_double_nothing():
    async def main():
        queue, sent, received = BatchQueue(3, "block", EndError, FullError), [], []
        chance = np.random.default_rng(17)

        async def produce(number):
            for n in range(30):
                batch = np.full(1, 100 * number + n)
                await queue.send(batch)
                sent.append(int(batch[0]))

        async def consume():
            while True:
                received.append(int((await queue.receive())[0]))

        producers = [asyncio.create_task(produce(number)) for number in range(6)]
        consumers = [asyncio.create_task(consume()) for _ in range(3)]
        while not all(task.done() for task in producers):
            await asyncio.sleep(0)
            if chance.random() < 0.2:
                place = int(chance.integers(3))
                consumers[place].cancel()
                consumers[place] = asyncio.create_task(consume())
            if chance.random() < 0.02:
                producers[int(chance.integers(6))].cancel()
        queue.refuse()
        ends = await asyncio.gather(*consumers, return_exceptions=True)
        assert {type(end) for end in ends} == {EndError}
        assert sorted(received) == sorted(sent) and len(set(sent)) == len(sent)

    asyncio.run(asyncio.wait_for(main(), 120))


def test_it_keeps_no_batch_that_was_taken_or_dropped():
    async def main():
        queue = BatchQueue(2, "drop-oldest", EndError, FullError)
        batches = [allocate(1) for _ in range(4)]
        gone = [weakref.ref(batch) for batch in batches]
        while batches:
            await queue.send(batches.pop(0))
        queue.ready()
        gc.collect()
        assert [ref() is None for ref in gone] == [True, True, True, False]
        queue.close()
        gc.collect()
        assert gone[3]() is None

    asyncio.run(main())


def test_a_depth_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        BatchQueue(0, "block", EndError, FullError)


@pytest.mark.parametrize(
    "odd",
    ["no batch", np.zeros(3), allocate(9), allocate(0), allocate(4)[::2]],
    ids=["text", "numbers", "too many", "empty", "strided"],
)
def test_what_is_no_batch_goes_the_long_way(odd):
    async def main():
        queue, elsewhere = BatchQueue(2, "block", EndError, FullError), []

        async def otherwise(batch):
            elsewhere.append(batch)

        home = SimpleNamespace(loop=asyncio.get_running_loop())
        await publishing(queue, odd, 8, home, otherwise)
        assert len(elsewhere) == 1 and elsewhere[0] is odd
        assert len(queue) == 0
        await publishing(queue, allocate(8), 8, home, otherwise)
        assert len(queue) == 1 and queue.waiting == 8

    asyncio.run(main())


def test_threads_that_publish_go_the_long_way():
    async def main():
        loop = asyncio.get_running_loop()
        queue, home = BatchQueue(3, "block", EndError, FullError), SimpleNamespace(loop=loop)
        threads_seen, sums = set(), []

        async def otherwise(batch):
            threads_seen.add(threading.get_ident())
            there = asyncio.run_coroutine_threadsafe(queue.send(batch), loop)
            await asyncio.wrap_future(there)

        async def publish(number):
            for n in range(20):
                batch = allocate(1)
                batch["sequence"] = 100 * number + n
                await publishing(queue, batch, 8, home, otherwise)

        def elsewhere(number):
            asyncio.run(publish(number))

        calls = [asyncio.to_thread(elsewhere, number) for number in range(2)]
        publishers = asyncio.gather(*calls)
        while len(sums) < 40:
            sums.append(int((await queue.receive())["sequence"][0]))
        await publishers
        assert sorted(sums) == [100 * number + n for number in range(2) for n in range(20)]
        assert threads_seen and threading.get_ident() not in threads_seen

    asyncio.run(asyncio.wait_for(main(), 120))
