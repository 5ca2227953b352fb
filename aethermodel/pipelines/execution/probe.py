"""Probe of a pipeline of one's own: one of its terms isolated, or the whole."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from aethermodel.inputs.refusals import InputError
from aethermodel.measure.probes.settings import setting
from aethermodel.pipelines.execution.handover_times import (
    Overlap,
    Receiving,
    Sending,
    ThreadHandover,
)
from aethermodel.pipelines.execution.rounds import RoundTimer
from aethermodel.pipelines.execution.stage_inputs import Inputs
from aethermodel.pipelines.execution.stage_times import StageTimer
from aethermodel.pipelines.execution.whole_pipeline import Whole
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.runtime.packed_batches import pack, unpack
from aethermodel.pipelines.runtime.runtime import Runtime, failed, made_batch
from aethermodel.pipelines.stage import Group

#: Beginnings of the terms of a hand-over.
SEND, RECEIVE = "send-", "receive-"


class Settings(BaseModel):
    """Which pipeline, which of its terms, and how many records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: str = setting("pipeline.py", "file that declares it, FILE.py[:NAME]")
    term: str = setting("whole", "a stage's name, loop, or the whole")
    batch_size: int = setting(1000, "records N of a batch", "records", ge=1, le=2**24)
    alone: bool = setting(False, "a stage back to back, else in rounds of its thread")


def prepare(settings: Settings) -> Callable[[int], float]:
    """Return what times a term: batches are made, and connections opened, outside the clock."""
    if settings.pipeline not in _hosts:
        _hosts[settings.pipeline] = Host(load_pipeline(settings.pipeline))
        atexit.register(_hosts[settings.pipeline].close)
    host = _hosts[settings.pipeline]
    if settings.alone:
        return host.alone(settings.term, settings.batch_size)
    return host.timer(settings.term, settings.batch_size)


_hosts: dict[str, Host] = {}


class Host:
    """A pipeline in a measuring process: opened once, timed in its parts and as a whole."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._closing: list[Any] = []
        self._inputs: dict[tuple[str, int], Inputs] = {}

    @cached_property
    def runtime(self) -> Runtime:
        """All stages, for those that are timed alone."""
        runtime = Runtime(self.pipeline, self.pipeline.own)
        self._closing.append(runtime)
        return runtime

    @cached_property
    def whole(self) -> Whole:
        """The pipeline as it runs."""
        one_thread = not any(group.own for group in self.pipeline.groups()[1:])
        whole = Whole(self.pipeline, self.runtime if one_thread else None)
        self._closing.append(whole)
        return whole

    def timer(self, term: str, n: int) -> Callable[[int], float]:
        """Return ``loops -> seconds`` of a term at a batch size.

        Raises
        ------
        InputError
            If there is no such term, or a stage fails.
        """
        if term in ("whole", "timed"):
            return self.whole.timer(n, timed=term == "timed")
        if term == "loop":
            waiting = [group for group in self.pipeline.groups() if group.waits]
            if not waiting:
                raise InputError(f"pipeline {self.pipeline.name}: no stage of it is a coroutine")
            return self._rounds(waiting[0], None, n)
        if term == "gil":
            return Overlap([self._run_of(group, n) for group in in_this_process(self.pipeline)])
        for begin in (SEND, RECEIVE):
            if term.startswith(begin) and term not in [one.name for one in self.pipeline.own]:
                return self._handover(begin, term.removeprefix(begin), n)
        stage = self.pipeline.stage_named(term)
        group = next(group for group in self.pipeline.groups() if stage in group.own)
        return self._rounds(group, self.pipeline.own.index(stage), n)

    def alone(self, stage: str, n: int) -> StageTimer:
        """Return ``loops -> seconds`` of a stage that is called back to back.

        Raises
        ------
        InputError
            If there is none of that name, or it fails.
        """
        self.pipeline.stage_named(stage)
        return StageTimer(self.runtime, stage, n)

    def _rounds(self, group: Group, at: int | None, n: int) -> RoundTimer:
        first = self.pipeline.own.index(group.own[0])
        thread = range(first, first + len(group.own))
        crosses = self._crosses(group)
        if (group.name, n) not in self._inputs:
            make = self._maker(first, n)

            def use(item: Any) -> None:
                batch = unpack(item) if crosses else item
                for index in thread:
                    batch = self._step(index, batch, n)

            self._inputs[group.name, n] = Inputs(
                (lambda seed: pack(make(seed))) if crosses else make, use, self.pipeline.pool
            )
        _, after = self._neighbours(group)
        return RoundTimer(
            self.runtime,
            thread,
            at,
            n,
            self._inputs[group.name, n],
            unpack if crosses else None,
            pack if after is not None and self._crosses(after) else None,
        )

    def _neighbours(self, group: Group) -> tuple[Group | None, Group | None]:
        """Return the groups that are run before and after one."""
        run = [one for one in self.pipeline.groups() if one.own]
        at = run.index(group)
        return run[at - 1] if at else None, run[at + 1] if at + 1 < len(run) else None

    def _crosses(self, group: Group) -> bool:
        """Whether a group's batches come from another process."""
        before, _ = self._neighbours(group)
        return group.place == "process" or (before is not None and before.place == "process")

    def _handover(self, begin: str, stage: str, n: int) -> Callable[[int], float]:
        self.pipeline.stage_named(stage)
        names = [one.name for one in self.pipeline.own]
        at = names.index(stage)
        inputs = Inputs(self._maker(at, n), lambda _: None, self.pipeline.pool)
        group = next(g for g in self.pipeline.groups() if g.own and g.own[0].name == stage)
        if not self._crosses(group):
            return ThreadHandover(inputs, self.pipeline.queue)
        kind = Sending if begin == SEND else Receiving
        made = kind(inputs, names[at - 1] if at else "source", n)
        self._closing.append(made)
        return made

    def _maker(self, at: int, n: int) -> Callable[[int], Any]:
        """Return what makes the batch that a stage gets."""

        def make(seed: int) -> Any:
            batch = made_batch(self.pipeline, n, seed)
            for index in range(at):
                batch = self._step(index, batch, n)
            return batch

        return make

    def _step(self, index: int, batch: Any, n: int) -> Any:
        try:
            return self.runtime.step(index, batch)
        except Exception as error:
            raise failed(self.runtime.stages[index].name, n, error) from error

    def _run_of(self, group: Group, n: int) -> tuple[Runtime, Inputs]:
        runtime = Runtime(self.pipeline, group.own)
        self._closing.append(runtime)
        at = [one.name for one in self.pipeline.own].index(group.own[0].name)

        def use(batch: Any) -> None:
            for index in range(len(runtime.stages)):
                batch = runtime.step(index, batch)

        inputs = Inputs(self._maker(at, n), use, self.pipeline.pool)
        if inputs.used_up:
            raise InputError(f"stage {group.name} changes its batch: overlap is not measured")
        return runtime, inputs

    def close(self) -> None:
        """Give back all that was opened; idempotent."""
        while self._closing:
            self._closing.pop().close()


def in_this_process(pipeline: Pipeline) -> list[Group]:
    """Return the groups that share the feeding thread's interpreter."""
    return [group for group in pipeline.groups() if group.place != "process" and group.own]
