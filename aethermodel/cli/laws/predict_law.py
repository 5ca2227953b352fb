"""`aethermodel predict LAW`: T(N) and the answers about sizes from a law file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

# Measured sizes of a law that are shown where nobody asks for others.
_SHOWN = 7
#: Options of `predict` that a law file has an answer to.
ALLOWED = frozenset({"law", "curve", "at", "batch_sizes", "optimum", "within", "rate", "json"})


def predict_law(
    path: Path,
    curve: str | None,
    at: str | None,
    asked: list[int] | None,
    *,
    optimum: bool,
    within: float | None,
    rate: float | None,
    json: str | None,
) -> None:
    """Print or write a law's times at sizes, and the batch sizes asked for.

    Without sizes at some of the measured ones, and at twice and four times the largest.
    """
    from aethermodel.advice.law_samples import LawSizes
    from aethermodel.calibrate.predict.size_answers import SHARES
    from aethermodel.cli.shared.law_input import one_law
    from aethermodel.cli.shared.law_tables import predictions_table
    from aethermodel.cli.shared.terminal_tables import say, show
    from aethermodel.json_documents import document, write_document
    from aethermodel.text.number_format import size_text

    law = one_law(path, curve, {}, at)
    answers = LawSizes(law)
    sizes = _own_sizes(law) if asked is None else asked
    goals = [answers.share(share) for share in SHARES] if optimum else []
    goals += [answers.within(within)] if within is not None else []
    goals += [answers.rate(rate)] if rate is not None else []
    if json:
        figures = prediction_figures(law, sizes)
        if goals:
            figures["best_rate_per_second"] = asdict(answers.best_rate())
            figures["optima"] = [asdict(goal) for goal in goals]
        write_document(document("aethermodel.predict/1", None, figures, measured=False), json)
    if json != "-":
        say(law.verdict[:1])
        show(predictions_table(law, sizes))
        for goal in goals:
            say(str(goal))
        if law.predict(sizes).extrapolated.any():
            say(
                f"* extrapolated: outside {size_text(law.smallest)} to {size_text(law.largest)}, "
                "the sizes that were measured"
            )


def _own_sizes(law: Law) -> list[int]:
    import numpy as np

    measured = np.unique(np.ceil(law.sizes[law.sizes > 0])).astype(int)
    some = measured[np.unique(np.linspace(0, measured.size - 1, _SHOWN).astype(int))].tolist()
    return [*some, 2 * some[-1], 4 * some[-1]]


def prediction_figures(law: Law, sizes: list[int]) -> dict[str, Any]:
    """Return what a JSON document says of a prediction, as it does of a calibration's."""
    mean, new = law.predict(sizes), law.predict(sizes, of="new")
    return {
        "law": law.name,
        "family": law.family,
        "holds": law.holds,
        "source": law.source,
        "time_kind": law.time_kind,
        "calibrated_to": law.largest,
        "warnings": [] if law.holds else list(law.verdict),
        "formula": f"T = {law.expression}",
        "parameters": {
            p.name: {"value": p.value, "unit": p.unit, "low": p.low, "high": p.high}
            for p in law.parameters
        },
        "rows": [
            {
                "n": n,
                "seconds": float(mean.seconds[i]),
                "low_seconds": float(mean.low[i]),
                "high_seconds": float(mean.high[i]),
                "observation_low_seconds": float(new.low[i]),
                "observation_high_seconds": float(new.high[i]),
                "per_second": float(n / mean.seconds[i]),
                "extrapolated": bool(mean.extrapolated[i]),
            }
            for i, n in enumerate(sizes)
        ],
    }
