"""Target of a sweep: a probe or a notebook, with its parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BaseModel, Field

from aethermodel.execute.notebooks import check_parameters, find_notebook, read_notebook
from aethermodel.inputs.fields import Content, Line, Name, Share
from aethermodel.measure.probes import PROBES


class Target(Protocol):
    """A probe or a notebook."""

    @property
    def name(self) -> str:
        """What a record says was run."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What it is read from."""

    def check(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters completed with the defaults.

        Raises
        ------
        ValueError
            If one is unknown, or of the wrong type, or out of range.
        """


def _refuse_unknown(given: dict[str, Any], known: Any, what: str) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{what} has no parameter {name!r}; it has {', '.join(known)}")


# Windows has no fcntl, and no kernels either.
_MISSING_WITHOUT_KERNELS = ("cython_core", "fcntl")


@dataclass(frozen=True)
class ProbeTarget:
    """A probe, timed in a fresh child."""

    probe: str

    def __post_init__(self) -> None:
        if self.probe not in PROBES:
            raise ValueError(f"no probe {self.probe!r}; there are {', '.join(PROBES)}")

    @property
    def name(self) -> str:
        """The probe's name."""
        return self.probe

    @property
    def files(self) -> tuple[Path, ...]:
        """None."""
        return ()

    @property
    def settings(self) -> type[BaseModel] | None:
        """The probe's settings; None in an installation without the kernels that it runs."""
        try:
            return PROBES[self.probe].settings
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in _MISSING_WITHOUT_KERNELS:
                raise
            return None

    def check(self, given: dict[str, Any]) -> dict[str, Any]:
        """Check against the probe's settings; see `Target`.

        Without kernels nothing is checked or completed: no point can be run there, and those of a
        store were checked when they ran.
        """
        settings = self.settings
        if settings is None:
            return dict(given)
        _refuse_unknown(given, settings.model_fields, f"probe {self.probe}")
        checked = settings(**given).model_dump(mode="json")
        for name, value in given.items():
            # True is 1 to Python; nobody who writes it means a number.
            if isinstance(value, bool) and not isinstance(checked[name], bool):
                raise ValueError(f"{name}: should be {type(checked[name]).__name__}, not {value}")
        return checked


class NotebookTarget:
    """A notebook, executed with its ``parameters`` cell replaced.

    Values are checked by type against the cell's defaults and, where the notebook's
    metadata name a typed model, by that model.
    """

    def __init__(self, name: str) -> None:
        self.path: Path = find_notebook(name)
        notebook = read_notebook(self.path)
        self._notebook = notebook
        check_parameters(notebook, {}, self.path.name)
        self.code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")

    @property
    def name(self) -> str:
        """The notebook's file name."""
        return self.path.name

    @property
    def files(self) -> tuple[Path, ...]:
        """The notebook."""
        return (self.path,)

    def check(self, given: dict[str, Any]) -> dict[str, Any]:
        """Check against the cell's defaults and the typed models; see `Target`."""
        return check_parameters(self._notebook, given, self.name)


State = Literal["done", "failed", "timeout"]


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    seconds, noisy = row.get("seconds"), row.get("noisy")
    if not isinstance(seconds, float) or not 0 < seconds < math.inf:
        raise ValueError("a sample has its seconds, a number above zero")
    if not isinstance(noisy, bool):
        raise ValueError("a sample has noisy, true or false")
    return row


#: Of `aethermodel.measure.sampling.worker.sample`; nan where there was nothing to look at.
Sample = Annotated[
    dict[Name, bool | int | Annotated[float, Field(allow_inf_nan=True)] | Line | None],
    AfterValidator(_timed),
]


class Outcome(Content):
    """What one try at a point gave.

    Attributes
    ----------
    state : {"done", "failed", "timeout"}
    seconds : float
        Wall time.
    samples : list of dict
        A row a sample (probes).
    figures : dict
        What the notebook recorded with `aethermodel.execute.recorded_figures.record`.
    disturbed : float
        Share of the samples, or of the time, that the system disturbed.
    error : str
        One line; empty if done.
    """

    state: State
    seconds: Annotated[float, Field(ge=0, le=1e9)]
    samples: list[Sample] = Field(default_factory=list, max_length=1_000_000)
    figures: dict[Name, float | None] = Field(default_factory=dict, max_length=10_000)
    disturbed: Share = 0.0
    error: Annotated[str, Field(max_length=100_000)] = ""

    @property
    def sample_seconds(self) -> list[float]:
        """What each sample took."""
        return [float(row["seconds"]) for row in self.samples]  # type: ignore[arg-type]

    def figure(self, name: str) -> float:
        """Return a figure; nan if it was not recorded, or no number is known."""
        value = self.figures.get(name)
        return math.nan if value is None else value
