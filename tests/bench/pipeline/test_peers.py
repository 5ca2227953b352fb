"""Peers of the pipeline benchmark: the same work as our rows, each by its own transport."""

import asyncio
import os
from typing import get_args

import pytest
from command_line import aether

from aethermodel.bench.pipeline.measurement import PipelineBench, targets
from aethermodel.bench.pipeline.prediction import term_plan
from aethermodel.bench.pipeline.rows import PEERS, PeerKind, Row, lacking_peers, opened

# Those that always can run, and Redis; the others need a process each as well.
TRIED = ("asyncio-queue", "shared-memory", "redis-streams")


@pytest.mark.bench
@pytest.mark.parametrize("kind", TRIED)
def test_a_peer_moves_every_message_checked(kind):
    if reason := lacking_peers().get(kind):
        pytest.skip(reason)

    async def main():
        async with opened(Row(kind=kind, event_loop="asyncio", batch_size=30, topics=4)) as row:
            return await row.move(20, 0), await row.move(7, 100_000)

    fast, steady = asyncio.run(main())
    assert (fast.messages, steady.messages) == (600, 210)
    assert (fast.latency_ns.count, steady.latency_ns.count) == (20, 7)


def test_peers_are_labelled_and_none_is_predicted():
    assert set(PEERS) == set(get_args(PeerKind))
    bench = PipelineBench(kinds=("loopback", "pyzmq"), event_loops=("asyncio",))
    assert [row.label for row in bench.rows()] == ["loopback", "unix-socket"]
    alone = PipelineBench(kinds=("loopback",), event_loops=("asyncio",))
    assert term_plan(bench).points == term_plan(alone).points


def test_a_table_with_peers_holds_only_our_rows_to_the_targets():
    bench = PipelineBench(
        batch_size=50,
        topics=2,
        kinds=("loopback", "asyncio-queue"),
        event_loops=("asyncio",),
        repeats=1,
        seconds=0.02,
        predict=False,
    )
    table = bench.run()
    assert list(table["kind"]) == ["loopback", "asyncio-queue"]
    both = targets(table)["slowest tick P99 at load"]["value"]
    assert both == table["tick_p99_seconds"][0]


def test_the_command_says_what_it_leaves_out():
    nothing = os.environ | {"PATH": ""}
    ended = aether("bench", "pipeline", "--peers", "--rows", "warp", env=nothing)
    assert ended.returncode == 2
    assert "left out: redis-streams: redis-server is not installed" in ended.stderr
    assert "kinds" in ended.stderr.splitlines()[-1]
