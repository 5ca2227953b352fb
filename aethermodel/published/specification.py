"""Specification's budget on paper, or one's own, from a parameter file."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from aethermodel.inputs.fields import Content, Line
from aethermodel.inputs.quantities import Quantity, read_quantity, si
from aethermodel.inputs.refusals import quoted
from aethermodel.model.batch import BatchModel
from aethermodel.model.parameters import Parameter
from aethermodel.model.terms import affine, fixed
from aethermodel.published.parameter_files import read_parameters


@dataclass(frozen=True)
class Specification:
    """What the specification assumes and claims.

    Attributes
    ----------
    name, label : str
        Title, and the provenance label of its figures (``simulated``: they are on paper).
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


_NAME = "spec-4.3.2.toml"
#: SI unit of each parameter; a file may write it with any prefix.
_SI = {
    "t_loop": "s",
    "t_ffi": "s",
    "t_kernel": "s/event",
    "t_fabric": "s",
    "b_memory": "B/s",
    "s_event": "B/event",
}


class _Entry(Content):
    value: Annotated[float, Field(ge=0, le=1e18)]
    unit: Line
    meaning: Line | None = None
    source: Line | None = None


class _Parameters(Content):
    t_loop: _Entry | None = None
    t_ffi: _Entry | None = None
    t_kernel: _Entry | None = None
    t_fabric: _Entry | None = None
    b_memory: _Entry | None = None
    s_event: _Entry | None = None


class _Budgets(Content):
    fabric: Quantity | None = None
    bridge: Quantity | None = None
    plane: Quantity | None = None


class _File(Content):
    name: Line | None = None
    label: Literal["simulated"] | None = None
    batch_size: Annotated[int, Field(ge=1, le=2**32)] | None = None
    threshold_per_second: Annotated[float, Field(gt=0, le=1e18)] | None = None
    budgets: _Budgets = _Budgets()
    parameters: _Parameters = _Parameters()


def load_specification(own: Path | None = None, given: Iterable[str] = ()) -> Specification:
    """Read ``data/spec-4.3.2.toml``, or a budget of one's own; units become SI here, on input.

    Parameters
    ----------
    own : Path, optional
        A file of the same form. What it leaves out is the specification's.
    given : iterable of str
        ``name=value`` with a unit, such as ``t_loop=5us``; these win.

    Raises
    ------
    ValueError
        In one line, if the file is not of that form, or one of `given` is no parameter.
    """
    found = read_parameters(_NAME, None, _File, _specification)
    if own is not None:
        found = read_parameters(_NAME, own, _File, partial(_specification, base=found))
    parameters, title = dict(found.parameters), found.name
    for name, text in _pairs(given, parameters):
        changed = read_parameter(name, text, parameters[name].unit)
        parameters[name] = parameters[name].with_value(changed, "set by hand")
        title = f"{found.name}, changed by hand"
    return replace(found, parameters=parameters, name=title)


def _specification(file: _File, where: str, base: Specification | None = None) -> Specification:
    """Return what a file states; what it leaves out is from `base`."""
    if file == _File():
        raise ValueError("states nothing: wanted are parameters, budgets or a batch_size")
    parameters = {} if base is None else dict(base.parameters)
    for name, written in file.parameters:
        if written is not None:
            value = read_parameter(name, f"{written.value!r} {written.unit}", _SI[name])
            meaning = written.meaning or (parameters[name].meaning if base else "")
            source = written.source or where
            parameters[name] = Parameter(name, value, _SI[name], meaning, source)
    budgets = {} if base is None else dict(base.budget_seconds)
    budgets |= {tier: si(text, "s") for tier, text in file.budgets if text is not None}
    base = base or Specification("", "simulated", 1, 1.0, {}, {})
    return Specification(
        file.name or Path(where).stem,
        file.label or base.label,
        file.batch_size or base.batch_size,
        file.threshold_per_second or base.threshold_per_second,
        parameters,
        budgets,
    )


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
            raise ValueError(f"--set wants name=value, such as t_loop=5us, not {quoted(text)}")
        if name not in known:
            raise ValueError(f"no parameter {quoted(name)}; there are {', '.join(_SI)}")
        yield name, value
