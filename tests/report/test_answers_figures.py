"""Figures made from a calibration: they say where they come from and what is assumed."""

import re
from itertools import pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.predict import what_if
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.published.interconnects import published_ceilings
from aethermodel.published.rdma_costs import card
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figures.calibration import prediction_table, terms_figure
from aethermodel.report.figures.explorer import Explorer
from aethermodel.report.figures.what_if import (
    bottleneck_figure,
    optima_table,
    roofline_figure,
    sensitivity_figure,
)
from aethermodel.report.provenance import calibration_summary, parameters_block


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


def test_many_remarks_are_counted_in_captions_and_listed_with_the_parameters(base):
    remarks = ("inconclusive: kernel is noisy, by <64 %>", "cut short: 39 of 816 samples")
    many = Scenario(base.calibration.warned(*remarks), {})
    caption = terms_figure(many.calibration).caption
    assert caption.endswith("3 remarks on the calibration (foreign, kernel, cut short).")
    block = parameters_block(many)
    assert all(text in block.text for text in remarks)
    assert "<li>inconclusive: kernel is noisy, by &lt;64 %&gt;</li>" in block.html


def test_what_is_assumed_is_named_and_coloured(base, changed):
    figure = roofline_figure(base, changed, [])
    assert (
        "Assumed, not measured: t_fabric, t_fabric_event, N_stage1, t_stage1 (connectx-6"
        in figure.caption
    )
    assert "what is assumed" in figure.table.columns
    assert set(sensitivity_figure(changed, 256).table["origin"]) == {"measured", "assumed"}
    assert "assumed: connectx-6" in re.sub("</?span[^>]*>", "", parameters_block(changed).html)


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


def lines_of(figure):
    return {line.get_label(): line for axes in figure.figure.axes for line in axes.get_lines()}


def test_each_change_has_a_line_of_its_own_and_the_rate_at_a_size_is_said(base):
    known = base.calibration
    network = what_if.network(card("connectx-6"), 64)
    tick = what_if.values(known, ["t_tick=1us"])
    each = {"connectx-6": Scenario(known, network), "a tick": Scenario(known, tick)}
    both = Scenario(known, network | tick)
    figure = roofline_figure(base, both, [], each=each | {"nothing": base}, at=256)
    for name, one in (each | {"all that is assumed": both}).items():
        sizes = figure.table["n"].to_numpy()
        assert figure.table[name].to_numpy() == pytest.approx(sizes / one.predict(sizes).seconds)
        assert f"model, with {name}" in lines_of(figure)
    rate = engineering(256 / float(base.predict(256).seconds[0]), "msg/s")
    assert figure.caption.startswith(f"At N = 256: as calibrated {rate}; with connectx-6 ")


def test_what_lies_beyond_the_calibration_is_dashed_and_called_extrapolated(base):
    lines = lines_of(roofline_figure(base, base, []))
    assert max(lines["model, as calibrated"].get_xdata()) == base.calibration.largest == 12288
    beyond = lines["model, as calibrated, extrapolated"]
    assert beyond.get_linestyle() == "--"
    assert max(beyond.get_xdata()) == 1e6
    assert "measured" not in " ".join(name for name in lines if name.startswith("model"))
    far = sensitivity_figure(base, 10_000_000_000)
    assert "N = 10,000,000,000 (extrapolated: calibrated up to N = 12,288)" in far.title
    assert "extrapolated" not in sensitivity_figure(base, 12_288).title
    assert list(prediction_table(base, [100, 20_000]).index) == ["100", "20,000 (extrapolated)"]
    assert "extrapolated beyond N = 12,288" in bottleneck_figure(base).caption


def test_names_of_costs_leave_the_figure_to_the_bars(base):
    """Beside the bars they took two thirds of it; on a phone no bar was to be seen."""
    shown = sensitivity_figure(base, 256)
    shown.figure.draw_without_rendering()
    (axes,) = shown.figure.axes
    names = [text.get_window_extent() for text in axes.texts]
    assert len(names) == len(shown.table) and not axes.get_yticklabels()
    assert axes.get_position().width > 0.9
    assert all(axes.get_window_extent().contains(one.x0, one.y1) for one in names)
    assert not [1 for one, other in pairwise(names) if one.overlaps(other)]
    assert all(one.x1 < axes.get_window_extent().x1 for one in names)
    assert "Halving one tick of the event loop" in shown.caption or "(t_" in shown.caption


def test_titles_of_panels_do_not_meet():
    figure = terms_figure(synthetic_calibration(t_refill=1e-9, t_refill_full=2e-9, t_send=1e-6,
                                                t_send_event=1e-9)).figure  # fmt: skip
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    titles = {axes.get_title("left") for axes in figure.axes}
    texts = [text for text in figure.findobj(Text) if text.get_text() in titles - {""}]
    assert len(texts) >= len(figure.axes)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    assert not [
        (one, other)
        for place, one in enumerate(boxes)
        for other in boxes[:place]
        if one.overlaps(other)
    ]
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_the_explorers_line_follows_its_sliders(base):
    explorer = Explorer(base, at=256)
    sizes = explorer.still().table["n"].to_numpy()
    assert len(sizes) > 300
    assert explorer.rate().tolist() == pytest.approx(base.model.throughput_at(sizes).tolist())
    slower = base.model.replaced("test", t_tick=1e-3).throughput_at(sizes)
    assert explorer.rate(t_tick=1e-3).tolist() == pytest.approx(slower.tolist())
    before, after = explorer.picture(), explorer.picture(t_tick=1e-3)
    assert before[:4] == after[:4] == b"\x89PNG"
    assert before != after
    assert explorer.redraw_seconds(3) > 0


def test_the_explorers_controls_have_units_a_size_and_a_way_back(base):
    explorer = Explorer(base, at=256)
    box = explorer.show()
    bundle = box._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "need a running kernel" in bundle["text/html"]
    first = box.image.value
    box.sliders["t_tick"].value = 1e-4
    assert box.image.value == explorer.picture(t_tick=1e-4) != first
    assert box.values["t_tick"].value == "100 µs"
    assert not box.sliders["t_tick"].description  # which JupyterLab would cut
    assert explorer.readout(256, t_tick=1e-4) in box.rate.value
    changed = base.model.replaced("test", t_tick=1e-4)
    assert engineering(float(changed.throughput_at(256)), "msg/s") in box.rate.value
    box.size.value = 1_000
    assert "at N = 1,000" in box.rate.value
    box.reset.click()
    assert box.image.value == first
    assert {name: s.value for name, s in box.sliders.items()} == pytest.approx(
        {name: explorer.values[name] for name in box.sliders}
    )
