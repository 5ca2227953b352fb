"""Scale-out figure: hollow points, and a memory's ceiling that grows with the cores."""

import numpy as np
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.model.scaling.scalability import Scalability
from aethermodel.model.scaling.scale_out import ScaleOut
from aethermodel.report import style
from aethermodel.report.figures.scale_out import scale_out_figure


@pytest.fixture(scope="module")
def axes():
    base = Scenario(synthetic_calibration(), {})
    budget = {term: float(cost) for term, cost in base.model.budget(10_000).items()}
    copying = Scalability(0.1)
    model = ScaleOut(budget, 10_000, Scalability(0.1), Scalability(0.05), 5e8, copying)
    return scale_out_figure(model, base, 2, 64).figure.axes[0]


def test_no_point_is_solid_where_nothing_was_run_as_a_whole(axes):
    dotted = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert len(dotted) == 4
    assert {line.get_markerfacecolor() for line in dotted} == {style.PAPER}


def test_the_copy_rate_of_two_cores_ends_with_them(axes):
    lines = {line.get_label(): line for line in axes.get_lines()}
    measured = lines["memory: as many cores copy (measured)"]
    simulated = lines["memory: as many cores copy (simulated)"]
    assert list(measured.get_xdata()) == [1, 2]
    assert measured.get_ydata() == pytest.approx([5e8, 1e9 / 1.1])
    cores = np.asarray(simulated.get_xdata())
    assert (cores.min(), cores.max()) == (2, 64)
    assert simulated.get_ydata() == pytest.approx(5e8 * cores / (1 + 0.1 * (cores - 1)))
