"""Records of a worked example, as the repository shows them: laws, picture, table of figures."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import pandas as pd

from aethermodel import thresholds
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.trial import PipelineTrial
from aethermodel.report.pipelines.pipeline_figures import rate_figure
from aethermodel.text.percentages import percentage
from tools.host_folder import WORDS, this_folder
from tools.torture.run_summary import commit_id

ROOT = Path(__file__).parents[1]
_BETWEEN = {
    "orders": "loopback",
    "quotes": "ZeroMQ over TCP on loopback",
    "trades": "Redis 7.0 on a unix socket",
    "scoring": "HTTP over TCP on loopback",
}


def keep(name: str, folder: Path, found: dict[str, dict[str, Any]]) -> None:
    """Write the laws beside an example, its picture, and its figures among the benchmarks.

    Parameters
    ----------
    name : str
    folder : Path
        With its laws and its samples.
    found : dict
        Figures of each judgement, by what it is of.
    """
    host = this_folder()
    laws = folder / f"{name}.json"
    if name in _BETWEEN and name != "orders":
        copyfile(laws, ROOT / "examples" / name / f"{host}.json")
        samples = pd.read_parquet(folder / f"{name}.parquet")  # which a command of ours has written
        trial = PipelineTrial.of(PipelineCalibration.load(laws), samples)
        picture = ROOT / "docs" / "_static" / f"example_{name}.png"
        rate_figure(trial.calibration, trial).figure.savefig(picture)
    document = {
        "schema": "aethermodel.benchmark/1",
        "command": f"python -m tools.worked_examples {name}",
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit_id(),
        "fabric": _BETWEEN[name],
        "host": {"words": WORDS[host]},
        "rows": _rows(found),
    }
    target = ROOT / "data" / "benchmarks" / host / f"example-{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _rows(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    verdict, best = found["whole"]["verdict"], found["size"]
    rows = [
        _row("mean error of the prediction", verdict["mean_error"], thresholds.MEAN_ERROR,
             verdict["mean_outcome"]),
        _row(f"worst error of the prediction, N = {verdict['worst_at']:,}",
             verdict["worst_error"], thresholds.WORST_ERROR, verdict["worst_outcome"]),
        _row(f"rate at the recommended size, N = {best['recommended']:,}", best["share"],
             thresholds.OWN_OPTIMUM_REACHED, best["outcome"], "of the best of a sweep",
             (best["share_low"], best["share_high"])),
    ]  # fmt: skip
    for what, row in found.items():
        if "P99" in what:
            server = "server" in what
            named = "error" if server else "p99_error"
            ends = (row[f"{named}_low"], row[f"{named}_high"])
            said = f"{what} load, predicted against measured"
            rows.append(_row(said, row[named], thresholds.P99_ERROR, row["outcome"], "", ends))
    return rows


def _row(
    what: str,
    value: float,
    goal: float,
    outcome: str,
    beside: str = "",
    ends: tuple[float, float] | None = None,
) -> dict[str, Any]:
    met = {"pass": True, "fail": False}.get(outcome)
    words = [beside] * bool(beside) + ["inconclusive"] * (met is None)
    return {
        "what": what,
        "value": _percent(value),
        "unit": "%",
        "low": _percent(ends[0]) if ends else None,
        "high": _percent(ends[1]) if ends else None,
        "peer": "; ".join(words),
        "goal": percentage(goal, 0),
        "met": met,
    }


def _percent(share: float) -> float:
    return round(100 * share, 1)
