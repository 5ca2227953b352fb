"""Finding: one line of the doctor, with its level, reason and remedy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

Level = Literal["good", "warn", "bad"]
Area = Literal["rdma", "memory", "processor", "clock", "software"]


class Finding(BaseModel):
    """What one check found.

    Attributes
    ----------
    area : {"rdma", "memory", "processor", "clock", "software"}
    name : str
        What was looked at.
    level : {"good", "warn", "bad"}
        ``bad``: it will fail, or figures taken here mean nothing. ``warn``: figures suffer,
        or nobody can tell.
    value : str or None
        What was found, with units; None where it cannot be read, which is never good.
    why : str
        What follows from it.
    remedy : tuple of str
        What to do about it, ready to be typed or pasted; empty where nothing needs doing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    area: Area
    name: str
    level: Level
    value: str | None
    why: str
    remedy: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _unknown_is_not_good(self) -> Finding:
        if self.value is None and self.level == "good":
            raise ValueError(f"{self.name}: what cannot be read is not good")
        return self


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level among findings; ``good`` of none."""
    levels = {finding.level for finding in findings}
    return "bad" if "bad" in levels else "warn" if "warn" in levels else "good"
