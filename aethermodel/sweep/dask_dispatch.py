"""Dispatch of points to the hosts of a Dask cluster: one at a time each, whatever dies meanwhile.

Dask counts resources for a worker, not for a host, steals work, and runs finished work again when
the worker that held its result dies. So it is used to reach the workers, and not to choose among
them: each host has one point under way, at one of its workers. A point that was under way where a
worker died goes to the same host first, whose spool has it if it had finished.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple
from uuid import uuid4

from aethermodel.sweep.identity import Conditions
from aethermodel.sweep.plan import Job
from aethermodel.sweep.store import Record

# Between looks at who is there.
_LOOK_SECONDS = 0.5
# So long a point waits for a worker of the host on which it was under way.
_HOME_SECONDS = 15.0
# Without anybody who can run what is left, a run gives up.
_ALONE_SECONDS = 600.0
# And within this where only others are there: their code was changed meanwhile.
_OTHERS_SECONDS = 60.0
# A scheduler that is gone may come back within this.
_RETURN_SECONDS = 300.0
# A point at which so many workers died killed them.
_DEADLY = 5
_GATHER_SECONDS = 60.0


class Member(NamedTuple):
    """A worker that may run points.

    Attributes
    ----------
    place : str
        Its host.
    conditions : Conditions
        Of what runs there.
    """

    place: str
    conditions: Conditions


@dataclass
class Task:
    """A point that is to run under some conditions.

    Attributes
    ----------
    job : Job
    conditions : Conditions
    tries : int
    home : str
        Host on which it was under way; empty of others.
    until : float
        Till when that one is waited for.
    deaths : int
        Workers that died while it was under way.
    """

    job: Job
    conditions: Conditions
    tries: int = 1
    home: str = ""
    until: float = 0.0
    deaths: int = 0


@dataclass
class _Flight:
    task: Task
    address: str
    future: Any


class Deadly(NamedTuple):
    """A point that no worker survives."""

    task: Task


@dataclass
class Dispatch:
    """Points that are handed out, and what comes back.

    Parameters
    ----------
    connect : callable
        Returns a Dask client; called again where the scheduler was gone.
    offers : callable
        ``(client, addresses) -> {address: Member}``: those that may run points.
    submit : callable
        ``(client, task, address, key, finished) -> future``; `finished` are names of points that
        the client has, which a spool may forget.
    name : callable
        ``task -> str``: of a try at a point.
    """

    connect: Callable[[], Any]
    offers: Callable[[Any, list[str]], dict[str, Member]]
    submit: Callable[[Any, Task, str, str, list[str]], Any]
    name: Callable[[Task], str]
    _waiting: deque[Task] = field(default_factory=deque)
    _flights: dict[str, _Flight] = field(default_factory=dict)
    _members: dict[str, Member] = field(default_factory=dict)
    _unable: set[str] = field(default_factory=set)
    _had: dict[str, list[str]] = field(default_factory=dict)
    _done: SimpleQueue[tuple[str, Any]] = field(default_factory=SimpleQueue)
    _looked: float = 0.0
    _able: float = field(default_factory=time.monotonic)

    def add(self, task: Task) -> None:
        """Hand out one more point, after the others."""
        self._waiting.append(task)

    def results(self) -> Iterator[tuple[Task, Record, str | None] | Deadly]:
        """Yield each try as it comes back, until nothing is left; `add` may be called meanwhile.

        Raises
        ------
        OSError
            If the scheduler is gone for good, or nobody is there to run what is left.
        """
        client = self.connect()
        while self._waiting or self._flights:
            came = failure = None
            try:
                self._look(client)
                yield from self._deadly()
                self._fill(client)
                came = self._next(client)
                if came is not None:
                    self._fill(client)  # its host goes on while the client stores what came
            except (OSError, TimeoutError) as error:  # Dask's own are of these
                failure = error
            if came is not None:
                place, result = came
                yield result
                self._had.setdefault(place, []).append(self.name(result[0]))
            if failure is not None:
                client = self._again(client, failure)

    def futures(self) -> list[Any]:
        """Return what is under way."""
        return [flight.future for flight in self._flights.values()]

    # ---- one turn

    def _look(self, client: Any) -> None:
        """See who has come and who has left."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        if client.status != "running":
            raise ConnectionError("the scheduler is gone")
        there = set(client.scheduler_info(n_workers=-1)["workers"])
        self._looked = now
        if new := sorted(there - self._members.keys() - self._unable):
            offered = self.offers(client, new)
            self._members.update(offered)
            self._unable.update(set(new) - offered.keys())
        for address in self._members.keys() - there:
            del self._members[address]
        self._unable &= there
        for place, flight in list(self._flights.items()):
            if flight.address not in there:
                self._lost(place, flight)
        if self._flights or any(self._fits(m) for m in self._members.values()):
            self._able = now
        elif self._members and now - self._able > _OTHERS_SECONDS:
            raise LeftAloneError(
                f"the workers that are there have other code or hardware than those that this run "
                f"began with; {len(self._waiting)} points are left, and the same command goes on"
            )
        elif now - self._able > _ALONE_SECONDS:
            raise LeftAloneError(
                f"for {_ALONE_SECONDS:g} s no worker was there for the {len(self._waiting)} points "
                "that are left; the same command goes on"
            )

    def _fits(self, member: Member) -> bool:
        return any(task.conditions == member.conditions for task in self._waiting)

    def _fill(self, client: Any) -> None:
        """Give each host that has nothing to do a point."""
        for address, member in sorted(self._members.items()):
            place = member.place
            if place in self._flights:
                continue
            task = self._task_for(member)
            if task is None:
                continue
            key = f"{self.name(task)}-{uuid4().hex}"
            future = self.submit(client, task, address, key, self._had.pop(place, []))
            self._flights[place] = _Flight(task, address, future)
            future.add_done_callback(lambda done, place=place: self._done.put((place, done)))

    def _task_for(self, member: Member) -> Task | None:
        now = time.monotonic()
        for task in self._waiting:
            at_home = task.home in ("", member.place) or now > task.until
            if task.conditions == member.conditions and at_home:
                self._waiting.remove(task)
                return task
        return None

    def _next(self, client: Any) -> tuple[str, tuple[Task, Record, str | None]] | None:
        """Wait a moment for a try that ends; return its host, and what came.

        None if none ends, or it has to be run again.
        """
        try:
            place, future = self._done.get(timeout=_LOOK_SECONDS / 2)
        except Empty:
            return None
        flight = self._flights.get(place)
        if flight is None or flight.future is not future:
            return None  # one that was given up
        if future.status == "error" and not _of_dask(future):
            future.result()  # a defect: raises
        if future.status != "finished":
            self._lost(place, flight)
            return None
        try:
            record, notebook = _gathered(client, flight)
        except Exception:  # of whatever kind: its worker has died with it
            self._lost(place, flight)
            return None
        del self._flights[place]
        return place, (flight.task, record, notebook)

    # ---- what dies

    def _lost(self, place: str, flight: _Flight) -> None:
        """Take a point back whose worker has died."""
        del self._flights[place]
        flight.future.cancel(force=True)
        task = flight.task
        task.deaths += 1
        task.home, task.until = place, time.monotonic() + _HOME_SECONDS
        self._looked = 0.0
        self._members.pop(flight.address, None)
        self._waiting.appendleft(task)

    def _deadly(self) -> Iterator[Deadly]:
        """Give up the points at which too many workers died."""
        for task in [task for task in self._waiting if task.deaths >= _DEADLY]:
            self._waiting.remove(task)
            yield Deadly(task)

    def _again(self, client: Any, error: Exception) -> Any:
        """Take everything back, and wait for the scheduler to return."""
        if isinstance(error, LeftAloneError):
            raise error
        until = time.monotonic() + _RETURN_SECONDS
        for place, flight in list(self._flights.items()):
            self._lost(place, flight)
            flight.task.deaths -= 1  # nobody knows that its worker died
        self._members.clear()
        self._unable.clear()
        client.close(timeout=2)
        while True:
            try:
                again = self.connect()
                self._able = time.monotonic()
                return again
            except OSError as gone:
                logging.getLogger(__name__).debug("no scheduler: %s", gone)
                if time.monotonic() > until:
                    raise error from None
            time.sleep(_LOOK_SECONDS)


class LeftAloneError(OSError):
    """Nobody is there to run what is left."""


@contextmanager
def unreported() -> Iterator[None]:
    """Keep Dask from logging each connection that breaks: what matters is raised, or a record."""
    import distributed  # noqa: F401  # sets the levels of its loggers as it is imported

    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    loggers = [logging.getLogger(name) for name in (*names, "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _gathered(client: Any, flight: _Flight) -> Any:
    """Return what a try returned; Dask would wait for ever where its worker is gone."""
    until = time.monotonic() + _GATHER_SECONDS
    while True:
        try:
            return flight.future.result(timeout=_LOOK_SECONDS)
        except TimeoutError:
            there = client.scheduler_info(n_workers=-1)["workers"]
            if flight.address not in there or time.monotonic() > until:
                raise


def _of_dask(future: Any) -> bool:
    """Whether a future failed because its worker died, and not by its function."""
    error = future.exception(timeout=_GATHER_SECONDS)
    return type(error).__module__.split(".")[0] in ("distributed", "asyncio", "concurrent")
