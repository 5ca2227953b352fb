"""Spool of a worker: points that it finished, kept until the client says that it has them.

A worker may be killed when a point is done and its result still on the way. The next worker of
the same host then finds it here, and does not run it again. What is here outlives a worker, not the
system: a disk is not waited for.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from aethermodel.execute.place import this_place
from aethermodel.execute.scratch import runtime_folder
from aethermodel.output_files import write_whole
from aethermodel.sweep.store import Record, read_record

_PREFIX = "spool-"
# What a client left that never came back.
_OLD_SECONDS = 7 * 86_400.0


class Spool:
    """Finished points of one run on this host.

    Parameters
    ----------
    run : str
        Id of the run: letters and digits.
    """

    def __init__(self, run: str) -> None:
        if not run.isalnum():
            raise ValueError(f"the id of a run is of letters and digits, not {run!r}")
        self._folder = runtime_folder() / f"{_PREFIX}{run}" / this_place().replace("/", "_")

    def get(self, name: str) -> tuple[Record, str | None] | None:
        """Return a finished point and its executed notebook; None if it is not here."""
        record, notebook = self._paths(name)
        if not record.exists():
            return None
        return read_record(record), notebook.read_text("utf-8") if notebook.exists() else None

    def put(self, name: str, record: Record, notebook: str | None) -> None:
        """Keep a finished point; whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target, beside = self._paths(name)
        if notebook is not None:
            write_whole(beside, notebook, durable=False)
        write_whole(target, record.model_dump_json(), durable=False)

    def forget(self, names: Iterable[str]) -> None:
        """Remove points that the client has."""
        for name in names:
            for path in self._paths(name):
                with suppress(FileNotFoundError):
                    path.unlink()

    def end(self) -> None:
        """Remove all of this run on this host, and what is left of runs a week ago."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):
            self._folder.parent.rmdir()
        for folder in runtime_folder().glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if folder.stat().st_mtime < time.time() - _OLD_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)

    def _paths(self, name: str) -> tuple[Path, Path]:
        plain = Path(name).name
        return self._folder / f"{plain}.json", self._folder / f"{plain}.ipynb"
