"""From samples to laws: fits, intervals, choice of form, and what to measure next."""

from aethermodel.calibrate.experiment_design.identifiability import Identifiability, identify
from aethermodel.calibrate.experiment_design.next_point import NextPoint, next_point
from aethermodel.calibrate.term_fit.fit_term import Parameter, TermFit, fit_term

__all__ = [
    "Identifiability",
    "NextPoint",
    "Parameter",
    "TermFit",
    "fit_term",
    "identify",
    "next_point",
]
