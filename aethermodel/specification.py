"""The specification's paper budget, read from its sourced parameter file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from aethermodel.fields import Content, Line
from aethermodel.input_files import read_bytes, refusing
from aethermodel.labels import FabricLabel
from aethermodel.model.batch import BatchModel
from aethermodel.model.parameters import Parameter
from aethermodel.model.terms import affine, fixed
from aethermodel.plain_values import MOST_WRITTEN, parse_toml
from aethermodel.quantities import Quantity, convert, si


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


class _Entry(Content):
    value: Annotated[float, Field(ge=0, le=1e18)]
    unit: Literal["us", "ns", "us/event", "ns/event", "GB/s", "B/event"]
    meaning: Line
    source: Line


class _Parameters(Content):
    t_loop: _Entry
    t_ffi: _Entry
    t_kernel: _Entry
    t_fabric: _Entry
    b_memory: _Entry
    s_event: _Entry


class _Budgets(Content):
    fabric: Quantity
    bridge: Quantity
    plane: Quantity


class _File(Content):
    name: Line
    label: FabricLabel
    batch_size: Annotated[int, Field(ge=1, le=2**32)]
    threshold_per_second: Annotated[float, Field(gt=0, le=1e18)]
    budgets: _Budgets
    parameters: _Parameters


#: SI unit of each way to write it.
_SI = {"us": "s", "ns": "s", "us/event": "s/event", "ns/event": "s/event", "GB/s": "B/s"}


def load_specification(path: Path | None = None) -> Specification:
    """Read ``data/spec-4.3.2.toml``; prefixed units become SI here, at the border.

    Parameters
    ----------
    path : pathlib.Path, optional
        Another file of the same form.

    Raises
    ------
    InputError
        In one line, if the file is not of that form.
    """
    where = str(path or files("aethermodel") / "data/spec-4.3.2.toml")
    with refusing(where):
        document = _File.model_validate(parse_toml(read_bytes(where, MOST_WRITTEN)))
        parameters = {}
        for name, entry in document.parameters:
            unit = _SI.get(entry.unit, entry.unit)
            value = convert(entry.value, entry.unit, unit)
            parameters[name] = Parameter(name, value, unit, entry.meaning, entry.source)
        return Specification(
            document.name,
            document.label,
            document.batch_size,
            document.threshold_per_second,
            parameters,
            {tier: si(text, "s") for tier, text in document.budgets},
        )
