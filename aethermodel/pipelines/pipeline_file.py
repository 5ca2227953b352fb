"""Loading of a pipeline from the Python file that its user names."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import ModuleType

from aethermodel.inputs.refusals import InputError, one_line_of, quoted
from aethermodel.pipelines.missing_packages import remedy
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.pipelines.stage import Assumed

#: Name of the built-in pipeline, where a file is asked for.
BUILTIN = "builtin"


def split_name(text: str) -> tuple[Path, str]:
    """Split ``FILE.py:NAME``; the name is empty where there is none.

    ``builtin`` is the file that declares the built-in pipeline as one of one's own.
    """
    if text == BUILTIN:
        return Path(str(files("aethermodel") / "data" / "pipeline" / "builtin.py")), ""
    file, colon, name = text.rpartition(":")
    if colon and file.endswith(".py"):
        return Path(file), name
    return Path(text), ""


def is_pipeline(path: Path | str | None) -> bool:
    """Whether a command's file is a pipeline's."""
    return path is not None and split_name(str(path))[0].suffix == ".py"


def load_pipeline(text: str) -> Pipeline:
    """Import a file and return the pipeline that it declares.

    Parameters
    ----------
    text : str
        ``FILE.py``, with one pipeline, or ``FILE.py:NAME``, by its variable; or ``builtin``.

    Raises
    ------
    InputError
        In one line, if the file cannot be read or run, or has no such pipeline.
    """
    path, name = split_name(text)
    if path.suffix != ".py":
        raise InputError(f"{path}: a pipeline is declared in a Python file (FILE.py[:NAME])")
    module = _run(path)
    found = {key: one for key, one in vars(module).items() if isinstance(one, Pipeline)}
    if name:
        if name not in found:
            known = ", ".join(found) or "none"
            raise InputError(f"{path}: no pipeline {quoted(name)}; it has {known}")
        pipeline = found[name]
    else:
        distinct = {id(one): key for key, one in found.items()}
        if len(distinct) != 1:
            raise InputError(
                f"{path}: {len(distinct) or 'no'} pipelines: "
                + (
                    f"choose one by FILE.py:NAME, of {', '.join(distinct.values())}"
                    if distinct
                    else "it declares none (pipeline = aethermodel.Pipeline(...))"
                )
            )
        (name,) = distinct.values()
        pipeline = found[name]
    try:
        pipeline.check()
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    pipeline.file, pipeline.variable = path.resolve(), name
    for index, stage in enumerate(pipeline.stages):
        if isinstance(stage, Assumed) and isinstance(stage.law, Path):
            pipeline.stages[index] = replace(stage, law=path.resolve().parent / stage.law)
    return pipeline


def _run(path: Path) -> ModuleType:
    """Import a file under a name of its own; what lies beside it can be imported by it."""
    resolved = path.resolve()
    if not resolved.is_file():
        raise InputError(f"{path}: no such file")
    name = f"_pipeline_{resolved.stem}"
    spec = importlib.util.spec_from_file_location(name, resolved)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    beside = str(resolved.parent)
    if beside not in sys.path:
        sys.path.insert(0, beside)
    sys.modules[name] = module  # by which what it defines can be pickled
    try:
        with redirect_stdout(sys.stderr):  # standard output is the command's
            spec.loader.exec_module(module)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (Exception, SystemExit) as error:
        line = _line_in(error, resolved)
        at = f"{path}:{line}" if line else f"{path}"
        said = f"{type(error).__name__}: {one_line_of(error)}"
        raise InputError(f"{at}: {said}{remedy(error, resolved)}") from None
    return module


def _line_in(error: BaseException, path: Path) -> int | None:
    """Return the last line of a file that an error came through."""
    if isinstance(error, SyntaxError):
        return error.lineno
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
