"""Our send path beside perftest's and pyverbs': interleaved runs, medians of ratios, as JSON.

    python tools/guest/bench.py [--pairs N]

Runs where a device is; `make bench-rdma` runs it in the guest. The guest's processor is
emulated, so only the ratios mean anything, and they are labelled soft-roce.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

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
BASELINE = Path(__file__).with_name("bench_pyverbs.py")


@dataclass(frozen=True)
class Setting:
    """One comparison: `size` bytes a WRITE, lists of `p` with one signal, `count` messages."""

    size: int
    p: int
    count: int
    peer: str
    goal: float


SETTINGS = (
    Setting(64, 1, 16_000, "perftest", 0.95),
    Setting(64, 16, 16_000, "perftest", 0.95),
    Setting(64, 64, 16_000, "perftest", 0.95),
    Setting(65_536, 1, 800, "perftest", 0.98),
    Setting(64, 16, 16_000, "pyverbs", 5.0),
)
LATENCY = Setting(64, 1, 4000, "ib_send_lat", 1.05)


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


def compare_latency(
    device: Device, setting: Setting, pairs: int, order: random.Random
) -> dict[str, object]:
    """Typical SEND latency, half a round trip, beside ib_send_lat's; a ratio below 1 is ours."""
    rows: list[tuple[float, float]] = []

    def peer() -> float:
        return float(run_perftest(device, "ib_send_lat", setting, [])[4]) * 1e-6

    with table() as play:
        play(setting.count)  # warm
        for _ in range(pairs):
            if order.random() < 0.5:
                own, other = play(setting.count), peer()
            else:
                other, own = peer(), play(setting.count)
            rows.append((own, other))
    ratios = sorted(own / other for own, other in rows)
    return {
        "peer": setting.peer,
        "bytes": setting.size,
        "list_length": setting.p,
        "rounds": setting.count,
        "ours_seconds": [own for own, _ in rows],
        "peer_seconds": [other for _, other in rows],
        "ratio_median": statistics.median(ratios),
        "ratio_low": ratios[0],
        "ratio_high": ratios[-1],
        "goal": setting.goal,
        "reached": statistics.median(ratios) <= setting.goal,
    }


def compare(
    device: Device, setting: Setting, pairs: int, order: random.Random
) -> dict[str, object]:
    """Measure both in random order, `pairs` times, and return the ratios."""
    peer = perftest if setting.peer == "perftest" else pyverbs
    rows: list[tuple[float, float]] = []
    with stream(device, setting.size, setting.p) as made:
        ours(made, setting)  # warm
        for _ in range(pairs):
            if order.random() < 0.5:
                own, other = ours(made, setting), peer(device, setting)
            else:
                other, own = peer(device, setting), ours(made, setting)
            rows.append((own, other))
        counters = made.counters
    ratios = sorted(own / other for own, other in rows)
    messages = setting.count * (pairs + 1)
    if counters["posts"] != messages // setting.p or counters["completions"] != counters["posts"]:
        raise RuntimeError(f"posts or completions are not those of the formula: {counters}")
    return {
        "peer": setting.peer,
        "bytes": setting.size,
        "list_length": setting.p,
        "signal_every": setting.p,
        "depth": DEPTH,
        "messages": setting.count,
        "ours_per_second": [own for own, _ in rows],
        "peer_per_second": [other for _, other in rows],
        "ratio_median": statistics.median(ratios),
        "ratio_low": ratios[0],
        "ratio_high": ratios[-1],
        "goal": setting.goal,
        "reached": statistics.median(ratios) >= setting.goal,
    }


def main() -> int:
    """Measure all settings; exit 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description="send paths beside perftest and pyverbs")
    parser.add_argument("--pairs", type=int, default=7)
    options = parser.parse_args()
    order = random.Random(5)
    with Device() as device:
        label = "soft-roce" if device.name.startswith("rxe") else "rdma-nic"
        figures = [compare(device, setting, options.pairs, order) for setting in SETTINGS]
        figures.append(compare_latency(device, LATENCY, options.pairs, order))
        host = {"kernel": platform.release(), "device": device.name, "mtu": device.mtu}
    result = {
        "schema": "aethermodel-rdma-bench/1",
        "fabric": label,
        "host": host,
        "figures": figures,
    }
    text = json.dumps(result, indent=1)
    Path(os.environ.get("AETHER_OUT", "."), "rdma_bench.json").write_text(text + "\n")
    for row in figures:
        sys.stdout.write(
            f"{row['bytes']:>6} B  p = k = {row['list_length']:<3} {label} / {row['peer']}: "
            f"{row['ratio_median']:.3f} ({row['ratio_low']:.3f} to {row['ratio_high']:.3f}), "
            f"goal {row['goal']}\n"
        )
    return 0 if all(row["reached"] for row in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
