"""Run of a sweep: the missing points in random order, each stored at once."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple, Protocol

from aethermodel.execute.host_lock import host_lock
from aethermodel.execute.place import this_place
from aethermodel.execute.scratch import clean_leftovers
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.sweep.attempts import Attempts
from aethermodel.sweep.identity import Conditions, Reuse, conditions_of, identity
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.store import Record, State, Store, finished

Progress = Callable[[int, int], None]
# A kind of hosts, by its number, and the order of a job.
_Place = tuple[int, int]
#: What `retry` runs again.
UNSUCCESSFUL: frozenset[State] = frozenset({"failed", "timeout"})
# Of a probe's point, beside its samples; measured on two busy cores.
_POINT_SECONDS = 0.1


@dataclass
class Summary:
    """What a run did.

    Attributes
    ----------
    jobs : int
        Points times repeats, on each kind of hosts.
    reused : int
        Of them, finished before.
    ran : int
        Run now.
    requeued : int
        Tries that the noise gate sent back.
    states : dict of str to int
        Of all finished jobs.
    failures : list of Record
        Finished, but not done.
    seconds : float
    kinds : int
        Of hosts: those of other hardware have every point of their own.
    """

    jobs: int
    reused: int
    ran: int = 0
    requeued: int = 0
    states: dict[str, int] = field(default_factory=dict)
    failures: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    kinds: int = 1


class Work(NamedTuple):
    """A job, and the conditions under which it is to run: one kind of hosts."""

    job: Job
    conditions: Conditions


class Backend(Protocol):
    """Where points run."""

    def conditions(self, sweep: Sweep) -> list[Conditions]:
        """Return the conditions of each kind of hosts that may run points, all different."""

    def run(self, sweep: Sweep, work: list[Work], store: Store) -> Iterator[Record | None]:
        """Yield the record of each job as it finishes, None for a try sent back."""

    def close(self) -> None:
        """Let go of what it holds; idempotent."""


@dataclass
class LocalBackend:
    """The host that this runs on, one point at a time.

    Attributes
    ----------
    wait : bool
        Wait while another measurement holds the host; else raise HostBusyError.
    waiting : callable
        Told the other's process id.
    """

    wait: bool = True
    waiting: Callable[[str], None] = lambda _: None

    def conditions(self, sweep: Sweep) -> list[Conditions]:
        """Return this host's, now."""
        return [conditions_of(sweep)]

    def run(self, sweep: Sweep, work: list[Work], store: Store) -> Iterator[Record | None]:
        """Hold the host and run the jobs, repeat by repeat."""
        (conditions,) = self.conditions(sweep)
        jobs = [one.job for one in work]
        with host_lock(self.wait, self.waiting):
            clean_leftovers()
            best = CoreCheck()
            for _, block in groupby(jobs, key=lambda job: job.repeat):
                with Attempts(sweep, best) as attempts:
                    queue = deque((job, 1) for job in block)
                    while queue:
                        job, tries = queue.popleft()
                        record = run_once(sweep, job, tries, attempts, conditions, store)
                        if goes_back(sweep, record):
                            queue.append((job, tries + 1))
                            yield None
                        else:
                            yield record
                    best = attempts.best

    def close(self) -> None:
        """Do nothing: it holds the host only while it runs."""


def run_once(
    sweep: Sweep, job: Job, tries: int, attempts: Attempts, conditions: Conditions, store: Store
) -> Record:
    """Try a job once and say what came of it; only the executed notebook is written."""
    key = identity(sweep, job, conditions)
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    outcome = attempts.attempt(job, store.notebooks / f"{key}.ipynb")
    return Record(
        key=key,
        target=sweep.target.name,
        parameters=job.parameters,
        repeat=job.repeat,
        order=job.order,
        outcome=outcome,
        tries=tries,
        noisy=outcome.disturbed > sweep.noise_gate,
        started=started,
        ended=datetime.now(UTC).isoformat(timespec="milliseconds"),
        place=this_place(),
        conditions=conditions,
    )


def goes_back(sweep: Sweep, record: Record) -> bool:
    """Say whether the noise gate sends a try back into the queue."""
    return record.noisy and record.tries <= sweep.retries


def run(
    sweep: Sweep,
    store: Store,
    *,
    backend: Backend | None = None,
    reuse: Reuse = "strict",
    redo: frozenset[State] = frozenset(),
    progress: Progress | None = None,
) -> Summary:
    """Run every job of a sweep that the store does not have.

    Stopped at any moment, by Ctrl-C or kill -9, it can be called again: at most the point
    in flight is lost.

    Parameters
    ----------
    sweep : Sweep
    store : Store
    backend : Backend, optional
        This host if left out.
    reuse : {"params", "code", "strict"}
        What has to be unchanged for a finished point to count.
    redo : set of {"failed", "timeout", "done"}
        Finished points in these states run again.
    progress : callable, optional
        Called with (tries done now, tries to do): a disturbed one that goes back is one more.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        If another process writes to the store, or a file in it is damaged.
    """
    backend = backend or LocalBackend()
    start = time.monotonic()
    with closing(backend), store.writer(sweep):
        jobs = sweep.jobs()
        records, kinds, kept = store.records(), backend.conditions(sweep), dict[_Place, Record]()
        for kind, where in enumerate(kinds):
            known = finished(records, sweep, [where], reuse)
            kept |= {(kind, n): r for n, r in known.items() if r.outcome.state not in redo}
        todo = [
            (kind, job)
            for job in jobs
            for kind in range(len(kinds))
            if (kind, job.order) not in kept
        ]
        summary = Summary(len(jobs) * len(kinds), len(kept), kinds=len(kinds))
        if todo:
            # Closed, not left to the collector: Ctrl-C must find every process ended.
            work = [Work(job, kinds[kind]) for kind, job in todo]
            # By hardware alone: code that changes meanwhile changes the key, and is no other kind.
            hosts = [where.host for where in kinds]
            with closing(backend.run(sweep, work, store)) as tries:  # type: ignore[type-var]
                for record in tries:
                    if record is None:
                        summary.requeued += 1
                    else:
                        store.put(record)
                        kept[hosts.index(record.conditions.host), record.order] = record
                        summary.ran += 1
                    if progress:
                        done = summary.ran + summary.requeued
                        progress(done, len(todo) + summary.requeued)
        if todo or not store.tabulated:
            from aethermodel.sweep.parquet_tables import write_tables

            write_tables(store)
    summary.states = dict(Counter(r.outcome.state for r in kept.values()))
    summary.failures = [r for _, r in sorted(kept.items()) if r.outcome.state != "done"]
    summary.seconds = time.monotonic() - start
    return summary


def remaining_seconds(
    sweep: Sweep, records: list[Record], jobs: int
) -> tuple[float, float, str] | tuple[None, None, str]:
    """Estimate how long jobs will take, and say from what.

    Parameters
    ----------
    sweep : Sweep
    records : list of Record
        Finished points of the same target, if there are any: their mean is used, as their sum is
        what is waited for, with the tries that the system disturbed.
    jobs : int
        How many are to run.

    Returns
    -------
    (float or None, float or None, str)
        Seconds if no further point is disturbed, and if each is, as often as it is run again; None
        if nothing is known; and the estimate's source.
    """
    from statistics import fmean

    most = 1 + sweep.retries
    done = [r for r in records if r.target == sweep.target.name]
    if done:
        seconds = jobs * fmean(r.outcome.seconds for r in done)
        tries = fmean(r.tries for r in done)
        return seconds * tries, seconds * most, f"the mean of {len(done)} finished points"
    if sweep.probe:
        # Sizing the loop and warming up take about as long again as four samples; a process, its
        # buffers and the looks at the cores before and after it the rest.
        each = (sweep.samples * 1.25 + 4) * sweep.sample_seconds + _POINT_SECONDS
        return jobs * each, jobs * each * most, "the samples' least duration"
    return None, None, "no point has finished yet"
