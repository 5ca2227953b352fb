"""Document: the figures of a run as JSON, and as a table to read."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aethermodel.documents import document
from tools.torture.findings import COUNTS, DAMAGE, KEPT_OF_A_KIND, Tally
from tools.torture.runner import Progress, Runner

SCHEMA = "aethermodel.torture/1"
KINDS = ("traceback", "crash", "hang", "late", "left", "memory")


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the value that `share` of all do not exceed; None of no values."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _told(told: list[float]) -> dict[str, float | int | None]:
    return {
        "count": len(told),
        "p50": quantile(told, 0.50),
        "p99": quantile(told, 0.99),
        "most": max(told, default=None),
    }


def _figures(tally: Tally) -> dict[str, Any]:
    found = [finding.kind for finding in tally.findings]
    return (
        {name: tally[name] for name in COUNTS[1:] if tally[name] or name in COUNTS[1:4]}
        | {name: tally[name] for name in DAMAGE}
        | {kind: found.count(kind) for kind in KINDS}
        | {"told_seconds": _told(tally.told)}
    )


def figures(
    runner: Runner, command: str, saved: dict[tuple[str, ...], list[Path]]
) -> dict[str, Any]:
    """Return the document of a run.

    Parameters
    ----------
    runner : Runner
        After its run.
    command : str
        That repeats it.
    saved : dict
        Files of the findings, by signature.
    """
    total = runner.total()
    content = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "seed": runner.seed,
        "seconds": round(runner.seconds, 1),
        **_figures(total),
        "campaigns": [_campaign(runner, name) for name in runner.campaigns],
        "findings": [
            {
                "campaign": group[0].trial.campaign,
                "label": group[0].label,
                "kind": group[0].kind,
                "what": group[0].what,
                "count": len(group),
                "trials": [str(finding.trial) for finding in group[:KEPT_OF_A_KIND]],
                "files": [str(path) for path in saved.get(signature, [])],
            }
            for signature, group in total.kinds().items()
        ],
    }
    return document(SCHEMA, "mixed", content)


def _campaign(runner: Runner, name: str) -> dict[str, Any]:
    campaign, progress = runner.campaigns[name], runner.progress[name]
    return {
        "name": name,
        "about": campaign.about,
        "fabric": campaign.fabric,
        "skipped": progress.blocked,
        "stopped": progress.stopped,
        "trials": progress.tally["trials"],
        "process_seconds": round(progress.spent, 1),
        **_figures(progress.tally),
        "inputs_by_reader": dict(sorted(progress.tally.labels.items())),
    }


def _commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.0f}"


def table(runner: Runner) -> list[str]:
    """Return the lines of the final table, at most 80 columns wide."""
    head = f"{'campaign':<14}{'kills':>8}{'inputs':>10}{'streams':>9}{'lost':>6}{'rep':>5}"
    head += f"{'garb':>6}{'trace':>6}{'crash':>6}{'other':>6}"
    lines = [head]
    rows = [(name, progress.tally) for name, progress in runner.progress.items()]
    for name, tally in [*rows, ("all", runner.total())]:
        progress = runner.progress.get(name, Progress())
        if progress.blocked:
            lines.append(f"{name:<14}skipped: {progress.blocked}")
            continue
        found = [finding.kind for finding in tally.findings]
        other = sum(found.count(kind) for kind in ("hang", "late", "left", "memory"))
        lines.append(
            f"{name:<14}{tally['kills']:>8,}{tally['inputs']:>10,}{tally['streams']:>9,}"
            f"{tally['lost']:>6,}{tally['repeated']:>5,}{tally['garbage']:>6,}"
            f"{found.count('traceback'):>6,}{found.count('crash'):>6,}{other:>6,}"
        )
    told = runner.total().told
    if told:
        p50, p99, most = quantile(told, 0.5), quantile(told, 0.99), max(told)
        lines.append(
            f"told of a death (ms): P50 {_milliseconds(p50)}, P99 {_milliseconds(p99)}, "
            f"most {_milliseconds(most)}, of {len(told):,}"
        )
    return lines


def status(runner: Runner) -> str:
    """Return where a run stands, in one line."""
    total = runner.total()
    left = max(0.0, runner.limits.seconds - runner.seconds)
    parts = [f"{total[unit]:,} {unit}" for unit in ("kills", "inputs", "streams") if total[unit]]
    parts.append(f"{total['found']:,} findings")
    return f"torture: {', '.join(parts)}; at most {left:.0f} s left"
