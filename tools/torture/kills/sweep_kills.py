"""Sweep kills: signal 9 to a sweep or to a process below it; no finished point is lost."""

from __future__ import annotations

import contextlib
import random
import time

import psutil

from aethermodel.sweep.store import Store
from tools.torture.fault_campaign import TrialBody
from tools.torture.journal import Journal
from tools.torture.limits.limited_commands import DOCUMENTED, Place, finish, judge

_POINTS = 24
_KILLS = 3
_SECONDS = 400.0
#: For the processes below a killed sweep to end: they are told at once.
_BELOW_SECONDS = 60.0


def _arguments() -> list[str]:
    sizes = ",".join(map(str, range(1, _POINTS + 1)))
    return [
        *("sweep", "run", "--no-summary", "--probe", "ffi", f"-pbatch_size={sizes}"),
        *("-ptopics=1", "-ppool=1", "--samples", "1", "--noise-gate", "1"),
        *("--sample-seconds", "0.0001", "--store", "store"),
    ]


class Finished:
    """The finished points of a store, looked at again and again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self, journal: Journal) -> int:
        """Compare with the last look: nothing that was finished may change or go."""
        try:
            done = {it.key for it in self._store.records() if it.outcome.state == "done"}
        except ValueError as error:
            journal.find("garbage", "a record cannot be read", str(error))
            return 0
        now = {}
        for path in self._store.files():
            if path.stem in done:  # one that a kill made fail may be run again
                facts = path.stat()
                now[path.name] = (facts.st_ino, facts.st_mtime_ns)
        gone = sum(name not in now for name in self._seen)
        changed = sum(now.get(name) != facts for name, facts in self._seen.items()) - gone
        journal.damage(gone, changed, 0, "finished points of a sweep")
        self._seen = now
        return len(now)


def _wait_for_moment(draw: random.Random, store: Store, end: float) -> None:
    """Wait for a random moment: while it starts, or after some points and a bit."""
    if draw.random() < 0.3:
        time.sleep(draw.uniform(0, 4))
        return
    wanted = len(store.files()) + draw.randint(1, 8)
    while len(store.files()) < wanted and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(draw.uniform(0, 0.05))


def _kill(draw: random.Random, pid: int, journal: Journal) -> bool:
    """Kill the sweep, or a process below it; return whether it was the sweep itself."""
    below = psutil.Process(pid).children(recursive=True)
    itself = not below or draw.random() < 0.5
    victim = psutil.Process(pid) if itself else draw.choice(below)
    with contextlib.suppress(psutil.NoSuchProcess):
        victim.kill()
        journal.count("kills")
    if itself:
        _, alive = psutil.wait_procs(below, _BELOW_SECONDS)
        for process in alive:
            journal.find("left", f"{process.name()} outlived its sweep", str(process))
    return itself


def prepare() -> TrialBody:
    """Return a trial of one sweep, killed some times and then run to its end."""

    def trial(draw: random.Random, journal: Journal) -> None:
        place = Place()
        store = Store(place.folder / "store")
        finished = Finished(store)
        try:
            for _ in range(_KILLS):
                run = place.start(_arguments())
                _wait_for_moment(draw, store, time.monotonic() + 20)
                itself = run.poll() is None and _kill(draw, run.pid, journal)
                status, errors = finish(run, _SECONDS)
                allowed = (-9,) if itself else DOCUMENTED
                _judge_kill(journal, status, errors, allowed)
                finished.look(journal)
            # To its end: points that a killed worker had are tried again where they failed.
            for words in ("run", "retry"):
                arguments = _arguments() if words == "run" else ["sweep", "retry", "store"]
                status, errors = finish(place.start(arguments), _SECONDS)
                judge(journal, place, f"sweep {words} after kills", status, errors)
            count = finished.look(journal)
            journal.damage(max(0, _POINTS - count), 0, 0, "points of a sweep run to its end")
            for path in store.folder.rglob(".*"):
                journal.find("left", f"a half-written file: {path.suffixes}", str(path))
        finally:
            place.remove()

    return trial


def _judge_kill(
    journal: Journal, status: int | None, errors: bytes, allowed: tuple[int, ...]
) -> None:
    """Judge a killed run: no traceback; half-written files may wait for the next run."""
    if status is not None and status not in allowed:
        journal.find("crash", f"a sweep with a killed process: exit status {status}")
    text = errors.decode(errors="replace")
    if status is None:
        journal.find("hang", "a sweep with a killed process does not end", text[-4000:])
    if "Traceback (most recent call last)" in text:
        last = text.strip().splitlines()[-1]
        journal.find("traceback", f"a sweep with a killed process: {last}", text[-6000:])
