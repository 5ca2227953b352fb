"""The specification's paper budget, read from its sourced parameter file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from aethermodel.model.batch import BatchModel
from aethermodel.model.parameters import Parameter
from aethermodel.model.terms import affine, fixed

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


def load_specification() -> Specification:
    """Read ``data/spec-4.3.2.toml``; prefixed units become SI here, at the border."""
    import pint

    document = tomllib.loads((files("aethermodel") / "data/spec-4.3.2.toml").read_text("utf-8"))
    registry = pint.UnitRegistry()
    registry.define("event = [event]")
    parameters = {}
    for name, entry in document["parameters"].items():
        quantity = registry.Quantity(entry["value"], entry["unit"])
        unit = next(unit for unit in _SI_UNITS if quantity.is_compatible_with(unit))
        parameters[name] = Parameter(
            name, float(quantity.to(unit).magnitude), unit, entry["meaning"], entry["source"]
        )
    return Specification(
        document["name"],
        document["label"],
        document["batch_size"],
        float(document["threshold_per_second"]),
        parameters,
        {
            tier: float(registry.Quantity(text).to("s").magnitude)
            for tier, text in document["budgets"].items()
        },
    )
