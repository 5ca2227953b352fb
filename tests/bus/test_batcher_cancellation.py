"""A batcher whose tasks are cancelled: its events go out once and in order all the same."""

import asyncio
import random

from bus_batches import batch_of

from aethermodel.bus import Batcher, FixedSize


def test_a_batchers_put_or_flush_that_is_cancelled_loses_and_doubles_nothing(run):
    """Whoever is cancelled, the events wait on, and `end` sends the rest once and in order."""
    draw = random.Random(5)

    async def main():
        before, sent = asyncio.all_tasks(), []

        async def send(batch):
            await asyncio.sleep(draw.random() / 500)
            sent.extend(batch["sequence"].tolist())

        batcher = Batcher(send, FixedSize(8, hold_seconds=0.001))
        for i in range(300):
            putting = asyncio.create_task(batcher.put(batch_of(3, 3 * i)))
            await asyncio.sleep(draw.random() / 1000)
            if draw.random() < 0.3 and batcher.waiting:  # it has taken the events
                putting.cancel()
            if draw.random() < 0.3:
                for flushing in asyncio.all_tasks() - before - {putting}:
                    flushing.cancel()
            await asyncio.wait({putting})
        ending = asyncio.create_task(batcher.end())
        await asyncio.sleep(0.001)
        ending.cancel()
        await asyncio.wait({ending})
        await batcher.end()
        return sent

    assert run(asyncio.wait_for(main(), 60)) == list(range(900))


def test_a_batchers_flush_that_is_cancelled_is_tried_again_without_another_put(run):
    async def main():
        before, sent, gate = asyncio.all_tasks(), [], asyncio.Event()

        async def send(batch):
            await gate.wait()
            sent.extend(batch["sequence"].tolist())

        batcher = Batcher(send, FixedSize(100, hold_seconds=0.01))
        await batcher.put(batch_of(5))
        while not (flushing := asyncio.all_tasks() - before):
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        flushing.pop().cancel()
        gate.set()
        while not sent:
            await asyncio.sleep(0.001)
        await batcher.end()
        return sent

    assert run(asyncio.wait_for(main(), 60)) == [0, 1, 2, 3, 4]
