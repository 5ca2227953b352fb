"""Latency against load: no line joins predictions at different paces of the host."""

from types import SimpleNamespace

import pandas as pd
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.report.figures.latency import latency_figure


@pytest.fixture(scope="module")
def figure():
    rows = []
    for load in (0.2, 0.5, 0.8):
        row = {"arrivals": "poisson", "load": load, "p99_error": 0.1, "share_left_out": load / 2}
        for name, scale in (("p50", 1e-6), ("p99", 1e-5)):
            row |= {name: scale, f"{name}_low": scale / 2, f"{name}_high": 2 * scale}
            row |= {f"{name}_all": 3 * scale, f"predicted_{name}": 1.1 * scale}
            row[f"ideal_{name}"] = 0.9 * scale
        rows.append(row)
    trial = SimpleNamespace(table=pd.DataFrame(rows), calibration=synthetic_calibration())
    return latency_figure(trial)


def test_predictions_of_runs_stand_alone(figure):
    lines = {line.get_label(): line for line in figure.figure.axes[0].get_lines()}
    for name, marker in (("model", "_"), ("at full speed", ".")):
        for percentile in ("P50", "P99"):
            assert lines[f"{percentile} {name}"].get_linestyle() == "None"
            assert lines[f"{percentile} {name}"].get_marker() == marker
    assert list(lines["P99 model"].get_ydata()) == pytest.approx([11, 11, 11])
    assert "no line joins them" in figure.caption


def test_all_runs_stand_beside_the_undisturbed_ones(figure):
    lines = {line.get_label(): line for line in figure.figure.axes[0].get_lines()}
    assert list(lines["P99 over all runs"].get_ydata()) == pytest.approx([30, 30, 30])
    assert list(figure.view["P99, all runs"]) == ["30.0 µs"] * 3
    assert list(figure.view["Runs left out"]) == ["10 %", "25 %", "40 %"]
    assert "(10 % to 40 %)" in figure.caption
