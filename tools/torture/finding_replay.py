"""Replay of one saved finding: the same input to the same reader, or the same trial again."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tools.torture.campaigns import CAMPAIGNS
from tools.torture.findings import Finding
from tools.torture.trial_process import Slice


def load(path: Path) -> Finding:
    """Return a saved finding.

    Raises
    ------
    ValueError
        If the file holds none.
    """
    try:
        return Finding.from_json(json.loads(path.read_text("utf-8")))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no finding: {error}") from error


def replay(path: Path) -> int:
    """Do again what a finding came from; return 1 if it is found again.

    Inputs are read again as they are; kills and schedules are drawn again, which does not bring
    back their moments to the microsecond, so they run up to 100 times.
    """
    finding = load(path)
    campaign = CAMPAIGNS.get(finding.trial.campaign)
    if campaign is None:
        raise ValueError(f"{path}: there is no campaign {finding.trial.campaign!r}")
    for _ in range(1 if finding.label else 100):
        running = Slice(campaign, finding.trial.seed, finding.trial.number, 1, 600, again=finding)
        while running.poll():
            time.sleep(0.02)
        if running.tally.findings:
            for found in running.tally.findings:
                sys.stdout.write(f"{found.kind}: {found.what}\n{found.detail}\n")
            return 1
    sys.stdout.write(f"not found again: {finding.kind}: {finding.what}\n")
    return 0
