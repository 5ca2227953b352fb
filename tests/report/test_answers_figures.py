"""Figures made from a calibration: they say where they come from and what is assumed."""

import numpy as np
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate import what_if
from aethermodel.calibrate.scenario import Scenario
from aethermodel.interconnects import published_ceilings
from aethermodel.rdma_costs import card
from aethermodel.report.calibration import prediction_table, terms_figure
from aethermodel.report.explorer import Explorer
from aethermodel.report.provenance import calibration_summary, parameters_block
from aethermodel.report.what_if import (
    bottleneck_figure,
    optima_table,
    roofline_figure,
    sensitivity_figure,
)


@pytest.fixture(scope="module")
def base():
    return Scenario(synthetic_calibration().warned("foreign: taken elsewhere"), {})


@pytest.fixture(scope="module")
def changed(base):
    return Scenario(base.calibration, what_if.network(card("connectx-6"), 64))


def test_every_figure_carries_label_host_and_warnings(base):
    figures = [
        terms_figure(base.calibration),
        roofline_figure(base, base, published_ceilings(64)),
        bottleneck_figure(base),
        sensitivity_figure(base, 256),
    ]
    for figure in figures:
        assert "Label: loopback. Calibrated on host 0123456789ab" in figure.caption
        assert "Warning: foreign: taken elsewhere." in figure.caption
        assert "Assumed" not in figure.caption
        assert "<svg" in figure._repr_html_()


def test_what_is_assumed_is_named_and_coloured(base, changed):
    figure = roofline_figure(base, changed, [])
    assert (
        "Assumed, not measured: t_fabric, t_fabric_event, N_stage1, t_stage1 (connectx-6"
        in figure.caption
    )
    assert "assumed" in figure.table.columns
    assert set(sensitivity_figure(changed, 256).table["origin"]) == {"measured", "assumed"}
    assert "assumed: connectx-6" in str(parameters_block(changed).html)


def test_tables_read(base):
    table = prediction_table(base, [1, 1000])
    assert list(table.index) == ["1", "1,000"]
    assert list(table["binds"]) == ["loop", "loop"]
    optima = optima_table(base, 1e-9, 1e12)
    assert list(optima["N"][-2:]) == ["none", "none"]


def test_the_summary_says_whether_to_rely_on_it(base):
    assert calibration_summary(base.calibration).text.startswith("INCONCLUSIVE: Too noisy")
    fresh = synthetic_calibration()
    assert calibration_summary(fresh).text.startswith("PASS: Calibrated")


def test_the_explorers_line_follows_its_sliders(base):
    explorer = Explorer(base)
    sizes = np.geomspace(1, 1e6, 121)
    assert explorer.rate().tolist() == pytest.approx(base.model.throughput_at(sizes).tolist())
    slower = base.model.replaced("test", t_tick=1e-3).throughput_at(sizes)
    assert explorer.rate(t_tick=1e-3).tolist() == pytest.approx(slower.tolist())
    before, after = explorer.picture(), explorer.picture(t_tick=1e-3)
    assert before[:4] == after[:4] == b"\x89PNG"
    assert before != after
    assert explorer.redraw_seconds(3) > 0
    box = explorer.show()
    bundle = box._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "need a running kernel" in bundle["text/html"]
    box.children[0].value = 1e-4
    assert box.children[-1].value == explorer.picture(t_tick=1e-4)
