"""Sourced parameter files: read in one strict way, their entries found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import MOST_WRITTEN, parse_toml

_Content = TypeVar("_Content")
_Read = TypeVar("_Read")


def read_parameters(
    name: str, own: Path | None, form: Any, convert: Callable[[_Content, str], _Read]
) -> _Read:
    """Read a parameter file of the package, or another of the same form.

    Parameters
    ----------
    name : str
        Of the package's file, such as ``interconnects.toml``.
    own : pathlib.Path, optional
        The other one.
    form : type
        That the content is of.
    convert : callable
        ``(content, name of the file)``; returns what is wanted, in SI units.

    Raises
    ------
    InputError
        In one line, if the file is not of that form.
    """
    where = str(own or files("aethermodel") / "data" / name)
    with refusing(where):
        text = read_bytes(where, MOST_WRITTEN)
        return convert(TypeAdapter(form).validate_python(parse_toml(text)), where)


def entry(known: Mapping[str, _Read], name: str, what: str, file: str) -> _Read:
    """Return an entry of a parameter file by name.

    Raises
    ------
    ValueError
        If the file does not have it.
    """
    if name not in known:
        raise ValueError(f"no {what} {name!r}; data/{file} has {', '.join(known)}")
    return known[name]
