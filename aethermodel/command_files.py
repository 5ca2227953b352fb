"""Files of a command: inputs and outputs, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import typer

_Files = TypeVar("_Files", str, Path, list[Path], None)
#: Where a context keeps the files that its command reads and writes, by option.
_READ, _WRITTEN = "aethermodel.read", "aethermodel.written"


def writable(ctx: typer.Context, param: typer.CallbackParam, target: _Files) -> _Files:
    """Refuse a file that cannot be written, or is read too, before anything is done for it.

    Every option that names an output has this callback, every one that names an input
    `readable`: whichever comes second meets the other, and nothing has been opened yet.
    """
    from aethermodel.output_files import check_apart, check_target

    if _is_file(target):
        check_target(Path(str(target)))
        others = {**ctx.meta.get(_READ, {}), **ctx.meta.get(_WRITTEN, {})}
        others.pop(param.name, None)
        check_apart(str(target), [path for paths in others.values() for path in paths])
        check_outside_stores(str(target), _all(ctx, _READ))
        ctx.meta.setdefault(_WRITTEN, {})[param.name] = [str(target)]
    return target


def readable(ctx: typer.Context, param: typer.CallbackParam, given: _Files) -> _Files:
    """Remember what a command reads, so that it does not write over it; see `writable`."""
    from aethermodel.output_files import check_apart

    paths = given if isinstance(given, list | tuple) else [given]
    named = [str(path) for path in paths if path is not None]
    for target in _all(ctx, _WRITTEN):
        check_apart(target, named)
        check_outside_stores(target, named)
    ctx.meta.setdefault(_READ, {})[param.name] = named
    return given


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
