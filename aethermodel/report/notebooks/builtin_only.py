"""Parameters of notebooks that only the built-in pipeline has, and what is said in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aethermodel.inputs.refusals import InputError
from aethermodel.report.blocks import Block, note_block


def refuse(pipeline: str, given: Mapping[str, Any]) -> None:
    """Refuse parameters that a pipeline of one's own does not have.

    Raises
    ------
    InputError
        If one of them is set.
    """
    for name, value in given.items():
        if value not in (None, ""):
            raise InputError(f"{name} is the built-in pipeline's, not {pipeline}'s")


def left_out(what: str, why: str) -> Block:
    """Say in a line what a notebook does not show of a pipeline of one's own, and why."""
    return note_block(f"{what}: not of a pipeline of your own, {why}.")
