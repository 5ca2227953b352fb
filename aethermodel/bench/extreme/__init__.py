"""Diagnosis of a design (the specification, section 5): which lever pays most, by measurement."""

from __future__ import annotations

from aethermodel.bench.extreme.advice import Advice
from aethermodel.bench.extreme.diagnosis import Diagnosis, diagnose
from aethermodel.bench.extreme.model_view import quick_calibration

__all__ = ["Advice", "Diagnosis", "diagnose", "quick_calibration"]
