"""Files of a command: inputs and outputs, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import typer

_Files = TypeVar("_Files", str, Path, list[Path], None)
#: Where a context keeps the files that its command reads and writes, by option.
_READ, _WRITTEN = "aethermodel.read", "aethermodel.written"


def writing(*kinds: str) -> Callable[[typer.Context, typer.CallbackParam, Any], Any]:
    """Return the callback of an option that names an output.

    It refuses a file that cannot be written, that is read or written too, or whose name says
    another kind than what is written, before anything is done for it. What is read is looked at
    before (`READ`), so that nobody is sent to rename what would have been destroyed.

    Parameters
    ----------
    *kinds : str
        What can be written, of `aethermodel.output_files.KINDS`.
    """

    def writable(ctx: typer.Context, param: typer.CallbackParam, target: _Files) -> _Files:
        from aethermodel.output_files import check_apart, check_kind, check_target

        if _is_file(target):
            check_target(Path(str(target)))
            others = {**ctx.meta.get(_READ, {}), **ctx.meta.get(_WRITTEN, {})}
            others.pop(param.name, None)
            check_apart(str(target), [path for paths in others.values() for path in paths])
            check_outside_stores(str(target), _all(ctx, _READ))
            check_kind(str(target), kinds, param.opts[0])
            ctx.meta.setdefault(_WRITTEN, {})[param.name] = [str(target)]
        return target

    return writable


def _readable(ctx: typer.Context, param: typer.CallbackParam, given: _Files) -> _Files:
    paths = given if isinstance(given, list | tuple) else [given]
    ctx.meta.setdefault(_READ, {})[param.name] = [str(path) for path in paths if path is not None]
    return given


#: Of every argument and option that names an input: what a command reads is remembered, before
#: any output is looked at, so that no output is written over it; see `writing`.
READ: Mapping[str, Any] = MappingProxyType({"callback": _readable, "is_eager": True})


def check_outside_stores(target: str | Path, folders: Iterable[str | Path]) -> None:
    """Refuse to write over what a store of a sweep keeps.

    Raises
    ------
    InputError
    """
    for folder in folders:
        if Path(folder).is_dir():
            from aethermodel.sweep.store import Store

            Store(Path(folder)).check_outside(Path(target))


def _is_file(target: Any) -> bool:
    return target is not None and str(target) != "-"


def _all(ctx: typer.Context, kind: str) -> list[str]:
    return [path for paths in ctx.meta.get(kind, {}).values() for path in paths]
