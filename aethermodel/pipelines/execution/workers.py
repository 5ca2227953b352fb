"""Workers: the groups of a pipeline that run in threads and processes of their own."""

from __future__ import annotations

import threading
from contextlib import suppress
from multiprocessing.process import BaseProcess
from time import perf_counter_ns, process_time, thread_time
from typing import Any, NamedTuple

from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.execution.batch_queues import Link, ProcessLink, ThreadLink, sender_link
from aethermodel.pipelines.execution.passes import CLOCKS, ClockCost, StagePass, clock_cost
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.runtime.runtime import Runtime, failed
from aethermodel.pipelines.stage import Group


class Order(NamedTuple):
    """A run.

    Attributes
    ----------
    batches, n : int
        How many, and records of each at the source.
    timed : bool
        Whether stages are timed in place.
    """

    batches: int
    n: int
    timed: bool


class Failed(NamedTuple):
    """What goes on in place of a batch that a stage failed at."""

    why: str


class Report(NamedTuple):
    """What a worker did in a run.

    Attributes
    ----------
    done_ns : list of int
        When it was done with each batch, by the monotonic clock.
    places : dict of str to float
        Seconds a batch of each stage in place.
    cpu_seconds : float
        Of this worker.
    failure : str
        First failure, or empty.
    """

    done_ns: list[int]
    places: dict[str, float]
    cpu_seconds: float
    failure: str


class Ends(NamedTuple):
    """What a worker is connected to.

    Attributes
    ----------
    number, workers : int
        Which of its group it is, and how many there are.
    orders, reports : Link
    sources, targets : tuple of Link
        From each worker of the group before, and to each of the next; none of the last.
    """

    number: int
    workers: int
    orders: Link
    reports: Link
    sources: tuple[Link, ...]
    targets: tuple[Link, ...]


def work(pipeline: Pipeline, group: Group, ends: Ends) -> None:
    """Be a worker, until it is ordered to end."""
    try:
        runtime = Runtime(pipeline, group.own)
    except Exception as error:
        ends.reports.send(Report([], {}, 0.0, str(error)))
        return
    try:
        ends.reports.send(Report([], {}, 0.0, ""))  # it is ready
        cost = clock_cost()
        while (order := ends.orders.receive()) is not None:
            run = _run(runtime, order, ends, cost, group.place == "process")
            ends.reports.send(runtime.run(run))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # whoever started it is gone
    finally:
        runtime.close()


async def _run(runtime: Runtime, order: Order, ends: Ends, cost: ClockCost, alone: bool) -> Report:
    last = not ends.targets
    passing = StagePass(runtime, timed=order.timed, keep=not last)
    clock = process_time if alone else thread_time
    done: list[int] = []
    failure = ""
    begun = clock()
    for batch in range(ends.number, order.batches, ends.workers):
        item = ends.sources[batch % len(ends.sources)].receive()
        if not isinstance(item, Failed):
            item, why = await _passed(passing, item, order.n)
            failure = failure or why
        else:
            failure = failure or item.why
        if last:
            item = None
            done.append(perf_counter_ns())
            continue
        try:
            sender_link(ends.targets, batch).send(item)
        except (EOFError, OSError):
            raise
        except Exception as error:
            why = str(failed(runtime.stages[-1].name, order.n, error))
            failure = failure or why
            sender_link(ends.targets, batch).send(Failed(why))
    places = passing.in_place(cost, robust=True)
    places = {name: places[name] for name in places if name not in CLOCKS}
    return Report(done, places, clock() - begun, failure)


async def _passed(passing: StagePass, item: Any, n: int) -> tuple[Any, str]:
    try:
        if passing.waits:
            return await passing.one_waiting(item), ""
        return passing.one(item), ""
    except Exception as error:
        why = str(passing.failure(error, n))
        return Failed(why), why


class Crew:
    """All workers of a pipeline, and the links between them.

    Parameters
    ----------
    pipeline : Pipeline
        From a file, where a group runs in a process: the process loads it again.

    Attributes
    ----------
    feed : tuple of Link
        From the feeding thread to the workers of the first group.

    Raises
    ------
    InputError
        If a worker cannot begin.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.groups = tuple(group for group in pipeline.groups()[1:] if group.own)
        self._children: list[BaseProcess] = []
        self._threads: list[threading.Thread] = []
        self._orders: list[Link] = []
        self._reports: list[list[Link]] = []
        self._pipes: list[tuple[ProcessLink, str, str]] = []
        try:
            self.feed = self._start()
            for reports in self._reports:
                for report in reports:
                    if why := self._heard(report).failure:
                        raise InputError(why)
        except BaseException:
            self.close()
            raise

    def _start(self) -> tuple[Link, ...]:
        counts = [1, *(group.workers for group in self.groups)]
        places = ["same", *(group.place for group in self.groups)]
        between = [
            [
                [self._link(places[g], places[g + 1]) for _ in range(counts[g + 1])]
                for _ in range(counts[g])
            ]
            for g in range(len(self.groups))
        ]
        for g, group in enumerate(self.groups):
            onward = between[g + 1] if g + 1 < len(self.groups) else None
            self._reports.append([])
            for w in range(group.workers):
                orders = self._link("same", group.place)
                reports = self._link(group.place, "same")
                self._orders.append(orders)
                self._reports[-1].append(reports)
                ends = Ends(
                    w,
                    group.workers,
                    _receiving(orders),
                    _sending(reports),
                    tuple(_receiving(row[w]) for row in between[g]),
                    tuple(_sending(link) for link in onward[w]) if onward else (),
                )
                self._begin(group, ends)
        for link, sender, receiver in self._pipes:  # the children have theirs
            link.let_go(sender=sender == "process", receiver=receiver == "process")
        return tuple(between[0][0])

    def _link(self, sender: str, receiver: str) -> Link:
        if "process" not in (sender, receiver):
            return ThreadLink(self.pipeline.queue)
        link = ProcessLink.new()
        self._pipes.append((link, sender, receiver))
        return link

    def _begin(self, group: Group, ends: Ends) -> None:
        if group.place == "process":
            from aethermodel.measure.harness.processes.child_processes import start

            number = self.pipeline.groups().index(group)
            self._children.append(start(_work_alone, self.pipeline.reference, number, ends))
            return
        thread = threading.Thread(target=work, args=(self.pipeline, group, ends), daemon=True)
        thread.start()
        self._threads.append(thread)

    def order(self, order: Order) -> None:
        """Begin a run."""
        for link in self._orders:
            link.send(order)

    def reports(self) -> list[list[Report]]:
        """Return what the workers of each group did, once the run has ended.

        Raises
        ------
        InputError
            If a stage failed, named; or a worker's process has ended.
        """
        found = [[self._heard(link) for link in links] for links in self._reports]
        for group in found:
            for report in group:
                if report.failure:
                    raise InputError(report.failure)
        return found

    def _heard(self, link: Link) -> Report:
        try:
            report: Report = link.receive()
        except (EOFError, ConnectionResetError):
            raise InputError(f"{self._who(link)}: its process has ended") from None
        return report

    def _who(self, link: Link) -> str:
        for group, links in zip(self.groups, self._reports, strict=False):
            if link in links:
                return f"stage {group.name}"
        return "a stage"

    def close(self) -> None:
        """End all workers; idempotent."""
        for link in self._orders:
            with suppress(OSError, AssertionError):
                link.send(None)
        for thread in self._threads:
            thread.join(1)
        for pipe, _, _ in self._pipes:
            with suppress(OSError):
                pipe.let_go(sender=True, receiver=True)
        if self._children:
            from aethermodel.measure.harness.processes.child_processes import end

            for child in self._children:
                end(child)
        self._orders, self._threads, self._pipes, self._children = [], [], [], []


def _sending(link: Link) -> Link:
    return link.sending() if isinstance(link, ProcessLink) else link


def _receiving(link: Link) -> Link:
    return link.receiving() if isinstance(link, ProcessLink) else link


def _work_alone(reference: str, number: int, ends: Ends) -> None:
    """Be a worker in a process of its own, which loads the pipeline again."""
    pipeline = load_pipeline(reference)
    work(pipeline, pipeline.groups()[number], ends)
