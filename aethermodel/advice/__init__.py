"""Advice from any law: sizes, waits, latency under load, and settings of known systems."""

from aethermodel.advice.crossover import Crossover, crossover
from aethermodel.advice.law_answers import Answers, CostShare, Quantity, answers
from aethermodel.advice.recommend import Recommendation, recommend

__all__ = [
    "Answers",
    "CostShare",
    "Crossover",
    "Quantity",
    "Recommendation",
    "answers",
    "crossover",
    "recommend",
]
