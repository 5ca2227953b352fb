"""Send-path benchmark, compared with perftest and pyverbs: interleaved, medians of ratios, JSON.

    python tools/guest/bench.py [--pairs N] [--peers perftest,pyverbs,ib_send_lat]

Runs where a device is; `make bench-rdma` runs it in the guest. The guest's processor is
emulated, so only the ratios mean anything, and they are labelled soft-roce.

A peer's run stands between two of ours, and is compared with their geometric mean: a host that
slows down or speeds up while a pair is measured then favours neither. Where our two runs differ
by more than a quarter the host changed in between, and the pair is measured again. By the
host's clock pairs still differ by a tenth and more; in a guest whose clock counts instructions
(tools/guest/run.py --count-instructions) they agree to a thousandth, but each instruction costs
the same there, and one core does all the work.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from aethermodel.order_statistics import median_interval
from cython_core.verbs import (
    Device,
    ProtectionDomain,
    QueuePair,
    RdmaBuffer,
    ReceiveStream,
    SendStream,
    pingpong,
)

DEPTH = 128
# Two runs of ours around one of a peer's that differ by more saw another host.
STEADY = 1.25
Measure = Callable[[], float]
BASELINE = Path(__file__).with_name("bench_pyverbs.py")


@dataclass(frozen=True)
class Setting:
    """One comparison: `size` bytes a WRITE, lists of `p` with one signal, `count` messages."""

    size: int
    p: int
    count: int
    peer: str
    goal: float
    pairs: int = 7

    def verdict(self, ratio: float, low: float, high: float) -> str:
        """Hold a median and its interval against the goal: latency at most, rates at least."""
        met = ratio <= self.goal if self.peer == "ib_send_lat" else ratio >= self.goal
        if met:
            return "reached"
        return "inconclusive" if low <= self.goal <= high else "not reached"


LATENCY = Setting(64, 1, 4000, "ib_send_lat", 1.05, pairs=61)
SETTINGS = (
    Setting(64, 1, 16_000, "perftest", 0.95),
    Setting(64, 16, 16_000, "perftest", 0.95),
    Setting(64, 64, 16_000, "perftest", 0.95),
    Setting(65_536, 1, 400, "perftest", 0.98),
    Setting(64, 16, 16_000, "pyverbs", 5.0),
    LATENCY,
)
PEERS = tuple(dict.fromkeys(setting.peer for setting in SETTINGS))


@contextlib.contextmanager
def stream(device: Device, size: int, p: int) -> Iterator[SendStream]:
    """Connect two queue pairs of this process and aim a stream of writes.

    All messages share one place, as perftest's do: the caches see the same.
    """
    with ProtectionDomain(device) as near_domain, ProtectionDomain(device) as far_domain:
        near_memory = RdmaBuffer(near_domain, np.zeros(size, np.uint8))
        far_memory = RdmaBuffer(far_domain, np.zeros(size, np.uint8), remote_write=True)
        near = QueuePair(near_domain, send_depth=DEPTH, receive_depth=1)
        far = QueuePair(far_domain, send_depth=1, receive_depth=1)
        made = SendStream(
            near, near_memory, kind="write", size=size, slots=DEPTH, stride=0, list_length=p,
            signal_every=p, window=DEPTH, inline=False,
        )  # fmt: skip
        remote = far.endpoint(far_memory)
        far.connect(near.endpoint())
        near.connect(remote)
        made.aim(remote)
        try:
            yield made
        finally:
            for closing in (near, far, made, near_memory, far_memory):
                closing.close()


def ours(made: SendStream, setting: Setting) -> float:
    """Return messages a second, first post to last completion."""
    start = time.perf_counter()
    made.send(setting.count, timeout=60)
    made.drain(timeout=60)
    return setting.count / (time.perf_counter() - start)


def perftest(device: Device, setting: Setting) -> float:
    """Return the messages a second that ib_write_bw averages."""
    lists = ["-l", str(setting.p), "-Q", str(setting.p), "-t", str(DEPTH)]
    return float(run_perftest(device, "ib_write_bw", setting, lists)[4]) * 1e6


def run_perftest(device: Device, program: str, setting: Setting, more: list[str]) -> list[str]:
    """Run server and client of one perftest program and return the client's row of figures."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    call = [
        program, "-d", device.name, "-x", str(device.gid_index), "-s", str(setting.size),
        "-n", str(setting.count), "-m", str(device.mtu), "-p", str(port), "-F", *more,
    ]  # fmt: skip
    with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 30
            while not listens(port):
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError(f"{program} does not listen")
                time.sleep(0.02)
            client = subprocess.run(
                [*call, "127.0.0.1"], capture_output=True, text=True, check=True, timeout=120
            )
            server.wait(30)
        finally:
            server.kill()
    lines = [line.split() for line in client.stdout.splitlines()]
    return next(words for words in lines if words and words[0] == str(setting.size))


def listens(port: int) -> bool:
    """Tell whether a socket listens, without connecting: perftest takes one connection only."""
    tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    wanted = f":{port:04X}"
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return any(row[1].endswith(wanted) and row[3] == "0A" for row in rows)


def pyverbs(device: Device, setting: Setting) -> float:
    """Return the messages a second of one work request at a time."""
    call = ["/usr/bin/python3", str(BASELINE), device.name]
    numbers = (device.gid_index, setting.size, DEPTH, setting.count, 1)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [*call, *map(str, numbers)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"pyverbs baseline: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout)


def connect(stack: contextlib.ExitStack, talk: Connection) -> tuple[SendStream, ReceiveStream]:
    """Make one end of a ping-pong and connect it to the one at the other end of `talk`."""
    size = LATENCY.size
    device = stack.enter_context(Device())
    domain = stack.enter_context(ProtectionDomain(device))
    memory = RdmaBuffer(domain, np.zeros(DEPTH * size, np.uint8), local_write=True)
    stack.callback(memory.close)
    pair = QueuePair(domain, send_depth=DEPTH, receive_depth=DEPTH)
    received = ReceiveStream(pair, memory=memory, size=size, slots=DEPTH)
    sent = SendStream(
        pair, memory, size=size, slots=DEPTH, list_length=1, signal_every=64,
        inline=False, credits=False,
    )  # fmt: skip
    for closing in (received, sent, pair):
        stack.callback(closing.close)
    # Nobody tells credits, as in perftest: one message is under way at a time.
    talk.send(replace(pair.endpoint(), credit_address=0))
    pair.connect(talk.recv())
    # Both are connected before either sends.
    talk.send(None)
    talk.recv()
    return sent, received


def answer(talk: Connection) -> None:
    """Be the far side, in a process of its own, until told to end."""
    with contextlib.ExitStack() as stack:
        sent, received = connect(stack, talk)
        while rounds := talk.recv():
            pingpong(sent, received, rounds, first=False)
            talk.send(rounds)


@contextlib.contextmanager
def table() -> Iterator[Callable[[int], float]]:
    """Start the far side and return the call that plays a ping-pong with it."""
    talk, theirs = multiprocessing.Pipe()
    far = multiprocessing.get_context("spawn").Process(target=answer, args=(theirs,), daemon=True)
    far.start()
    with contextlib.ExitStack() as stack:
        sent, received = connect(stack, talk)

        def play(rounds: int) -> float:
            talk.send(rounds)
            seconds = pingpong(sent, received, rounds, first=True)
            talk.recv()
            return float(np.median(seconds)) / 2

        yield play
        talk.send(0)
        far.join(30)


def compare_latency(device: Device, setting: Setting) -> dict[str, object]:
    """Typical SEND latency, half a round trip, beside ib_send_lat's; a ratio below 1 is ours."""
    with table() as play:
        own = partial(play, setting.count)
        own()  # warm
        pairs = in_pairs(
            setting, own, lambda: float(run_perftest(device, "ib_send_lat", setting, [])[4]) * 1e-6
        )
    return pairs | {"rounds": setting.count, "unit": "s"}


def compare(device: Device, setting: Setting) -> dict[str, object]:
    """Messages a second beside a peer's; a ratio above 1 is ours."""
    peer = perftest if setting.peer == "perftest" else pyverbs
    runs = 0

    def own() -> float:
        nonlocal runs
        runs += 1
        return ours(made, setting)

    with stream(device, setting.size, setting.p) as made:
        own()  # warm
        pairs = in_pairs(setting, own, lambda: peer(device, setting))
        counters = made.counters
    messages = setting.count * runs
    if counters["posts"] != messages // setting.p or counters["completions"] != counters["posts"]:
        raise RuntimeError(f"posts or completions are not those of the formula: {counters}")
    return pairs | {
        "signal_every": setting.p,
        "depth": DEPTH,
        "messages": setting.count,
        "unit": "1/s",
    }


def in_pairs(setting: Setting, own: Measure, peer: Measure) -> dict[str, Any]:
    """Measure peer's between two of ours until enough pairs are steady, or half as many more."""
    rows: list[dict[str, Any]] = []
    name = f"{setting.peer}, {setting.size} B, p = k = {setting.p}"
    start = time.monotonic()
    while (done := sum(row["steady"] for row in rows)) < setting.pairs:
        if len(rows) >= 1.5 * setting.pairs:
            break
        before, other, after = own(), peer(), own()
        steady = max(before, after) <= STEADY * min(before, after)
        rows.append({"ours": [before, after], "peer": other, "steady": steady})
        left = (time.monotonic() - start) / len(rows) * (setting.pairs - done - steady)
        sys.stderr.write(f"{name}: {done + steady}/{setting.pairs}, about {left:.0f} s left\n")
    kept = [row for row in rows if row["steady"]] if done else rows
    ratios = [math.sqrt(math.prod(row["ours"])) / row["peer"] for row in kept]
    ratio, interval = statistics.median(ratios), median_interval(ratios)
    return {
        "peer": setting.peer,
        "bytes": setting.size,
        "list_length": setting.p,
        "pairs": rows,
        "steady": done,
        "ratio_median": ratio,
        "ratio_low": interval.low,
        "ratio_high": interval.high,
        "goal": setting.goal,
        "verdict": setting.verdict(ratio, *interval.ends),
    }


def show(row: dict[str, Any], label: str) -> None:
    """Say how a comparison went."""
    sys.stdout.write(
        f"{row['bytes']:>6} B  p = k = {row['list_length']:<3} {label} / {row['peer']}: "
        f"{row['ratio_median']:.3f} ({row['ratio_low']:.3f} to {row['ratio_high']:.3f}), "
        f"goal {row['goal']}: {row['verdict']}, "
        f"{row['steady']} of {len(row['pairs'])} pairs steady\n"
    )
    sys.stdout.flush()


def main() -> int:
    """Measure beside the peers asked for; exit 1 if a goal is surely missed."""
    parser = argparse.ArgumentParser(description="send paths beside perftest and pyverbs")
    parser.add_argument("--pairs", type=int, help="of each comparison (default: 7, ib_send_lat 61)")
    parser.add_argument("--peers", default=",".join(PEERS), help="default: all (%(default)s)")
    options = parser.parse_args()
    peers = options.peers.split(",")
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    settings = [setting for setting in SETTINGS if setting.peer in peers]
    clock = os.environ.get("AETHER_CLOCK", "host")
    if options.pairs is not None:
        if options.pairs < 1:
            parser.error("--pairs must be 1 or more")
        settings = [replace(setting, pairs=options.pairs) for setting in settings]
    with Device() as device:
        label = "soft-roce" if device.name.startswith("rxe") else "rdma-nic"
        figures = []
        for setting in settings:
            judge = compare_latency if setting.peer == "ib_send_lat" else compare
            figures.append(judge(device, setting))
            show(figures[-1], label)
        host = {"kernel": platform.release(), "device": device.name, "mtu": device.mtu}
    result = {
        "schema": "aethermodel-rdma-bench/2",
        "fabric": label,
        "clock": clock,
        "host": host,
        "figures": figures,
    }
    text = json.dumps(result, indent=1)
    name = "rdma_bench.json" if clock == "host" else f"rdma_bench_{clock}.json"
    Path(os.environ.get("AETHER_OUT", "."), name).write_text(text + "\n")
    return 1 if any(row["verdict"] == "not reached" for row in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
