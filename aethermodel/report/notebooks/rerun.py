"""Rerun: the command that runs a notebook again with the parameters that it was given."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def papermill_command(notebook: str, given: Mapping[str, Any]) -> str:
    """Return the command of papermill, with every parameter that is set.

    Parameters
    ----------
    notebook : str
        Name of a notebook of this project, such as ``30_model_vs_measured.ipynb``.
    given : mapping
        Its parameters; None, or a text of nothing, where one is not set.
    """
    words = ["papermill", f"notebooks/{notebook}", "out.ipynb"]
    for name, value in given.items():
        if value is not None and value != "":
            several = isinstance(value, list | tuple)
            words += ["-p", name, ",".join(map(str, value)) if several else str(value)]
    return shlex.join(words)
