"""Drained connection: the consumer takes what is sent, and sleeps only where nothing is ordered."""

import asyncio

import psutil
import pytest

from aethermodel.measure.harness.processes.consumer_process import Drained

N, TOPICS, BATCHES = 100, 4, 200


@pytest.mark.parametrize("event_loop", ["asyncio", "uvloop"])
def test_nobody_has_to_be_woken_by_what_is_sent(event_loop, new_children):
    async def main():
        drained = await Drained.open("tcp", N, TOPICS, event_loop)
        try:
            (child,) = new_children()
            consumer = psutil.Process(child.pid)
            drained.take(BATCHES + 1)
            await drained.send(1)
            before = consumer.num_ctx_switches().voluntary
            for _ in range(BATCHES):
                await drained.send(1)
                await asyncio.sleep(0.002)  # a sleeper would be asleep by now
            slept = consumer.num_ctx_switches().voluntary - before
            drained.wait()
            return slept
        finally:
            drained.close()

    # It may wait for the interpreter's lock now and then.
    assert asyncio.run(main()) < BATCHES / 2


def test_what_is_ordered_again_comes_in_sequence():
    async def main():
        drained = await Drained.open("tcp", N, TOPICS)
        try:
            for batches in (1, 3, 2):
                drained.take(batches)
                await drained.send(batches)
                drained.wait()  # ends with an error on an event that was not the next
        finally:
            drained.close()

    asyncio.run(main())
