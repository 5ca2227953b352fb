"""Choice of a pipeline of one's own: by the argument or by ``--pipeline``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aethermodel.inputs.unset_values import without_unset

Argument = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE.py[:NAME]]",
        help="a pipeline of your own, instead of the built-in one",
        show_default=False,
    ),
]
Option = Annotated[
    str | None,
    typer.Option(
        "--pipeline",
        metavar="FILE.py[:NAME]",
        help="a pipeline of your own, or `builtin`: the one that is built in, declared as such "
        "[default: the one built in]",
    ),
]


def chosen(argument: str | None, option: str | None) -> str | None:
    """Return the one that was given.

    Raises
    ------
    ValueError
        If both were and differ, or the argument names no Python file.
    """
    from aethermodel.pipelines.pipeline_file import is_pipeline

    if argument and option and argument != option:
        raise ValueError(f"{argument} and --pipeline {option}: which one?")
    named = argument if option is None else option
    if named is not None and not is_pipeline(named):
        raise ValueError(
            f"{named or 'no name'}: a pipeline is declared in a Python file (FILE.py[:NAME])"
        )
    return named


def campaign_options(
    batch_sizes: str | None, processes: int | None, repeats: int | None, seed: int | None
) -> dict[str, Any]:
    """Return the options of a campaign that were given; ``sizes`` where batch sizes were."""
    from aethermodel.cli.shared.options import numbers

    given: dict[str, Any] = {"processes": processes, "repeats": repeats, "seed": seed}
    for name, least in (("processes", 1), ("repeats", 1)):
        if given[name] is not None and not least <= given[name] <= 100:
            raise ValueError(f"{name}: from {least} to 100, not {given[name]}")
    if batch_sizes is not None:
        given["sizes"] = tuple(numbers("batch_sizes", batch_sizes))
    return without_unset(given)
