"""The pipeline over verbs, from another process: every event once and in order, honestly named."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aethermodel.bench.pipeline.rows import Row, available_kinds, opened
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.host.rdma_devices import label_of
from aethermodel.measure.sampling.sampler import Plan, Point, take_samples

ROW = Row(kind="verbs", event_loop="asyncio", batch_size=100, topics=4)


def test_the_row_moves_what_it_is_asked_to(device: Any) -> None:
    async def main() -> list[Any]:
        async with opened(ROW) as row:
            # The ring has room for ten of these batches: the second run goes round it.
            return [await row.move(5, 0), await row.move(40, 100_000)]

    fast, steady = asyncio.run(main())
    # Each batch's numbers were checked one by one, and the handlers' events counted.
    assert (fast.messages, steady.messages) == (500, 4000)
    assert (fast.latency_ns.count, steady.latency_ns.count) == (5, 40)
    assert fast.producer_seconds > 0
    assert "verbs" in available_kinds()
    assert ROW.label == label_of(device.name)


@pytest.mark.parametrize("size", [64, 8, 256])
def test_each_event_comes_once_and_in_order(device: Any, size: int) -> None:
    async def main() -> tuple[list[int], int, str]:
        crossing = await Crossing.open("verbs", 64, 4, record_bytes=size)
        seen: list[int] = []
        try:
            for batches in (1, 30):
                crossing.order(batches, 64)
                for _ in range(batches):
                    batch = await crossing.receiver.receive()
                    seen += batch["sequence"].tolist()
                    del batch
                    crossing.receiver.release()
                crossing.spent()
            return seen, crossing.receiver.copies, crossing.receiver.label
        finally:
            crossing.close()

    seen, copies, label = asyncio.run(main())
    assert seen == list(range(31 * 64))
    assert (copies, label) == (0, label_of(device.name))


def test_its_terms_are_probed_in_a_process_that_ends_well(device: Any) -> None:
    """What predicts the row: the consumer's side and the producer's, ends held until exit."""
    settings = {"fabric": "verbs", "batch_size": 50, "topics": 4, "record_bytes": 256}
    points = tuple(Point(probe=probe, settings=settings) for probe in ("fabric", "send"))
    samples = take_samples(Plan(points=points, processes=1, repeats=2, sample_seconds=0.001))
    assert samples["final"].sum() == 4
    assert (samples["seconds"] > 0).all()
