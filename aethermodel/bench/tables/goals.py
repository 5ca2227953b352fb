"""Goals of the laws: figures to reach on published tables and on simulated ones."""

from __future__ import annotations

import pandas as pd

from aethermodel.bench.tables.left_out import BETWEEN, BEYOND
from aethermodel.calibrate.benchmark.known_laws import Target

# Kind, column, least, most.
_PUBLISHED = (
    (BETWEEN, "error", 0.0, 0.03),
    (BETWEEN, "point_error", 0.0, 0.03),
    (BETWEEN, "within_10", 0.80, 1.0),
    (BETWEEN, "covered", 0.93, 0.97),
    (BETWEEN, "width", 1.0, 1.3),
    (BEYOND, "error", 0.0, 0.04),
    (BEYOND, "point_error", 0.0, 0.04),
    (BEYOND, "covered", 0.92, 1.0),
    (BEYOND, "width", 1.0, 2.0),
)
_KNOWN = (
    ("within_5", 0.95, 1.0),
    ("cover_mean", 0.93, 0.97),
    ("cover_new", 0.93, 0.97),
    ("cover_in", 0.93, 0.97),
    ("said", 0.0, 0.05),
)
# Processor time of a fit of 30 sizes with five repeats each.
_MOST_FIT_MS = 20.0


def published(summed: pd.DataFrame) -> list[Target]:
    """Hold the laws' rows of `left_out.summary` against the goals."""
    own = summed[summed["model"] == "laws"].set_index("kind")
    return [
        Target(f"{kind}: {column}", float(own.loc[kind, column]), least, most)
        for kind, column, least, most in _PUBLISHED
        if kind in own.index
    ]


def answered(found: pd.DataFrame) -> list[Target]:
    """Hold the coverage of each answer, over all laws, against the goal.

    Shares of few runs have a chance error: coverage may lie within three standard errors.
    """
    targets = []
    for name, own in found.groupby("answer", sort=False):
        runs = int(own["runs"].sum())
        allowed = max(0.02, 3 * (0.95 * 0.05 / runs) ** 0.5)
        covered = float((own["covered"] * own["runs"]).sum() / runs)
        high = min(0.95 + allowed, 1.0)
        targets.append(Target(f"{name}: covered", covered, 0.95 - allowed, high))
    return targets


def simulated(found: pd.DataFrame) -> list[Target]:
    """Hold `simulated.simulate` against the goals.

    Shares of few runs have a chance error: coverage may lie within three standard errors.
    """
    targets = []
    for row in found.itertuples():
        allowed = max(0.02, 3 * (0.95 * 0.05 / row.runs) ** 0.5)
        targets.append(Target(f"{row.case}: fit_ms", row.fit_ms, 0.0, _MOST_FIT_MS))
        if not row.known:
            targets.append(Target(f"{row.case}: said", row.said, 0.95, 1.0))
            continue
        for column, least, most in _KNOWN:
            low, high = least, most
            if column.startswith("cover"):
                low, high = 0.95 - allowed, min(0.95 + allowed, 1.0)
            targets.append(Target(f"{row.case}: {column}", getattr(row, column), low, high))
    return targets
