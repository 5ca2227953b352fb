"""Schedules of threads and forks: ends closed while others use them, and inherited ones."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cython_core import (
    EventArray,
    Recorder,
    Replay,
    Ring,
    RingError,
    Routed,
    allocate,
    route,
    stamp,
    verify,
)
from tools.torture.fault_campaign import TrialBody
from tools.torture.journal import Journal
from tools.torture.killable_processes import Child, children
from tools.torture.kills import cancellations
from tools.torture.kills.stream_kills import end_kin, fork_kin, run
from tools.torture.witness import Page, fill, take

#: What a call may raise whose object another thread closes.
REFUSALS = (ValueError, RuntimeError, BufferError, RingError, TimeoutError)
_TOPICS, _EVENTS = 4, 4096
#: Seconds for the threads of a schedule: they take some milliseconds.
_SECONDS = 120.0

Step = Callable[[], object]


class _Shared:
    """Objects that the threads of one schedule share."""

    def __init__(self, draw: random.Random, folder: Path) -> None:
        self.producer, self.consumer = Ring.pair(_EVENTS, policy="wait")
        self.batch = allocate(_EVENTS)
        fill(self.batch, 0)
        self.path = folder / f"{os.getpid()}.events"
        with Recorder(self.path) as recorder:
            recorder.write(self.batch)
        self.replay = Replay(self.path)
        self.recorder = Recorder(self.path.with_suffix(".more"))
        self.out = Routed(_EVENTS, _TOPICS)
        self.size = draw.choice((1, 64, _EVENTS))

    def users(self) -> dict[str, Step]:
        """Return what a thread may do again and again."""
        part = self.batch[: self.size]

        def take_some() -> None:
            events = self.consumer.peek(timeout=0)
            verify(events)
            route(events, _TOPICS)
            del events
            self.consumer.release()

        def reserve_some() -> None:
            events = self.producer.reserve(self.size, timeout=0)
            stamp(events)
            del events
            self.producer.commit()

        def send_and_take() -> None:
            self.producer.write(part, timeout=0.01)
            take_some()

        def replay_some() -> None:
            events = self.replay.peek(self.size)
            verify(events)
            route(events, _TOPICS)
            del events
            self.replay.release()

        return {
            "write": lambda: self.producer.write(part, timeout=0.01),
            "reserve": reserve_some,
            "take": take_some,
            "send and take": send_and_take,
            "wait": lambda: self.consumer.peek(timeout=0.005),
            "counters": lambda: (self.producer.counters(), self.consumer.counters()),
            "peer": lambda: (self.producer.peer_alive, self.consumer.available),
            "memory": lambda: int(self.producer.memory()[:64].sum()),
            "replay": replay_some,
            "record": lambda: self.recorder.write(part),
            "arrow": lambda: EventArray(self.consumer.peek(timeout=0)).__arrow_c_array__(),
            "route": lambda: route(self.batch, _TOPICS, out=self.out),
        }

    def closers(self) -> dict[str, Step]:
        """Return what ends an object, once."""
        return {
            "close the producer": self.producer.close,
            "close the consumer": self.consumer.close,
            "abort the producer": self.producer.abort,
            "abort the consumer": self.consumer.abort,
            "close the replay": self.replay.close,
            "close the recorder": self.recorder.close,
        }


def _threads(seed: int, folder: Path, page: Page) -> None:
    """Use shared objects in some threads while others close them; runs in a child."""
    draw = random.Random(seed)
    shared = _Shared(draw, folder)
    users, closers = shared.users(), shared.closers()
    failed: list[BaseException] = []
    start = threading.Barrier(6)

    def use(name: str, loops: int) -> None:
        start.wait()
        for _ in range(loops):
            try:
                users[name]()
            except REFUSALS:
                continue
            except BaseException as error:
                failed.append(error)
                return

    def end(names: list[str], pause: float) -> None:
        start.wait()
        threading.Event().wait(pause)
        for name in names:
            with contextlib.suppress(*REFUSALS):
                closers[name]()

    threads = [
        threading.Thread(target=use, args=(draw.choice(list(users)), draw.choice((50, 400))))
        for _ in range(4)
    ]
    for _ in range(2):
        order = draw.sample(list(closers), draw.randint(1, len(closers)))
        threads.append(threading.Thread(target=end, args=(order, draw.random() * 0.003)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ring in (shared.producer, shared.consumer):
        ring.abort()
    for path in folder.glob(f"{os.getpid()}.*"):
        path.unlink()
    if failed:
        raise failed[0]


def threads() -> TrialBody:
    """Return a trial of six threads in a child process."""
    page = Page()
    folder = Path(os.environ["TMPDIR"])

    def trial(draw: random.Random, journal: Journal) -> None:
        page.clear()
        seed = draw.randrange(2**32)
        with children(Child(lambda: _threads(seed, folder, page), page)) as (child,):
            journal.count("schedules")
            if not child.wait(_SECONDS):
                journal.find("hang", f"six threads took more than {_SECONDS:.0f} s")
            elif child.status:
                _explain(journal, page, child, "threads that use and close")

    return trial


def _explain(journal: Journal, page: Page, child: Child, words: str) -> None:
    if child.status is not None and child.status < 0:
        journal.find("crash", f"{words}: {signal.Signals(-child.status).name}")
        return
    text = page.text()
    journal.find("traceback", f"{words}: {text.strip().splitlines()[-1] if text else ''}", text)


# ---- a peer that rewrites what is being routed


def _rewritten(seed: int, page: Page) -> None:
    """Route and verify a batch whose topics another thread rewrites; runs in a child."""
    draw = random.Random(seed)
    batch = allocate(draw.choice((7, 1000, 20_000)))
    fill(batch, 0, _TOPICS)
    stop = threading.Event()

    def rewrite() -> None:
        values = np.random.default_rng(seed)
        while not stop.is_set():
            batch["topic"] = values.integers(0, _TOPICS + draw.randrange(2), len(batch))

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        out = Routed(len(batch), _TOPICS)
        for _ in range(60):
            out.indices[:] = len(batch) - 1
            with contextlib.suppress(ValueError):
                routed = route(batch, _TOPICS, out=out, threads=draw.choice((1, 2)))
                offsets = routed.offsets.tolist()
                if sorted(offsets) != offsets or offsets[-1] > len(batch) or offsets[0]:
                    raise AssertionError(f"offsets {offsets} of {len(batch)} events")
                if int(routed.indices.max()) >= len(batch):
                    raise AssertionError("an index beyond the batch")
    finally:
        stop.set()
        thread.join()


def rewritten() -> TrialBody:
    """Return a trial of a batch that changes while it is routed."""
    page = Page()

    def trial(draw: random.Random, journal: Journal) -> None:
        page.clear()
        seed = draw.randrange(2**32)
        with children(Child(lambda: _rewritten(seed, page), page)) as (child,):
            journal.count("schedules")
            if not child.wait(_SECONDS):
                journal.find("hang", f"a batch that changes took {_SECONDS:.0f} s")
            elif child.status:
                _explain(journal, page, child, "a batch that changes")

    return trial


# ---- forks


def forks() -> TrialBody:
    """Return a trial of a ring whose ends a forked child inherits and uses, or closes."""
    page = Page()

    def trial(draw: random.Random, journal: Journal) -> None:
        page.clear()
        events, act, native = (
            200,
            draw.choice(("close", "abort", "use", "drop")),
            draw.random() < 0.5,
        )
        at = draw.randrange(events)

        def body() -> None:
            producer, consumer = Ring.pair(16, policy="wait")

            def in_child() -> None:
                for ring in (producer, consumer):
                    with contextlib.suppress(*REFUSALS):
                        if act == "close":
                            ring.close()
                        elif act == "abort":
                            ring.abort()
                        elif act == "use":
                            ring.counters()
                if act == "drop":
                    os._exit(0)

            async def work() -> None:
                async def send() -> None:
                    for sequence in range(events):
                        if sequence == at:
                            fork_kin(page, in_child)
                        await producer.room(1)
                        fill(producer.reserve(1, timeout=0), sequence)
                        producer.commit()
                        await asyncio.sleep(0)
                    producer.close()

                sending = asyncio.create_task(send())
                async for batch in consumer.batches(4):
                    take(page, batch)
                await sending
                consumer.close()

            run(work(), native=native)

        with children(Child(body, page)) as (child,):
            journal.count("schedules")
            if not child.wait(_SECONDS):
                journal.find("hang", f"a forked child that does {act!r} blinds its parent")
            elif child.status:
                _explain(journal, page, child, f"a forked child that does {act!r}")
            else:
                missing = events - page["handled"]
                lost, repeated, garbage = page["lost"], page["repeated"], page["garbage"]
                journal.damage(max(lost, missing), repeated, garbage, f"after a fork that {act}s")
        end_kin(page)

    return trial


def prepare() -> TrialBody:
    """Return a trial of one of the schedules."""
    bodies: list[tuple[TrialBody, float]] = [(threads(), 5), (forks(), 3), (rewritten(), 2)]
    bodies.append((cancellations.trial, 3))

    def trial(draw: random.Random, journal: Journal) -> None:
        (body,) = draw.choices([body for body, _ in bodies], [weight for _, weight in bodies])
        body(draw, journal)

    return trial
