"""Diagnosis of a design (the specification, section 5): which lever pays most, by measurement."""

from __future__ import annotations

from aethermodel.measure.diagnosis.advice import Advice
from aethermodel.measure.diagnosis.diagnose import Diagnosis, diagnose
from aethermodel.measure.diagnosis.modelled import quick_calibration

__all__ = ["Advice", "Diagnosis", "diagnose", "quick_calibration"]
