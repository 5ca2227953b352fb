"""Stage: one step of a pipeline, run here or assumed, and the groups that run together."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aethermodel.inputs.refusals import InputError, quoted

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

Place = Literal["same", "thread", "process"]


@dataclass(frozen=True)
class Stage:
    """One step of a pipeline.

    Attributes
    ----------
    name : str
        Also of its term.
    function : callable
        ``batch -> batch``; None passes the batch on as it is.
    runs_in : {"same", "thread", "process"}
        Where the stage before it runs, or in a thread or process that begins with it.
    workers : int
        Threads or processes that take batches in turn.
    size : callable, optional
        Records of what it returns; ``len`` by default.
    changes_size : bool
        Whether it may return more or fewer records than it was given.
    resources : tuple of str
        Parameters beside the batch, each a resource of the pipeline.
    """

    name: str
    function: Callable[..., Any]
    runs_in: Place = "same"
    workers: int = 1
    size: Callable[[Any], int] | None = None
    changes_size: bool = False
    resources: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether it is a coroutine function."""
        function = self.function
        called = getattr(type(function), "__call__", None)  # noqa: B004 - of an object's class
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


@dataclass(frozen=True)
class Assumed:
    """A stage that is not run here: its law comes from elsewhere.

    Attributes
    ----------
    name : str
    law : Law or pathlib.Path
        A law, or a file of laws or of measurements.
    curve : str, optional
        Of a file with several.
    source : str
        Where it comes from.
    runs_in : {"same", "thread", "process"}
        Whether it takes its time after the stage before it, or beside it.
    """

    name: str
    law: Law | Path
    curve: str | None = None
    source: str = ""
    runs_in: Place = "same"
    workers: int = 1

    def load(self, record_bytes: int | None) -> Law:
        """Return the law.

        Raises
        ------
        InputError
            If the file holds none, or one over bytes and no record has a size.
        """
        law = self._read()
        if law.size_unit == "B" and not record_bytes:
            raise InputError(
                f"assumed {self.name}: its law is over bytes: give the pipeline record_bytes"
            )
        if law.second_name:
            raise InputError(f"assumed {self.name}: its law has a second variable")
        return law

    def _read(self) -> Law:
        if not isinstance(self.law, Path):
            return self.law
        from aethermodel.gate.runs import laws_of

        laws = laws_of(self.law, {})
        names = "; ".join(name or "one without a name" for name in laws)
        try:
            if self.curve is not None:
                return laws[self.curve]
        except KeyError:
            raise InputError(
                f"assumed {self.name}: {self.law} has no curve {quoted(self.curve)}; it has {names}"
            ) from None
        if len(laws) != 1:
            raise InputError(
                f"assumed {self.name}: {self.law} has {len(laws)} curves: choose one by curve=, "
                f"of {names}"
            )
        return next(iter(laws.values()))


@dataclass(frozen=True)
class Group:
    """Stages that run in one thread, or in several that take batches in turn.

    Attributes
    ----------
    place : {"same", "thread", "process"}
        "same" is the thread that feeds the pipeline.
    workers : int
    stages : tuple of Stage or Assumed
    """

    place: Place
    workers: int
    stages: tuple[Stage | Assumed, ...]

    @property
    def own(self) -> tuple[Stage, ...]:
        """Stages that are run here."""
        return tuple(stage for stage in self.stages if isinstance(stage, Stage))

    @property
    def waits(self) -> bool:
        """Whether one of them is a coroutine function: an event loop has turns between batches."""
        return any(stage.waits for stage in self.own)

    @property
    def name(self) -> str:
        """First of its stages; "source" of a thread that only feeds."""
        return self.stages[0].name if self.stages else "source"


def parameters_beside(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of a stage's parameters after the batch, but for those with a default."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of a compiled function nothing is known
        return ()
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(p.name for p in parameters[1:] if p.kind in plain and p.default is p.empty)
