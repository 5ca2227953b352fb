"""Notebooks: found, read for their parameters, executed through papermill."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from aethermodel.execute.parameter_models import parameter_model
from aethermodel.inputs.fields import Text
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import check_plain, parse_json
from aethermodel.inputs.refusals import quoted

if TYPE_CHECKING:
    from aethermodel.execute.forks import Fork, ForkServer

#: Most characters of a parameters cell.
_MOST_SOURCE = 64 * 2**10


def notebooks_folder() -> Path:
    """Return the folder of the notebooks: the checkout's, or the installed copy."""
    # An editable install maps single files to the checkout; a file leads to its folder.
    return Path(str(files("aethermodel") / "notebooks" / "00_quickstart.ipynb")).parent


def find_notebook(name: str) -> Path:
    """Return the path of a notebook: a file of the user's, or one of the project's by name.

    Raises
    ------
    ValueError
        If there is no such notebook.
    """
    for path in (Path(name), notebooks_folder() / name):
        if path.is_file():
            return path.resolve()
    raise ValueError(f"no notebook {name}: neither here nor in {notebooks_folder()}")


class _Part(BaseModel):
    # What is not run is let go; what is, is what it should be.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class CellTags(_Part):
    """Metadata of a cell."""

    tags: list[str] = []


class Source(_Part):
    """A cell, as far as it can be executed; what it once put out is read by its reader."""

    cell_type: Literal["code", "markdown", "raw"]
    source: Text
    metadata: CellTags
    outputs: list[dict[str, Any]] = []


class _Aether(_Part):
    parameters: str | list[str] = []


class NotebookNames(_Part):
    """Metadata of a notebook."""

    aether: _Aether = _Aether()


class NotebookSource(_Part):
    """A notebook, as far as it can be given parameters and executed."""

    cells: list[Source]
    metadata: NotebookNames


def read_notebook(path: Path) -> NotebookSource:
    """Read a notebook to execute.

    Raises
    ------
    InputError
        If the file is no notebook.
    """
    with refusing(path, ": not a notebook"):
        return NotebookSource.model_validate(parse_json(read_bytes(path)))


def parameters_of(notebook: NotebookSource) -> dict[str, Any]:
    """Return names and defaults from a notebook's ``parameters`` cell.

    Parameters
    ----------
    notebook : NotebookSource
        From `read_notebook`.

    Returns
    -------
    dict
        A default that JSON cannot say is given as None: of unknown type.

    Raises
    ------
    ValueError
        If the cell is not plain Python.
    """
    defaults: dict[str, Any] = {}
    for cell in notebook.cells:
        if "parameters" in cell.metadata.tags:
            for line in _statements(cell.source):
                if isinstance(line, ast.Assign):
                    names = [name.id for name in line.targets if isinstance(name, ast.Name)]
                elif isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    names = [line.target.id]
                else:
                    continue
                defaults.update(dict.fromkeys(names, _literal(line.value)))
    return defaults


def _literal(value: ast.expr | None) -> Any:
    try:
        default = ast.literal_eval(value) if value else None
        json.dumps(default, allow_nan=False)
        check_plain(default)
    except (TypeError, ValueError, RecursionError, MemoryError):
        return None
    return default


def _statements(source: str) -> list[ast.stmt]:
    if len(source) > _MOST_SOURCE:
        raise ValueError(f"the parameters cell is longer than {_MOST_SOURCE:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an escape that is none, among others
            return ast.parse(source).body
    except SyntaxError as error:  # a magic, among others
        raise ValueError(
            f"the parameters cell is not plain Python: line {error.lineno}: {error.msg}"
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL; a nest too deep
        why = str(error) or "nested too deeply"
        raise ValueError(f"the parameters cell is not plain Python: {why}") from None


def check_parameters(notebook: NotebookSource, given: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a notebook's parameters completed with its defaults, before anything is run.


    Parameters
    ----------
    notebook : NotebookSource
        From `read_notebook`.
    given : dict
        Checked by type against the defaults and, where the notebook's metadata name typed
        models, by these.
    name : str
        Of the notebook, for errors.

    Raises
    ------
    ValueError
        If one is unknown, or of the wrong type, or out of range.
    """
    defaults = parameters_of(notebook)
    for parameter in given:
        if parameter not in defaults:
            known = ", ".join(defaults)
            raise ValueError(f"{name} has no parameter {quoted(parameter)}; it has {known}")
    own = {key: _as_default(key, value, defaults[key]) for key, value in given.items()}
    values = defaults | own
    for model in models_of(notebook):
        fields = model.model_fields.keys() & values.keys()
        model.model_validate({field: values[field] for field in fields})
    return values


def _kind(value: Any) -> type:
    return list if isinstance(value, tuple) else type(value)


def _as_default(name: str, value: Any, default: Any) -> Any:
    """Return a value of the default's type, or refuse it."""
    wanted, got = _kind(default), _kind(value)
    if default is None or got is wanted:
        return value
    if wanted is float and got is int:
        return float(value)
    if wanted is int and got is float and value.is_integer():  # 1e4
        return int(value)
    if wanted is str and got in (int, float):
        return str(value)
    raise ValueError(f"{name}: should be {wanted.__name__} like its default, not {quoted(value)}")


def models_of(notebook: NotebookSource) -> list[type[BaseModel]]:
    """Return the typed models that a notebook names for its parameters.

    They stand in the notebook's metadata as ``{"aether": {"parameters": "campaign"}}``, or as a
    list: names of `aethermodel.execute.parameter_models`, never modules to import.

    Raises
    ------
    ValueError
        If there is no such model.
    """
    names = notebook.metadata.aether.parameters
    return [parameter_model(name) for name in ([names] if isinstance(names, str) else names)]


def _as_template(path: Path) -> str:
    """Escape a path's braces: papermill fills parameters, and their attributes, in between."""
    return str(path).replace("{", "{{").replace("}", "}}")


def execute(
    name: str,
    output: Path,
    parameters: dict[str, Any],
    progress: Callable[[int, int], None] | None = None,
    *,
    server: ForkServer | None = None,
    started: Callable[[Fork], None] = lambda _: None,
) -> None:
    """Execute a notebook with parameters.

    Parameters
    ----------
    name : str
        Path, or file name in the notebooks folder.
    output : Path
        Where the executed notebook goes, whole or not at all.
    parameters : dict
        Values for the names of its parameters cell.
    progress : callable, optional
        Called with (cells done, cells in all).
    server : ForkServer, optional
        For kernels; without it one is started and kept until this process ends.
    started : callable
        Called with the kernel's `Fork`.

    Raises
    ------
    ValueError
        If the notebook has no such parameter, or not of that type.
    papermill.PapermillExecutionError
        If a cell fails; the notebook so far is then left at `output`.
    """
    import aethermodel.execute.address_formats  # noqa: F401  before papermill  # isort: skip
    import papermill

    source = find_notebook(name)
    notebook = read_notebook(source)
    check_parameters(notebook, parameters, name)
    # Papermill itself writes last, in place; beside the target and under another
    # name, a reader never meets a half-written file.
    output = output.resolve()  # the kernel works in another folder
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
        draft = Path(folder) / output.name
        total = len(notebook.cells) + bool(parameters)  # which are injected as a cell

        def cell_done(*, cell_index: int, **_: object) -> None:
            if progress:
                progress(cell_index + 1, total)

        try:
            papermill.execute_notebook(
                _as_template(source),
                _as_template(draft),
                parameters=parameters,
                kernel_name="python3",
                language="python",
                engine_name="aether",
                progress_bar=False,
                cwd=str(source.parent),
                on_cell_executed=cell_done,
                server=server,
                started=started,
            )
        except KeyboardInterrupt:
            draft.unlink(missing_ok=True)  # neither a result nor an error to look at
            raise
        finally:
            if draft.exists():
                draft.replace(output)
