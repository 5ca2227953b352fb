"""Page of a history, and calibrations kept in one."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from command_line import aether
from own_laws import EACH, FIXED, affine
from synthetic_calibration import synthetic_calibration

from aethermodel.gate.history import History
from aethermodel.gate.limits import quantity_of
from aethermodel.inputs.refusals import InputError
from aethermodel.report.laws.history_page import all_tracks, history_report, track_figure

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten commits; from the sixth on the fixed cost is a fifth higher."""
    made = tmp_path_factory.mktemp("commits")
    history = History(made)
    rng = np.random.default_rng(0)
    for at in range(10):
        level = math.exp(rng.normal(0, 0.005))
        law = affine(FIXED * level * (1.2 if at >= 5 else 1), EACH * level, seed=at)
        history.add({"": law}, f"commit{at}", "host", START + timedelta(days=at))
    return made


def test_the_page_marks_the_change_where_it_came(folder):
    page = history_report(History(folder))
    assert "since commit5" in page and "T(1) over the commits" in page
    assert "since commit4" not in page
    assert page.count(" over the commits<") >= 5  # two costs, three times
    assert "<script" not in page and "://" not in page.replace("http://www.w3.org", "")


def test_axes_have_units_and_nothing_is_drawn_over_the_legend(folder):
    """The times' axis read 0 to 2.0 with 1e-6 above it, the legend lay on the intervals."""
    tracks = {str(track.quantity): track for track in all_tracks(History(folder))}
    figure = track_figure(tracks["T(1)"]).figure
    (axes,) = figure.axes
    figure.canvas.draw()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "0" and all(label.endswith("µs") for label in labels[1:])
    assert not axes.yaxis.get_offset_text().get_text()
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
    most = max(point.value for point in tracks["T(1)"].points)
    assert axes.get_ylim()[1] > 1.05 * most


def test_the_command_writes_the_page_and_counts(folder, tmp_path):
    output = tmp_path / "history.html"
    told = aether("report", str(folder), "-o", str(output), "--json", "-")
    assert told.returncode == 0, told.stderr
    figures = json.loads(told.stdout)
    assert figures["entries"] == 10 and figures["changes"] >= 2
    assert output.read_text().startswith("<!DOCTYPE html>")
    told = aether("report", str(folder), "-o", str(output))
    assert told.returncode == 2 and "--force" in told.stderr
    told = aether("report", str(folder), "--rate", "5", "-o", str(tmp_path / "x.html"))
    assert told.returncode == 2 and "not for a history" in told.stderr


def test_a_folder_without_entries_is_refused(tmp_path):
    with pytest.raises(InputError, match="history add"):
        history_report(History(tmp_path))


def test_calibrations_are_kept_and_shown_as_laws_are(tmp_path):
    history = History(tmp_path / "kept")
    for at in range(3):
        made = synthetic_calibration(t_tick=2e-6 * (1 + 0.001 * at))
        history.add(made, f"c{at}", "host", START + timedelta(days=at))
    history = History(tmp_path / "kept")
    points = history.track("", quantity_of("t_tick"), "host")
    assert [point.value for point in points] == pytest.approx([2e-6] * 3, rel=0.05)
    assert all(point.low <= point.value <= point.high for point in points)
    assert history.track("", quantity_of("T(1000)"))[0].value > 2e-6
    assert "t_tick over the commits" in history_report(history)
    (tmp_path / "calibration.json").write_text(json.dumps(made.to_json()))
    asked = ("-d", str(tmp_path / "kept"), "--host", "host")
    told = aether("history", "add", str(tmp_path / "calibration.json"), "--commit", "c3", *asked)
    assert told.returncode == 0, told.stderr
    told = aether("history", "show", "--parameter", "t_tick", "--at", "1000", *asked)
    assert told.returncode == 0 and "t_tick" in told.stdout and "T(1,000)" in told.stdout
    assert len(History(tmp_path / "kept").steady_runs()[""]) == 4


def test_an_entry_of_both_kinds_or_none_is_refused(tmp_path):
    history = History(tmp_path)
    path = history.add({"": affine()}, "c", "host", START)
    entry = json.loads(path.read_text())
    for changed in (entry | {"calibration": {"schema": "x"}}, entry | {"laws": []}):
        path.write_text(json.dumps(changed))
        with pytest.raises(InputError, match="an entry holds laws or a calibration"):
            _ = History(tmp_path).entries
    del entry["laws"]
    path.write_text(json.dumps(entry | {"calibration": {"schema": "x"}}))
    with pytest.raises(InputError, match="not a calibration"):
        _ = History(tmp_path).entries
