"""The papermill engine `aether`: a warm, fresh kernel a notebook, and files written whole.

Importing this also lets papermill's own engine check the parameters of notebooks that name typed
models for them; it is imported wherever papermill is, by the entry point.
"""

from __future__ import annotations

import atexit
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aethermodel.execute.address_formats  # noqa: F401  before nbformat  # isort: skip
import click
import nbformat
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import (
    Engine,
    NBClientEngine,
    NotebookExecutionManager,
    papermill_engines,
)
from papermill.log import logger
from papermill.parameterize import parameterize_notebook

from aethermodel.execute.forks import Fork, ForkError, ForkServer
from aethermodel.execute.jupyter_kernels import WarmKernelManager, kernel_server
from aethermodel.execute.notebooks import NotebookSource, check_parameters
from aethermodel.execute.scratch import clean_leftovers, scratch
from aethermodel.output_files import write_whole
from aethermodel.processes import ending

# Papermill saves before and after every cell; what a crash may cost is a second's work.
_SAVE_SECONDS = 1.0


# For whoever calls the engine without a server; kept until the end.
_own: list[ForkServer] = []


def _own_server() -> ForkServer:
    """Return a server of this process's own, a new one where the last one was killed."""
    if _own and not _own[-1].alive:
        _own.pop().close()
    if not _own:
        clean_leftovers()
        _own.append(kernel_server())
        atexit.register(_own[-1].close)
    return _own[-1]


class BadParametersError(click.ClickException, ValueError):
    """What papermill was given for a notebook is not what it takes; papermill prints one line."""

    exit_code = 2


def checked(nb: Any) -> Any:
    """Return a notebook with the parameters that papermill put into it, as its own types say.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        As papermill hands it to an engine.

    Raises
    ------
    BadParametersError
        If one is unknown, or of the wrong type, or out of range.
    """
    given = dict(nb.metadata.get("papermill", {}).get("parameters") or {})
    name = Path(nb.metadata.get("papermill", {}).get("input_path") or "the notebook").name
    try:
        # Plain values, as a file has them: papermill's are of types of their own.
        source = NotebookSource.model_validate(json.loads(json.dumps(nb)))
        values = check_parameters(source, given, name)
    except ValueError as error:
        from aethermodel.console import one_line

        raise BadParametersError(one_line(error)) from None
    settled = {key: values[key] for key in given}
    if repr(settled) == repr(given):  # 1e4 and 10000 are equal
        return nb
    return parameterize_notebook(nb, settled, kernel_name="python3", language="python")


class _WholeSaves(NotebookExecutionManager):  # type: ignore[misc]  # untyped
    """Keeps the output file up to date, replacing it whole each time."""

    nb: Any
    _saved = -_SAVE_SECONDS

    def save(self, **changed: Any) -> None:
        self.nb = changed.get("nb") or self.nb
        ended = self.end_time is not None
        if self.output_path and (ended or time.monotonic() - self._saved >= _SAVE_SECONDS):
            write_whole(Path(self.output_path), nbformat.writes(self.nb))
            self._saved = time.monotonic()
        self.last_save_time = self.now()


class AetherEngine(Engine):  # type: ignore[misc]  # untyped
    """Execute notebooks on kernels that are forked from a process with everything imported.

    Each notebook has a kernel of its own, which no other has touched. Besides what
    papermill's own engine takes: ``server``, a `ForkServer` from
    `aethermodel.execute.jupyter_kernels.kernel_server`, and ``started``, called with the kernel's
    `Fork` so that the caller can end it.
    """

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **settings: Any,
    ) -> Any:
        """Execute one notebook; papermill calls this."""
        nb = checked(nb)
        manager = _WholeSaves(nb, output_path, log_output, progress_bar, autosave_cell_every)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **settings)
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        server: ForkServer | None = None,
        started: Callable[[Fork], None] = lambda _: None,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        **settings: Any,
    ) -> None:
        """Run the cells.

        Raises
        ------
        ForkError
            If the kernel, or its server, is killed.
        """
        kernels: list[Fork] = []

        def noted(fork: Fork) -> None:
            kernels.append(fork)
            started(fork)

        for papermills in ("input_path", "timeout", "startup_timeout"):
            settings.pop(papermills, None)
        with scratch() as folder:
            client = PapermillNotebookClient(
                nb_man,
                km=WarmKernelManager(server or _own_server(), folder, noted),
                kernel_name=kernel_name,
                startup_timeout=start_timeout,
                timeout=execution_timeout,
                log=logger,
                **settings,
            )
            client.owns_km = True  # it is this notebook's alone, to be ended with it
            (temporary := folder / "tmp").mkdir()
            try:
                client.execute(env=os.environ | {"TMPDIR": str(temporary)})
            except RuntimeError:  # that the kernel has died, but not how
                code = kernels[-1].poll() if kernels else None
                if code is None:
                    raise
                words = kernels[-1].lost or f"the notebook's kernel was {ending(code)}"
                raise ForkError(words) from None


# What a cell raises of a value that it cannot take, such as a file that is not there.
_REFUSALS = frozenset({"FileNotFoundError", "InputError", "ValueError"})


def _refusal(nb: Any) -> str:
    """Return what the cell at which a notebook stopped says of a value; empty of any other end."""
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                return str(output["evalue"]) if output["ename"] in _REFUSALS else ""
    return ""


class CheckedEngine(NBClientEngine):  # type: ignore[misc]  # untyped
    """Papermill's own engine, which first checks what a notebook of this project is given.

    Papermill itself only warns of an unknown parameter, and measures with the defaults. What only a
    cell can check, such as a file, ends in a line too, and its traceback stays in the notebook.
    """

    @classmethod
    def execute_notebook(
        cls, nb: Any, kernel_name: str, output_path: str | None = None, *args: Any, **settings: Any
    ) -> Any:
        """Execute one notebook; papermill calls this."""
        ours = "parameters" in nb.metadata.get("aether", {})
        if ours:
            nb = checked(nb)
        done = super().execute_notebook(nb, kernel_name, output_path, *args, **settings)
        given = nb.metadata.get("papermill", {}).get("parameters")
        if ours and given and (why := _refusal(done)):
            from aethermodel.console import one_line

            where = f" (traceback in {output_path})" if output_path else ""
            raise BadParametersError(f"{one_line(ValueError(why))}{where}")
        return done


for _name in (None, "nbclient"):
    if papermill_engines.get_engine(_name) is NBClientEngine:  # and nobody else's
        papermill_engines.register(_name, CheckedEngine)
