"""Findings and tallies: what a campaign counted and what it found wrong."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: What a trial may count; "told" are seconds from a kill until the survivor knew.
COUNTS = ("trials", "kills", "inputs", "streams", "schedules", "commands")
#: What a witness may miss or find too much.
DAMAGE = ("lost", "repeated", "garbage")
#: Findings of one kind are counted all, but only so many are kept with their input.
KEPT_OF_A_KIND = 3


@dataclass(frozen=True)
class Trial:
    """Name of one trial; with the same code, it draws the same again.

    Attributes
    ----------
    campaign : str
    seed : int
        Of the whole run.
    number : int
        Of the trial in its campaign.
    """

    campaign: str
    seed: int
    number: int

    def __str__(self) -> str:
        return f"{self.campaign}:{self.seed}:{self.number}"


@dataclass
class Finding:
    """One thing that went wrong.

    Attributes
    ----------
    trial : Trial
    kind : str
        ``lost``, ``repeated``, ``garbage``, ``traceback``, ``crash``, ``hang``, ``left`` (something
        was left behind) or ``late`` (a survivor was not told).
    what : str
        One line; the same line is the same finding.
    detail : str
        A traceback or a report.
    data : bytes
        Input that was being read.
    label : str
        Which reader or frame the input was for.
    file : str
        Where an earlier run, which this one resumes, saved it.
    """

    trial: Trial
    kind: str
    what: str
    detail: str = ""
    data: bytes = b""
    label: str = ""
    file: str = ""

    @property
    def signature(self) -> tuple[str, str, str, str]:
        """What makes two findings the same one."""
        return self.trial.campaign, self.label, self.kind, self.what

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, the input in base64."""
        return asdict(self) | {"data": base64.b64encode(self.data).decode()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Finding:
        """Return the finding that `to_json` described."""
        fields = values | {
            "trial": Trial(**values["trial"]),
            "data": base64.b64decode(values["data"]),
        }
        return cls(**fields)

    def save(self, folder: Path) -> Path:
        """Write the finding to a file that ``--replay`` takes, and return it."""
        if self.file:
            return Path(self.file)
        folder.mkdir(parents=True, exist_ok=True)
        name = "-".join(filter(None, (self.trial.campaign, self.label, self.kind)))
        which = f"{zlib.crc32(self.what.encode()):08x}"  # one trial may find several things
        path = folder / f"{name}-{self.trial.seed}-{self.trial.number}-{which}.json"
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", "utf-8")
        return path


@dataclass
class Tally:
    """What some trials counted.

    Attributes
    ----------
    counts : dict of str to int
        By the names of `COUNTS` and `DAMAGE`, and ``found``.
    labels : dict of str to int
        Inputs by reader or frame.
    told : list of float
        Seconds from each kill until its survivor knew.
    findings : list of Finding
    """

    counts: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    told: list[float] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a count."""
        if by:
            self.counts[name] = self.counts.get(name, 0) + by

    def __getitem__(self, name: str) -> int:
        return self.counts.get(name, 0)

    def add(self, other: Tally) -> None:
        """Take in what others counted."""
        for name, value in other.counts.items():
            self.count(name, value)
        for name, value in other.labels.items():
            self.labels[name] = self.labels.get(name, 0) + value
        self.told += other.told
        self.findings += other.findings

    def kinds(self) -> dict[tuple[str, str, str, str], list[Finding]]:
        """Return the findings by signature, those of most findings first."""
        groups: dict[tuple[str, str, str, str], list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault(finding.signature, []).append(finding)
        return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
