"""Pipeline: declared by decorators and from laws from elsewhere, and rehearsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, overload

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.pipelines.declaration import NAME, Declaration
from aethermodel.pipelines.stage import Assumed, Place, Stage, parameters_beside

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

Function = TypeVar("Function", bound=Callable[..., Any])
#: Names of terms that are not a stage's.
RESERVED = ("whole", "timed", "loop", "gil", "source")
_MOST_STAGES, _MOST_WORKERS = 50, 64


@dataclass
class Pipeline(Declaration):
    """A pipeline of one's own.

    Parameters
    ----------
    name : str
    record_bytes : int, optional
        Size of a record, for rates in bytes and for assumed laws over bytes.
    largest : int
        Largest batch, in records, that it is calibrated up to.
    pool : int
        Different batches that each stage is timed on in turn: the working set.
    timeout : float
        Seconds that one stage may take for one batch.
    queue : int
        Batches that may wait between two threads; between processes a pipe holds what fits in.

    Examples
    --------
    >>> pipeline = Pipeline("orders", record_bytes=256)
    >>> @pipeline.source
    ... def orders(n, rng):
    ...     return rng.random(n)
    >>> @pipeline.stage
    ... def total(batch):
    ...     batch.sum()
    """

    @overload
    def source(self, function: Function) -> Function: ...
    @overload
    def source(
        self, function: None = None, *, size: Callable[[Any], int] | None = None
    ) -> Callable[[Function], Function]: ...
    def source(self, function: Any = None, *, size: Callable[[Any], int] | None = None) -> Any:
        """Declare what makes a batch: ``(n, rng) -> batch``. Its time is not the pipeline's."""

        def declare(made: Function) -> Function:
            if self.make is not None:
                raise InputError(f"pipeline {self.name} has two sources")
            self.make, self.source_size = made, size
            return made

        return declare if function is None else declare(function)

    @overload
    def stage(self, function: Function) -> Function: ...
    @overload
    def stage(
        self,
        function: None = None,
        *,
        name: str | None = None,
        runs_in: Place = "same",
        workers: int = 1,
        size: Callable[[Any], int] | None = None,
        changes_size: bool = False,
    ) -> Callable[[Function], Function]: ...
    def stage(
        self,
        function: Any = None,
        *,
        name: str | None = None,
        runs_in: Place = "same",
        workers: int = 1,
        size: Callable[[Any], int] | None = None,
        changes_size: bool = False,
    ) -> Any:
        """Declare a stage, a function or a coroutine function.

        Parameters
        ----------
        function : callable
            Called with the batch; further parameters are resources, by their names.
        name : str
            Of its term; the function's by default.
        runs_in : {"same", "thread", "process"}
            Where the stage before it runs, or in a thread or process that begins with it; a queue
            is between them.
        workers : int
            Threads or processes that take batches in turn.
        size : callable
            Records of what it returns; ``len`` by default.
        changes_size : bool
            Whether it may return more or fewer records than it was given.

        Raises
        ------
        InputError
            On a name that is taken or none, or a place or number that is none.
        """

        def declare(made: Function) -> Function:
            own = name or str(getattr(made, "__name__", type(made).__name__))
            self._check(own, runs_in, workers)
            self.stages.append(
                Stage(own, made, runs_in, workers, size, changes_size, parameters_beside(made))
            )
            return made

        return declare if function is None else declare(function)

    def resource(self, function: Function) -> Function:
        """Declare what stages use, such as a connection: opened once a thread, and closed.

        A generator function that yields it, an asynchronous one, or a function that returns it or
        a context manager of it. A stage with a parameter of that name is given it.
        """
        own = function.__name__
        if own in self.resources:
            raise InputError(f"pipeline {self.name}: two resources are named {own}")
        self.resources[own] = function
        return function

    def assume(
        self,
        name: str,
        law: Law | Path | str,
        *,
        curve: str | None = None,
        source: str = "",
        runs_in: Place = "same",
        workers: int = 1,
    ) -> None:
        """Add a stage that is not run here, by its law.

        Parameters
        ----------
        name : str
        law : Law, or path of a file of laws or measurements
            From the pipeline's own folder on.
        curve : str
            Of a file with several.
        source : str
            Where it comes from; the file by default.
        runs_in, workers
            As of a stage.
        """
        self._check(name, runs_in, workers)
        kept = Path(law) if isinstance(law, str) else law
        said = source or (str(kept) if isinstance(kept, Path) else kept.source or "a law")
        self.stages.append(Assumed(name, kept, curve, said, runs_in, workers))

    def _check(self, name: str, runs_in: str, workers: int) -> None:
        where = f"pipeline {self.name}, stage {name}"
        if not NAME.fullmatch(name) or name in RESERVED:
            taken = f" and none of {', '.join(RESERVED)}"
            raise InputError(f"{where}: a name is letters, digits, - and _{taken}")
        if any(stage.name == name for stage in self.stages):
            raise InputError(f"pipeline {self.name}: two stages are named {name}")
        if runs_in not in get_args(Place):
            raise InputError(f"{where}: runs_in is same, thread or process, not {quoted(runs_in)}")
        if (
            isinstance(workers, bool)
            or not isinstance(workers, int)
            or not (1 <= workers <= _MOST_WORKERS)
        ):
            raise InputError(f"{where}: workers are 1 to {_MOST_WORKERS}, not {quoted(workers)}")
        if workers > 1 and runs_in == "same":
            raise InputError(f"{where}: workers are threads or processes of their own (runs_in)")
        if len(self.stages) >= _MOST_STAGES:
            raise InputError(f"pipeline {self.name}: more than {_MOST_STAGES} stages")

    def rehearse(self, *sizes: int) -> None:
        """Run one batch of each size through all stages, in this process.

        Raises
        ------
        InputError
            If something goes wrong; names stage and size.
        """
        from aethermodel.pipelines.runtime.rehearsal_steps import rehearsed

        self.check()
        for _ in rehearsed(self, list(sizes)):
            pass
