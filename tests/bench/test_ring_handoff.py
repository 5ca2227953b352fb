"""Handoff latency: every batch is timed, by every way of waiting."""

import pytest

from aethermodel.bench.ring_handoff import handoff


@pytest.mark.parametrize("waiting", ["spin", "wait", "asyncio", "uvloop", "kernel", "kernel epoll"])
def test_handoff_samples_every_batch(waiting):
    samples = handoff(20, n=3, waiting=waiting)
    assert samples.shape == (20,)
    assert samples.min() > 0
