"""Cluster of hosts under kills: a sweep on Dask whose workers, and scheduler, are killed by chance.

    python -m tools.dask_kills [--hosts 4] [--points 1000] [--kills 20] [--namespaces] [--json FILE]

Each host is a worker process that counts as a host of its own (AETHER_HOST), and is started again
when it ends, as a service manager does it. With --namespaces (as root) it is alone in a network
namespace, and reaches the scheduler by a wire of its own. What is counted: points that are lost,
points that were stored twice, points of one host whose times overlap, and how long a host takes a
point, which is all overhead: the points do next to nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from aethermodel.console import progress
from aethermodel.sweep.dask_cluster import DaskBackend
from aethermodel.sweep.run import run
from aethermodel.sweep.store import Record, Store
from tools.costs.sweep_cost import smallest_sweep
from tools.network_namespaces import Namespaces

# Of one kill to the next: some points in between.
_ENDED_SECONDS = 0.2


class CountingStore(Store):
    """A store that notes how often each point was put."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.puts: Counter[str] = Counter()

    def put(self, record: Record) -> None:
        """Keep a finished point, and count it."""
        self.puts[f"{record.conditions.host} {record.order}"] += 1
        super().put(record)


class Cluster:
    """A scheduler and its hosts, each started again when it ends.

    Parameters
    ----------
    hosts : int
    folder : Path
        For what Dask writes.
    preload : dict of int to str
        Modules that the worker of a host loads first.
    namespaces : bool
        Whether each host has a network namespace of its own; else all are on loopback.

    Attributes
    ----------
    address : str
        Of the scheduler.
    """

    def __init__(
        self,
        hosts: int,
        folder: Path,
        preload: dict[int, str] | None = None,
        *,
        namespaces: bool = False,
    ) -> None:
        self._spaces = Namespaces(hosts) if namespaces else None
        hub = self._spaces.hub if self._spaces else "127.0.0.1"
        self.address = f"tcp://{hub}:{_free_port(hub)}"
        self._folder, self._preload = folder, preload or {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._names = ["scheduler", *(f"host{n}" for n in range(hosts))]
        self._lock, self._ended = threading.Lock(), threading.Event()
        for name in self._names:
            self._start(name)
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def kill(self, name: str) -> None:
        """End a process by signal 9; it is started again after a moment."""
        with self._lock:
            self._running[name].send_signal(signal.SIGKILL)

    @property
    def hosts(self) -> list[str]:
        """Names of the hosts."""
        return self._names[1:]

    def close(self) -> None:
        """End everything."""
        self._ended.set()
        self._keeper.join()
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
        if self._spaces:
            self._spaces.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self) -> None:
        while not self._ended.wait(_ENDED_SECONDS):
            for name in self._names:
                if self._running[name].poll() is not None:
                    self._start(name)

    def _start(self, name: str) -> None:
        here, port = self.address.removeprefix("tcp://").rsplit(":", 1)
        enter: list[str] = []
        if name == "scheduler":
            words = ["dask_scheduler", "--host", here, "--port", port, "--no-dashboard"]
        else:
            host = int(name.removeprefix("host"))
            if self._spaces:
                here, enter = self._spaces.address(host), self._spaces.enter(host)
            words = ["dask_worker", self.address, "--host", here, "--no-nanny"]
            words += ["--nthreads", "1", "--no-dashboard", "--resources", "aether_host=1"]
            words += ["--local-directory", str(self._folder / name), "--death-timeout", "60"]
            if preload := self._preload.get(host):
                words += ["--preload", preload]
        module = f"distributed.cli.{words[0]}"
        environment = os.environ | {"AETHER_HOST": name}
        with self._lock:
            self._running[name] = subprocess.Popen(
                [*enter, sys.executable, "-m", module, *words[1:]],
                env=environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )


def _free_port(address: str) -> int:
    """Return a port that nobody has, and that the kernel hands to nobody: it is used again."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server((address, port)):
            return port


@contextlib.contextmanager
def cluster(
    hosts: int, folder: Path, preload: dict[int, str] | None = None, *, namespaces: bool = False
) -> Iterator[Cluster]:
    """Start a cluster, and wait until every host is there."""
    from distributed import Client

    with Cluster(hosts, folder, preload, namespaces=namespaces) as made:
        deadline = time.monotonic() + 300
        while True:
            try:
                with Client(made.address, timeout=5, set_as_default=False) as client:
                    client.wait_for_workers(hosts, timeout=240)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
        yield made


def killed_sweep(
    made: Cluster,
    store: CountingStore,
    points: int,
    kills: int,
    *,
    schedulers: int = 0,
    seed: int = 0,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Run a sweep of empty points while processes are killed; return what was counted.

    Parameters
    ----------
    made : Cluster
    store : CountingStore
    points, kills : int
        Spread evenly over the points.
    schedulers : int
        Of the kills, how many are the scheduler's.
    seed : int
        Of whom.
    advance : callable
        Told how many points are done.
    """
    chance = random.Random(seed)
    victims = ["scheduler"] * schedulers
    victims += [chance.choice(made.hosts) for _ in range(kills - schedulers)]
    chance.shuffle(victims)
    due = [round((i + 1) * points / (kills + 1)) for i in range(kills)]
    killed: list[tuple[str, float]] = []

    def progress(done: int, total: int) -> None:
        while len(killed) < kills and done >= due[len(killed)]:
            victim = victims[len(killed)]
            # Beside the run, at a moment within a point.
            threading.Timer(chance.uniform(0, 0.05), made.kill, (victim,)).start()
            killed.append((victim, time.time()))
        advance(done, total)

    sweep = smallest_sweep(points)
    networks = len(set(_networks(made.address)))
    start = time.monotonic()
    summary = run(sweep, store, backend=DaskBackend(made.address), progress=progress)
    return {
        "hosts": len(made.hosts),
        "network_namespaces": networks,
        "points": points,
        "kills": len(killed),
        "scheduler_kills": sum(victim == "scheduler" for victim, _ in killed),
        "states": summary.states,
        "seconds": time.monotonic() - start,
        **counted(store, points, [moment for _, moment in killed]),
    }


def _networks(address: str) -> list[int]:
    """Return which network namespace each worker says that it is in."""
    from distributed import Client

    def network() -> int:  # sent as it is: a worker need not have this module
        return Path("/proc/self/ns/net").stat().st_ino

    with Client(address, timeout=30, set_as_default=False) as client:
        return list(client.run(network).values())


def counted(store: CountingStore, points: int, kills: list[float]) -> dict[str, Any]:
    """Count what was lost, stored twice or overlapped, and what a point took its host."""
    records = store.records()
    by_host: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        times = (_seconds(record.started), _seconds(record.ended))
        by_host.setdefault(record.place, []).append(times)
    overlaps, taken = 0, []
    for spans in by_host.values():
        spans.sort()
        for (_, before), (begun, ended) in pairwise(spans):
            overlaps += begun < before
            if not any(before - 1 <= kill <= ended for kill in kills):
                taken.append(ended - before)
    return {
        "lost": points - len({record.order for record in records}),
        "stored_twice": sum(count - 1 for count in store.puts.values()),
        "overlaps": overlaps,
        "points_by_host": {host: len(spans) for host, spans in sorted(by_host.items())},
        "seconds_a_point": statistics.median(taken) if taken else None,
        "mean_seconds_a_point": statistics.fmean(taken) if taken else None,
    }


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def main() -> int:
    """Run, print, and write JSON; exit 1 if a point was lost, stored twice or overlapped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--schedulers", type=int, default=2, help="of the kills, the scheduler's")
    parser.add_argument("--namespaces", action="store_true", help="one network namespace a host")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.namespaces and os.geteuid():
        parser.error("--namespaces needs root: without it each host is a process on loopback")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        store = CountingStore(folder / "store")
        with (
            cluster(options.hosts, folder, namespaces=options.namespaces) as made,
            progress("points") as advance,
        ):
            figures = killed_sweep(
                made,
                store,
                options.points,
                options.kills,
                schedulers=options.schedulers,
                seed=options.seed,
                advance=advance,
            )
    text = json.dumps({"schema": "aethermodel.cluster_kills/1", **figures}, indent=1)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.write_text(text + "\n")
    return 1 if figures["lost"] or figures["stored_twice"] or figures["overlaps"] else 0


if __name__ == "__main__":
    sys.exit(main())
