"""`aethermodel predict` for a pipeline of one's own: T(N), its budget, and answers about sizes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aethermodel.pipelines.calibration import PipelineCalibration


def predict_own(
    path: Path,
    pipeline: str | None,
    sizes: list[int],
    *,
    optimum: bool,
    within: float | None,
    rate: float | None,
    sensitivity: int | None,
    changes: list[str],
    foreign: bool,
    json: str | None,
    verbose: bool,
) -> None:
    """Print or write the times at sizes, and the batch sizes asked for."""
    import numpy as np

    from aethermodel.advice.law_samples import LawSizes
    from aethermodel.calibrate.predict.size_answers import SHARES
    from aethermodel.cli.pipelines.pipeline_tables import notes_of, predicted_table
    from aethermodel.cli.shared.caveats import tell_caveats
    from aethermodel.cli.shared.terminal_tables import say, show
    from aethermodel.json_documents import document, write_document
    from aethermodel.pipelines.calibration import load_for
    from aethermodel.pipelines.composition.what_if import factors_of, halved
    from aethermodel.text.number_format import size_text
    from aethermodel.text.percentages import percent

    factors = factors_of(changes)
    measured = load_for(pipeline, path, foreign=foreign)
    calibration = measured.faster(**factors)
    answers = LawSizes(calibration.law)
    goals = [answers.share(share) for share in SHARES] if optimum else []
    goals += [answers.within(within)] if within is not None else []
    goals += [answers.rate(rate)] if rate is not None else []
    gains = halved(calibration, sensitivity) if sensitivity is not None else []
    if json:
        figures = prediction_figures(calibration, sizes) | {"assumed": factors}
        if goals:
            figures["best_rate_per_second"] = asdict(answers.best_rate())
            figures["optima"] = [asdict(goal) for goal in goals]
        if sensitivity is not None:
            figures["sensitivity"] = {
                "batch_size": sensitivity,
                "halving": [asdict(gain) for gain in gains],
            }
        content = document("aethermodel.predict/1", None, figures, host=calibration.host)
        write_document(content, json)
    if json != "-":
        tell_caveats(calibration.warnings, verbose=verbose)
        show(predicted_table(calibration, sizes))
        if factors:
            before, after = measured.predict(sizes).seconds, calibration.predict(sizes).seconds
            more = ", ".join(
                f"{percent(float(old / new) - 1)} at N = {n:,}"
                for n, old, new in zip(sizes, before, after, strict=True)
                if np.isfinite(old)
            )
            said = ", ".join(f"{name} x {factor:g}" for name, factor in factors.items())
            carries = f"; it carries {more} against what was measured" if more else ""
            say(f"assumed: {said}{carries}")
        say([*notes_of(calibration), *map(str, goals)])
        for one in gains:
            say(
                f"at N = {sensitivity:,}, {one.term} in half the time buys {percent(one.gain)} "
                f"({percent(one.low)} to {percent(one.high)})"
            )
        if calibration.predict(sizes).extrapolated.any():
            say(
                f"* extrapolated: outside {size_text(calibration.smallest)} to "
                f"{size_text(calibration.largest)}, the sizes that were calibrated"
            )


def prediction_figures(calibration: PipelineCalibration, sizes: list[int]) -> dict[str, Any]:
    """Return what a JSON document says of a prediction."""
    found = calibration.predict(sizes)
    new = calibration.law.predict(sizes, of="new")
    return {
        "pipeline": calibration.pipeline,
        "file": calibration.file,
        "calibrated": calibration.created,
        "calibrated_to": calibration.largest,
        "warnings": list(calibration.warnings),
        "formula": f"T = {calibration.law.expression}",
        "parameters": {
            p.name: {"value": p.value, "unit": p.unit, "low": p.low, "high": p.high}
            for p in calibration.law.parameters
        },
        "rows": [
            {
                "n": n,
                "seconds": float(found.seconds[i]),
                "low_seconds": float(found.low[i]),
                "high_seconds": float(found.high[i]),
                "observation_low_seconds": float(new.low[i]),
                "observation_high_seconds": float(new.high[i]),
                "transit_seconds": float(found.transit[i]),
                "slowest": str(found.bound[i]),
                "per_second": float(n / found.seconds[i]),
                "extrapolated": bool(found.extrapolated[i]),
                "budget_seconds": {k: float(v[i]) for k, v in found.budget.items()},
            }
            for i, n in enumerate(sizes)
        ],
    }
