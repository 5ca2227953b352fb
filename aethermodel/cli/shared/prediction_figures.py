"""Figures of predictions, as JSON documents and tables have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.composition import Prediction
    from aethermodel.calibrate.predict.calibration_answers import Answers
    from aethermodel.calibrate.predict.record_sizes import RecordSizes
    from aethermodel.calibrate.predict.scenario import Scenario


def prediction_figures(scenario: Scenario, sizes: list[int]) -> dict[str, Any]:
    """Return what a JSON document says of a prediction.

    Parameters
    ----------
    scenario : Scenario
    sizes : list of int
        Batch sizes.
    """
    calibration = scenario.calibration
    mean = scenario.predict(sizes)
    new = scenario.predict(sizes, kind="observation")
    return {
        "calibrated": calibration.created,
        "calibrated_to": calibration.largest,
        "conditions": vars(calibration.conditions)
        | ({"topics": scenario.topics} if scenario.topics else {}),
        "warnings": list(calibration.warnings),
        "findings": list(calibration.findings),
        "origin": scenario.origin,
        "parameters": {
            p.name: {
                "value": p.value,
                "unit": p.unit,
                "low": p.low,
                "high": p.high,
                "origin": origin,
                "source": p.source,
            }
            for origin, p in scenario.parameters()
        },
        "formula": scenario.model.formula,
        "rows": _rows_of(mean, new, calibration.largest),
    }


def prediction_figures_between(
    known: RecordSizes, record_bytes: int, sizes: list[int]
) -> dict[str, Any]:
    """Return what a JSON document says of a prediction at a record size never calibrated.

    Parameters
    ----------
    known : RecordSizes
    record_bytes : int
    sizes : list of int
        Batch sizes.
    """
    low, high = known.neighbours(record_bytes)
    parts = [known.calibrations[size] for size in (low, high)]
    origin = known.origin(record_bytes)
    beyond = f"{origin} from those of {low:,} and {high:,} B"
    mean = known.predict(sizes, record_bytes)
    new = known.predict(sizes, record_bytes, kind="observation")
    largest = min(part.largest for part in parts)
    return {
        "calibrated": min(part.created for part in parts),
        "calibrated_to": largest,
        "conditions": vars(parts[0].conditions) | {"record_bytes": record_bytes},
        "record_sizes": list(known.calibrations),
        "warnings": [
            f"records of {record_bytes:,} B were never measured: {beyond}",
            *dict.fromkeys(text for part in parts for text in part.warnings),
        ],
        "findings": [],
        "origin": origin,
        "parameters": {},
        "formula": f"log T_batch linear in log bytes between {low} and {high} B, term by term",
        "rows": _rows_of(mean, new, largest),
    }


def roofline_figures(answers: Answers, sizes: list[int]) -> list[dict[str, Any]]:
    """Return what ceilings of the host and of published interconnects allow at each size."""
    from aethermodel.published.interconnects import published_ceilings
    from aethermodel.published.specification import load_specification

    event_bytes = load_specification().parameters["s_event"].value
    return [
        {
            "ceiling": ceiling.name,
            "origin": ceiling.origin,
            "source": ceiling.source,
            "per_second": {str(n): float(ceiling.at(n)) for n in sizes},
        }
        for ceiling in answers.ceilings(sizes, published_ceilings(event_bytes))
    ]


def _rows_of(mean: Prediction, new: Prediction, largest: float) -> list[dict[str, Any]]:
    return [
        {
            "n": int(n),
            "seconds": float(mean.seconds[i]),
            "low_seconds": float(mean.low[i]),
            "high_seconds": float(mean.high[i]),
            "observation_low_seconds": float(new.low[i]),
            "observation_high_seconds": float(new.high[i]),
            "per_second": float(n / mean.seconds[i]),
            "extrapolated": bool(n > largest),
            "budget_seconds": {term: float(cost[i]) for term, cost in mean.budget.items()},
        }
        for i, n in enumerate(mean.n)
    ]
