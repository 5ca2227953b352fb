"""Document: the figures of a run as JSON, and as a table to read."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from aethermodel.json_documents import document
from tools.torture.findings import COUNTS, DAMAGE, KEPT_OF_A_KIND, Finding, Tally, Trial
from tools.torture.runner import Runner

SCHEMA = "aethermodel.torture/1"
KINDS = ("traceback", "crash", "hang", "late", "left", "memory")


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the value that `share` of all do not exceed; None of no values."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _told(told: list[float]) -> dict[str, Any]:
    return {
        "count": len(told),
        "milliseconds": [list(pair) for pair in sorted(Counter(map(_rounded, told)).items())],
        "p50": quantile(told, 0.50),
        "p99": quantile(told, 0.99),
        "most": max(told, default=None),
    }


def _rounded(seconds: float) -> float:
    return round(seconds * 1e3, 1)


#: What a run says of itself, and of the runs that it resumed.
_PART = ("command", "date", "commit", "seed", "seconds")


def resume(runner: Runner, content: dict[str, Any]) -> None:
    """Begin a run with what an earlier one has counted.

    Raises
    ------
    ValueError
        If it is the document of none, or of one with other campaigns.
    """
    try:
        if content["schema"] != SCHEMA:
            raise ValueError(f"{content['schema']} is not {SCHEMA}")
        for row in content["campaigns"]:
            told = [[ms / 1e3] * count for ms, count in row["told_seconds"].get("milliseconds", [])]
            counts = {name: row[name] for name in (*COUNTS, *DAMAGE) if row.get(name)}
            tally = Tally(counts, dict(row["inputs_by_reader"]), [s for some in told for s in some])
            if row["name"] not in runner.progress:
                raise ValueError(f"the run had {row['name']}, which this one has not")
            runner.progress[row["name"]].tally.add(tally)
        for row in content["findings"]:
            tally = runner.progress[row["campaign"]].tally
            tally.findings += _found(row)
            tally.count("found", row["count"])
        runner.parts = [*content.get("parts", []), {name: content[name] for name in _PART}]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"not the figures of a run: {error!r}") from None
    runner.seed = max([runner.seed, *(part["seed"] + 1 for part in runner.parts)])


def _found(row: dict[str, Any]) -> list[Finding]:
    """Return the findings of one kind; all but the first few trials are not known."""
    names = [name.rsplit(":", 2) for name in row["trials"]]
    trials = [Trial(campaign, int(seed), int(number)) for campaign, seed, number in names]
    return [
        Finding(
            trials[min(place, len(trials) - 1)],
            row["kind"],
            row["what"],
            label=row["label"],
            file=row["files"][min(place, len(row["files"]) - 1)],
        )
        for place in range(row["count"])
    ]


def _figures(tally: Tally) -> dict[str, Any]:
    found = [finding.kind for finding in tally.findings]
    return (
        {name: tally[name] for name in COUNTS[1:] if tally[name] or name in COUNTS[1:4]}
        | {name: tally[name] for name in DAMAGE}
        | {kind: found.count(kind) for kind in KINDS}
        | {"told_seconds": _told(tally.told)}
    )


def figures(
    runner: Runner, command: str, saved: dict[tuple[str, ...], list[Path]], *, over: bool = True
) -> dict[str, Any]:
    """Return the document of a run.

    Parameters
    ----------
    runner : Runner
    command : str
        That repeats it.
    saved : dict
        Files of the findings, by signature.
    over : bool
        Whether the run is over.
    """
    total, each = runner.total(), runner.limits.inputs_each
    content = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit_id(),
        "seed": runner.seed,
        "seconds": round(runner.seconds, 1),
        "parts": runner.parts,
        "complete": over and not runner.interrupted and not runner.missing(),
        "goals": runner.limits.goals | ({"inputs_each": each} if each else {}),
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
    campaign, progress, tally = runner.campaigns[name], runner.progress[name], runner.tally(name)
    return {
        "name": name,
        "about": campaign.about,
        "fabric": campaign.fabric,
        "skipped": progress.blocked,
        "stopped": progress.stopped,
        "trials": tally["trials"],
        "process_seconds": round(progress.spent, 1),
        "cpu_seconds": round(progress.cpu_spent, 1),
        **_figures(tally),
        "inputs_by_reader": dict(sorted(tally.labels.items())),
    }


@cache
def commit_id() -> str:
    """Return what git calls the code, with a mark if it was changed."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip()


def _milliseconds(told: list[float]) -> str:
    p99 = quantile(told, 0.99)
    return "" if p99 is None else f"{p99 * 1e3:,.0f}"


def table(runner: Runner) -> list[str]:
    """Return the lines of the final table, at most 80 columns wide."""
    head = f"{'campaign':<12}{'done':>19}{'lost':>6}{'again':>6}{'false':>6}"
    lines = [f"{head}{'errors':>7}{'crashes':>8}{'others':>7}{'told P99':>9}"]
    for name, progress in runner.progress.items():
        if progress.blocked:
            lines.append(f"{name:<12}   skipped: {progress.blocked}"[:80])
        else:
            unit = runner.campaigns[name].unit
            lines.append(_row(name, f"{progress.tally[unit]:,} {unit}", progress.tally))
    total = runner.total()
    lines.append(_row("all", f"{total['kills']:,} kills", total))
    lines += [f"{'':<12}{f'{total[unit]:,} {unit}':>19}" for unit in ("inputs", "streams")]
    lines.append("told P99: ms until the survivor of a kill knew. again: events that came twice.")
    lines.append("false: events that nobody sent. others: hangs, things left behind, wrong words.")
    if total.labels:
        lines += ["", f"{'inputs by reader':<30}{'inputs':>10}"]
        lines += [f"{label:<30}{count:>10,}" for label, count in sorted(total.labels.items())]
    return lines


def _row(name: str, done: str, tally: Tally) -> str:
    found = [finding.kind for finding in tally.findings]
    others = len(found) - sum(found.count(kind) for kind in (*DAMAGE, "traceback", "crash"))
    return (
        f"{name:<12}{done:>19}{tally['lost']:>6,}{tally['repeated']:>6,}{tally['garbage']:>6,}"
        f"{found.count('traceback'):>7,}{found.count('crash'):>8,}{others:>7,}"
        f"{_milliseconds(tally.told):>9}"
    )


def markdown(content: dict[str, Any]) -> list[str]:
    """Return the figures of a document as a table for a page."""
    host = content["host"]
    parts = [*content.get("parts", []), content]
    seconds = sum(part["seconds"] for part in parts)
    runs = f" in {len(parts)} runs" if len(parts) > 1 else ""
    lines = [
        f"`{content['command']}`, {content['date']}, commit {content['commit']}, "
        f"{host['processor']}, {host['cores']} cores, {seconds / 60:.0f} minutes{runs}"
        f"{'' if content['complete'] else ', not complete'}:",
        "",
        "| campaign | done | lost | again | false | errors | crashes | others | told P99, ms |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in [*content["campaigns"], content | {"name": "**all**", "skipped": None}]:
        done = ", ".join(f"{row[unit]:,} {unit}" for unit in COUNTS[1:] if row.get(unit))
        if row["skipped"]:
            lines.append(f"| {row['name']} | skipped: {row['skipped']} | | | | | | | |")
            continue
        others = sum(row[kind] for kind in KINDS[2:])
        p99 = row["told_seconds"]["p99"]
        cells = [*(row[kind] for kind in (*DAMAGE, *KINDS[:2])), others]
        numbers = " | ".join(f"{number:,}" for number in cells)
        lines.append(
            f"| {row['name']} | {done} | {numbers} | {'' if p99 is None else round(p99 * 1e3)} |"
        )
    readers = [
        (row["name"], reader, count)
        for row in content["campaigns"]
        for reader, count in row["inputs_by_reader"].items()
    ]
    if readers:
        lines += ["", "| campaign | reader | inputs |", "|---|---|--:|"]
        lines += [f"| {name} | {reader} | {count:,} |" for name, reader, count in readers]
    return lines


def status(runner: Runner) -> str:
    """Return where a run stands, in one line."""
    total = runner.total()
    left = max(0.0, runner.limits.seconds - runner.seconds)
    parts = [
        f"{total[unit]:,} {unit}"
        for unit in ("kills", "inputs", "streams", "schedules", "commands")
        if total[unit]
    ]
    parts.append(f"{total['found']:,} findings")
    return f"torture: {', '.join(parts)}; at most {left:.0f} s left"
