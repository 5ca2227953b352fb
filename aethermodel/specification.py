"""A budget on paper: the specification's, from its sourced parameter file, or one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aethermodel.console import one_line
from aethermodel.model.batch import BatchModel
from aethermodel.model.parameters import Parameter
from aethermodel.model.terms import affine, fixed
from aethermodel.quantity import read_quantity

_SI_UNITS = ("s", "s/event", "B/s", "B/event")


@dataclass(frozen=True)
class Specification:
    """What the specification assumes and claims.

    Attributes
    ----------
    name, label : str
        Title, and the honest label of its figures (``simulated``: they are on paper).
    batch_size : int
        The batch that it computes.
    threshold_per_second : float
        Section 5: messages a second above which a topology counts as ready.
    parameters : dict of str to Parameter
        SI units, with source.
    budget_seconds : dict of str to float
        Section 1: latency targets of the tiers ``fabric``, ``bridge`` and ``plane``.
    """

    name: str
    label: str
    batch_size: int
    threshold_per_second: float
    parameters: dict[str, Parameter]
    budget_seconds: dict[str, float]

    def model(self) -> BatchModel:
        """Return T_batch with the specification's figures."""
        p = self.parameters
        return BatchModel(
            [
                fixed("loop", p["t_loop"]),
                fixed("ffi", p["t_ffi"]),
                affine("kernel", None, p["t_kernel"]),
                fixed("fabric", p["t_fabric"]),
            ]
        )

    def memory_bound_per_second(self) -> float:
        """Return events a second at which reading each record once fills the memory bandwidth."""
        return self.parameters["b_memory"].value / self.parameters["s_event"].value


class _Entry(BaseModel):
    """One parameter as a file states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    unit: str
    meaning: str
    source: str


class _File(BaseModel):
    """A budget as a file states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    label: Literal["simulated"]
    batch_size: int = Field(ge=1)
    threshold_per_second: float = Field(gt=0)
    budgets: dict[str, str]
    parameters: dict[str, _Entry]


def load_specification(own: Path | None = None, given: Iterable[str] = ()) -> Specification:
    """Read ``data/spec-4.3.2.toml``, or a budget of one's own; units become SI here, at the border.

    Parameters
    ----------
    own : Path, optional
        A file of the same form. What it leaves out is the specification's.
    given : iterable of str
        ``name=value`` with a unit, such as ``t_loop=5us``; these win.

    Raises
    ------
    ValueError
        If the file is none, or names or states what is no parameter of the model.
    """
    document = tomllib.loads((files("aethermodel") / "data/spec-4.3.2.toml").read_text("utf-8"))
    units = {name: _si_unit(entry["unit"]) for name, entry in document["parameters"].items()}
    if own is not None:
        document = _with_own(document, own)
    try:
        file = _File.model_validate(document)
        parameters = {name: _parameter(name, e, units[name]) for name, e in file.parameters.items()}
        budgets = {tier: read_quantity(text, "s") for tier, text in file.budgets.items()}
    except ValueError as error:
        raise ValueError(f"{own}: {one_line(error)}") from None
    title = file.name
    for name, value in _pairs(given, parameters):
        changed = read_parameter(name, value, parameters[name].unit)
        parameters[name] = parameters[name].with_value(changed, "set by hand")
        title = f"{file.name}, changed by hand"
    return Specification(
        title, file.label, file.batch_size, file.threshold_per_second, parameters, budgets
    )


def _si_unit(unit: str) -> str:
    for si in _SI_UNITS:
        with suppress(ValueError):
            read_quantity(f"1 {unit}", si)
            return si
    raise ValueError(f"no unit of the model: {unit!r}")


def _parameter(name: str, entry: _Entry, unit: str) -> Parameter:
    value = read_parameter(name, f"{entry.value!r} {entry.unit}", unit)
    return Parameter(name, value, unit, entry.meaning, entry.source)


def read_parameter(name: str, text: str, unit: str) -> float:
    """Read a parameter's value in its SI unit; what is wrong with it names the parameter."""
    try:
        return read_quantity(text, unit)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _pairs(given: Iterable[str], known: Container[str]) -> Iterator[tuple[str, str]]:
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise ValueError(f"--set wants name=value, such as t_loop=5us, not {text!r}")
        _refuse_unknown(name, known)
        yield name, value


def _refuse_unknown(name: str, known: Any) -> None:
    if name not in known:
        raise ValueError(f"no parameter {name!r}; there are {', '.join(known)}")


def _with_own(document: dict[str, Any], own: Path) -> dict[str, Any]:
    """Lay a file of the user's over the specification's."""
    try:
        text = own.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{own}: not UTF-8 text") from None
    try:
        changes = tomllib.loads(text)
        parameters = dict(document["parameters"])
        stated = changes.get("parameters", {})
        if not isinstance(stated, dict):
            raise ValueError("parameters: wanted are tables such as [parameters.t_loop]")
        for name, entry in stated.items():
            _refuse_unknown(name, parameters)
            if not isinstance(entry, dict):
                raise ValueError(f"parameters.{name}: wanted is a table with value and unit")
            if missing := {"value", "unit"} - entry.keys():
                raise ValueError(f"parameters.{name}: {' and '.join(sorted(missing))} is missing")
            meaning = parameters[name]["meaning"]
            parameters[name] = {"meaning": meaning, "source": str(own), **entry}
    except ValueError as error:
        raise ValueError(f"{own}: {one_line(error)}") from None
    budgets = changes.get("budgets", {})
    if isinstance(budgets, dict):
        budgets = document["budgets"] | budgets
    return {
        **document,
        "name": own.stem,
        **changes,
        "parameters": parameters,
        "budgets": budgets,
    }
