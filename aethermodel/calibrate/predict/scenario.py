"""Scenario: a calibration with assumed parameters, each marked as assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.composition import Part, Prediction, add_up, side_by_side
from aethermodel.calibrate.predict.monte_carlo import DRAWS, draw_parameters
from aethermodel.calibrate.term_fit.fit_term import Kind
from aethermodel.model.batch import BatchModel
from aethermodel.model.binding_term import term_functions
from aethermodel.model.parameters import Parameter, expression_of
from aethermodel.model.terms import PRODUCER, REFILL, TERM_NAMES, Term, expected_calls

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Assumption:
    """One parameter set to a value that was not measured here.

    Attributes
    ----------
    value : float
        In the parameter's unit.
    source : str
        Why this value.
    term : Term, optional
        The law that the parameter belongs to, where it takes the place of the calibrated one.
    measured : bool
        Whether it is a setting whose effect was measured here, and so no assumption.
    """

    value: float
    source: str
    term: Term | None = None
    measured: bool = False


@dataclass(frozen=True)
class Scenario:
    """A calibration with assumptions.

    Attributes
    ----------
    calibration : Calibration
    assumptions : mapping of str to Assumption
        By parameter name; empty for the calibration as it is.
    topics : int, optional
        Topics, where not those of the calibration.

    Raises
    ------
    ValueError
        On a name that the model does not have, or a value that is negative or not finite.
    """

    calibration: Calibration
    assumptions: Mapping[str, Assumption]
    topics: int | None = None

    def __post_init__(self) -> None:
        for name, assumed in self.assumptions.items():
            if not np.isfinite(assumed.value):
                raise ValueError(f"{name} must be a finite number, not {assumed.value}")
        _ = self.model

    @cached_property
    def model(self) -> BatchModel:
        """The model with the assumptions put in; their sources begin with ``assumed``."""
        model = self.calibration.model()
        laws = {a.term.name: a.term for a in self.assumptions.values() if a.term}
        calls = expected_calls(self.topics) if self.topics else model.calls
        terms = [laws.get(term.name, term) for term in model.terms]
        model = replace(model, terms=terms, calls=calls)
        for name, assumed in self.assumptions.items():
            how = "set" if assumed.measured else "assumed"
            model = model.replaced(f"{how}: {assumed.source}", **{name: assumed.value})
        return model

    def is_assumed(self, term: str) -> bool:
        """Whether any parameter of a term is assumed."""
        return any(self.origin_of(p.name) == "assumed" for p in self._parameters_of(term))

    def origin_of(self, parameter: str) -> str:
        """``measured``, or ``assumed`` where the value or its law was not measured here."""
        known = self.assumptions.get(parameter)
        return "measured" if known is None or known.measured else "assumed"

    def _parameters_of(self, term: str) -> tuple[Parameter, ...]:
        """Parameters of a term; none of one that could not be measured."""
        return next((one.parameters for one in self.model.all_terms if one.name == term), ())

    @property
    def origin(self) -> str:
        """``measured``, or ``assumed`` as soon as one parameter is."""
        origins = {self.origin_of(name) for name in self.assumptions}
        return "assumed" if "assumed" in origins else "measured"

    @cached_property
    def draws(self) -> dict[str, Floats]:
        """Drawn parameters; assumed ones are what they are assumed to be."""
        return self._held(draw_parameters(self.calibration))

    @cached_property
    def _own_draws(self) -> dict[str, Floats]:
        """The same without what processes differ by, which is in all terms at once."""
        return self._held(draw_parameters(self.calibration, levels=False))

    def _held(self, drawn: dict[str, Floats]) -> dict[str, Floats]:
        return {
            name: np.full(DRAWS, self.assumptions[name].value)
            if name in self.assumptions
            else drawn[name]
            for name in self.model.parameters
        }

    @cached_property
    def _functions(self) -> dict[str, Callable[..., Any]]:
        return term_functions(self.model)

    def parameters(self) -> list[tuple[str, Parameter]]:
        """Return each parameter of the model with ``measured`` or ``assumed``."""
        return [(self.origin_of(name), p) for name, p in self.model.parameters.items()]

    def predict(
        self, n: npt.ArrayLike, level: float = thresholds.LEVEL, kind: Kind = "mean"
    ) -> Prediction:
        """Predict T_batch as `Calibration.predict` does, with the assumptions put in.

        The interval holds the uncertainty of what was measured; an assumption adds none of its
        own, but a parameter measured together with it is then as uncertain as it is alone.
        """
        measured = self.calibration.predict(n, level, kind)
        if not self.assumptions and self.topics is None:
            return measured
        sent = (PRODUCER,) if self.model.producer else ()
        parts = {term: self._part(term, measured.n, level, kind) for term in (*TERM_NAMES, *sent)}
        sends = parts.pop(PRODUCER, None)
        producer = add_up(measured.n, {PRODUCER: sends}) if sends else None
        return side_by_side(add_up(measured.n, parts), producer)

    def _part(self, term: str, n: Floats, level: float, kind: Kind) -> Part:
        """A term's share; of one some of whose parameters are assumed, from the draws."""
        if not self._is_changed(term):
            calls = expression_of(self.model.calls)
            return self.calibration.part(term, n, calls, level, kind)
        function = self._functions[term]

        def times(values: Iterable[Any], shape: tuple[int, ...]) -> Floats:
            return np.broadcast_to(np.asarray(function(n, *values), dtype=float), shape)

        parameters = self.model.parameters
        mean = times((p.value for p in parameters.values()), n.shape)
        drawn = [self._own_draws[name][:, None] for name in parameters]
        low, high = np.quantile(
            times(drawn, (DRAWS, n.size)), [(1 - level) / 2, (1 + level) / 2], axis=0
        )
        # What is measured of it goes up and down with the process, and scatters.
        noise, shared = np.zeros(n.shape), []
        for law in (term, REFILL) if term == "loop" else (term,):
            if (fit := self.calibration.laws.get(law)) is None:
                continue
            own = {known[0] for known in self.calibration.names(law).values()}
            grown = times(
                (
                    p.value * (1 + (p.is_cost and p.name in own - self.assumptions.keys()))
                    for p in parameters.values()
                ),
                n.shape,
            )
            fresh = kind == "observation"
            shared.append((fit.between, fit.between.half(grown - mean, level, fresh=fresh)))
            noise = np.hypot(noise, fresh * fit.new_half(grown - mean, level))
        below, above = np.maximum(mean - low, 0), np.maximum(high - mean, 0)
        return Part(
            mean, mean - np.hypot(below, noise), mean + np.hypot(above, noise), tuple(shared)
        )

    def _is_changed(self, term: str) -> bool:
        return any(p.name in self.assumptions for p in self._parameters_of(term))
