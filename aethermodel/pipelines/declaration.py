"""Declaration of a pipeline: its source, stages and resources, and where each stage runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.pipelines.stage import Assumed, Group, Place, Stage

#: Of a pipeline or a stage.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


@dataclass
class Declaration:
    """What a `Pipeline` is made of.

    Attributes
    ----------
    name, record_bytes, largest, pool, timeout, queue
        As `Pipeline` takes them.
    stages : list of Stage or Assumed
        In the order that batches go through them.
    resources : dict of str to callable
        What opens each, by name.
    make : callable or None
        The source: ``(n, rng) -> batch``.
    source_size : callable or None
        Records of a batch of the source; ``len`` by default.
    file : Path or None
        File that it was loaded from.
    variable : str
        Its name there.
    """

    name: str
    record_bytes: int | None = None
    largest: int = 10_000
    pool: int = 4
    timeout: float = 30.0
    queue: int = 8
    stages: list[Stage | Assumed] = field(default_factory=list, init=False)
    resources: dict[str, Callable[..., Any]] = field(default_factory=dict, init=False)
    make: Callable[..., Any] | None = field(default=None, init=False)
    source_size: Callable[[Any], int] | None = field(default=None, init=False)
    file: Path | None = field(default=None, init=False)
    variable: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise InputError(f"a pipeline's name is letters, digits, - and _, not {self.name!r}")
        if self.record_bytes is not None and not 1 <= self.record_bytes <= 2**30:
            raise InputError(f"a record has 1 to 2^30 bytes, not {self.record_bytes!r}")
        if not 4 <= self.largest <= 2**24:
            raise InputError(f"a largest batch has 4 to 2^24 records, not {self.largest!r}")
        if not 1 <= self.pool <= 1024:
            raise InputError(f"a pool has 1 to 1024 batches, not {self.pool!r}")
        if not 1 <= self.queue <= 2**20:
            raise InputError(f"a queue holds 1 to 2^20 batches, not {self.queue!r}")
        if not 0 < self.timeout <= 3600:
            raise InputError(f"a time-out is above 0 and at most 3600 seconds, not {self.timeout}")

    @property
    def reference(self) -> str:
        """``FILE.py:NAME``, by which another process loads it.

        Raises
        ------
        InputError
            If it was not loaded from a file.
        """
        if self.file is None:
            raise InputError(f"pipeline {self.name}: declare it in a file, to load it from there")
        return f"{self.file}:{self.variable}"

    @property
    def own(self) -> tuple[Stage, ...]:
        """Stages that are run here."""
        return tuple(stage for stage in self.stages if isinstance(stage, Stage))

    @property
    def assumed(self) -> tuple[Assumed, ...]:
        """Stages whose laws are from elsewhere."""
        return tuple(stage for stage in self.stages if isinstance(stage, Assumed))

    def groups(self) -> tuple[Group, ...]:
        """Return stages by where they run; the first group is the thread that feeds them."""
        found: list[tuple[Place, int, list[Stage | Assumed]]] = [("same", 1, [])]
        for stage in self.stages:
            if stage.runs_in != "same":
                found.append((stage.runs_in, stage.workers, []))
            found[-1][2].append(stage)
        return tuple(Group(place, workers, tuple(of)) for place, workers, of in found)

    def check(self) -> None:
        """Refuse a pipeline that lacks something.

        Raises
        ------
        InputError
            Without a source or a stage of its own, or with a parameter that is no resource.
        """
        if self.make is None:
            raise InputError(f"pipeline {self.name} has no source (@pipeline.source)")
        if not self.own:
            raise InputError(f"pipeline {self.name} has no stage to run (@pipeline.stage)")
        for stage in self.own:
            for name in stage.resources:
                if name not in self.resources:
                    known = ", ".join(self.resources) or "it has none"
                    raise InputError(
                        f"pipeline {self.name}, stage {stage.name}: its parameter {name} is no "
                        f"resource ({known})"
                    )

    def stage_named(self, name: str) -> Stage:
        """Return a stage that is run here.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        for stage in self.own:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.own)
        raise InputError(f"pipeline {self.name} has no stage {quoted(name)}; it has {names}")
