"""Family names: what families of laws are called in sentences, tables and figures."""

from __future__ import annotations

#: By the family's short name, which a law file holds; behind a colon what it means.
FAMILIES = {
    "constant": "constant",
    "affine": "affine",
    "knees": "affine with knees",
    "steps": "steps: slope and level change at thresholds",
    "power": "power law",
    "n log n": "N log N",
    "falling": "falling",
    "usl": "universal scalability law",
    "packets": "affine with a cost a packet",
    "bottleneck": "the slower of a fixed cost and a cost in proportion to N",
    "interpolation": "no law of the family is near: an interpolation",
    "interpolation, single rows": "no law of the family is near: an interpolation",
    "none": "no law of the size: something else moves the times",
    "none, single rows": "no law of the size: noise or something else moves the times",
}


def named(family: str) -> str:
    """Return what a family is called, such as ``affine with knees`` for ``knees``."""
    return FAMILIES.get(family, family).partition(":")[0]
