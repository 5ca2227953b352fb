"""Executed notebook as a report reads it: cells and outputs, checked.

Format 4 is read here. What nbformat would check beyond that does not change a report, and
importing it takes longer than all else that an export does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from aethermodel.inputs.fields import Text, in_one_piece
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError

_FORMAT = 4


def is_notebook(path: Path) -> bool:
    """Whether a file is a notebook, by its name or by what every notebook holds."""
    return path.suffix == ".ipynb" or b'"nbformat"' in read_bytes(path)


def _bundle(value: Any) -> Any:
    """Join the texts of an output's forms; a list of JSON stays a list."""
    if not isinstance(value, dict):
        return value
    return {kind: v if "json" in str(kind) else in_one_piece(v) for kind, v in value.items()}


def _whole(value: dict[str, Any]) -> dict[str, Any]:
    for kind, form in value.items():
        if not isinstance(form, str) and "json" not in kind:
            raise ValueError(f"{kind}: should be a text or its lines")
    return value


#: Forms of one output: texts, and whatever JSON says under kinds of JSON.
Bundle = Annotated[dict[str, Any], BeforeValidator(_bundle), AfterValidator(_whole)]


class _Part(BaseModel):
    # What a report has no use for (ids, signatures, widget state) is let go.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Stream(_Part):
    """What a cell wrote to standard output or standard error."""

    output_type: Literal["stream"]
    name: str
    text: Text


class Display(_Part):
    """A result or a display, in one or several forms by mime type."""

    output_type: Literal["display_data", "execute_result"]
    data: Bundle
    metadata: dict[str, Any] = {}


class Failure(_Part):
    """The error that ended a cell."""

    output_type: Literal["error"]
    ename: str
    evalue: str
    traceback: list[str] = []


Output = Annotated[Stream | Display | Failure, Field(discriminator="output_type")]


class Cell(_Part):
    """One cell; outputs and execution count are those of code, attachments those of text."""

    cell_type: Literal["code", "markdown", "raw"]
    source: Text
    metadata: dict[str, Any] = {}
    outputs: list[Output] = []
    execution_count: int | None = None
    attachments: dict[str, Bundle] = {}


class Notebook(_Part):
    """A notebook of format 4."""

    nbformat: Literal[4]
    cells: list[Cell]
    metadata: dict[str, Any] = {}

    @property
    def executed(self) -> bool:
        """Whether any of its code was run; true of a notebook that has none."""
        code = [cell for cell in self.cells if cell.cell_type == "code"]
        return not code or any(cell.execution_count or cell.outputs for cell in code)


def read_notebook(path: Path) -> Notebook:
    """Read a notebook; one of an older format is upgraded by nbformat.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Notebook

    Raises
    ------
    InputError
        If the file is not a notebook.
    OSError
        If it cannot be read.
    """
    with refusing(path, " is not a readable notebook"):
        content = parse_json(read_bytes(path))
        if not isinstance(content, dict):
            raise InputError("it holds no JSON object")
        version = content.get("nbformat")
        if isinstance(version, int) and 0 < version < _FORMAT:
            content = _upgraded(content)
        return Notebook.model_validate(content)


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    import aethermodel.execute.address_formats  # noqa: F401  before nbformat  # isort: skip
    import nbformat

    try:
        notebook = nbformat.from_dict(content)
        return dict(nbformat.convert(notebook, _FORMAT))
    except Exception as error:  # which fail in many ways, KeyError among them
        raise InputError(
            f"no upgrade to format {_FORMAT}: {type(error).__name__}: {error}"
        ) from None
