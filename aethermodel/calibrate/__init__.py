"""From samples to laws: fits, intervals, choice of form, and what to measure next."""

from aethermodel.calibrate.design import NextPoint, next_point
from aethermodel.calibrate.fits import Parameter, TermFit, fit_term
from aethermodel.calibrate.identifiability import Identifiability, identify

__all__ = [
    "Identifiability",
    "NextPoint",
    "Parameter",
    "TermFit",
    "fit_term",
    "identify",
    "next_point",
]
