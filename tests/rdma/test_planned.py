"""Posting plan of a queue pair, against the counters of posts and completions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aethermodel.model.verbs.verbs_cost import VerbsCosts

# UCX's constants for the processor, Soft-RoCE's kind of doorbell: a system call.
SOFT = VerbsCosts(
    o_w=20e-9, c_i=0.1e-9, o_db=5e-6, o_cqe=1e-6, g=5e-6, d_wqe=0, d_pay=0, q=1,
    G=1e-9, L=20e-6, rtt=50e-6, mtu=1024, inline_limit=512,
)  # fmt: skip
CHEAP = replace(SOFT, o_db=0.0, o_cqe=0.0, d_pay=1e-5, rtt=0.0)
CASES = [(1, 64, SOFT), (100, 64, SOFT), (257, 64, CHEAP), (300, 200, SOFT)]


@pytest.mark.parametrize(("batch", "size", "costs"), CASES)
def test_the_counters_are_those_of_the_plan(
    pair: Any, batch: int, size: int, costs: VerbsCosts
) -> None:
    pair.make("write", size=size, slots=512, near={"send_depth": 128})
    queue_pair = pair.near.queue_pair
    plan = queue_pair.plan(batch, size, costs)
    assert plan.window == queue_pair.send_depth >= 128
    assert plan.posts == -(-batch // plan.list_length)
    assert plan.completions == -(-batch // plan.signal_every)
    assert not plan.inline or size <= queue_pair.max_inline
    pair.sender.close()
    pair.sender = type(pair.sender)(
        queue_pair,
        pair.near.memory,
        kind="write",
        size=size,
        slots=512,
        list_length=plan.list_length,
        signal_every=plan.signal_every,
        window=plan.window,
        inline=plan.inline,
    )
    pair.sender.aim(pair.endpoints()[1])
    pair.number(0, batch)
    pair.sender.send(batch)
    pair.sender.drain()
    counters = pair.sender.counters
    assert counters["posts"] == plan.posts
    assert counters["signalled"] == counters["completions"] == plan.completions


def test_inline_is_bounded_by_the_queue_pair(pair: Any) -> None:
    pair.make("write", size=256, slots=64)
    queue_pair = pair.near.queue_pair
    assert queue_pair.plan(1000, queue_pair.max_inline, CHEAP).inline
    assert not queue_pair.plan(1000, queue_pair.max_inline + 1, CHEAP).inline
