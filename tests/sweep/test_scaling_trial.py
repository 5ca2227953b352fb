"""Scaling measured through a real cluster: whole, in turns, resumed, and shown."""

import pytest
from pydantic import ValidationError
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.published.interconnects import interconnect
from aethermodel.report.figures import scale_out as report
from aethermodel.sweep.scale_out import ScaleOutCampaign, overlapping

pytest.importorskip("distributed")
QUICK = {
    "batch_size": 500,
    "topics": 4,
    "counts": "1,2",
    "repeats": 1,
    "samples": 2,
    "sample_seconds": 1e-4,
}


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    store = tmp_path_factory.mktemp("scaling")
    seen = []
    campaign = ScaleOutCampaign(store=str(store), **QUICK)
    trial = campaign.run(lambda *done: seen.append(done))
    # A try that was disturbed is one more.
    done, total = seen[-1]
    assert done == total >= 6
    assert [done for done, _ in seen] == list(range(1, total + 1))
    return trial


def test_two_workers_take_turns_on_their_host(trial):
    assert trial.campaign.workers == 2
    assert trial.overlaps == 0
    assert len(trial.turns) == 6
    assert sorted(trial.turns["point"]) == ["kernel"] * 2 + ["shared"] * 4
    assert overlapping(trial.turns.assign(begin=0.0)) == 5  # as if all had begun at once


def test_every_sample_is_there_and_a_second_run_takes_none(trial):
    assert trial.samples.groupby(["work", "cores"]).size().to_dict() == {
        (work, cores): 2 for work in ("threads", "route", "copy") for cores in (1, 2)
    }
    again = ScaleOutCampaign(store=trial.campaign.store, backend="local", **QUICK).run()
    assert again.samples.equals(trial.samples)
    assert (trial.campaign.hands, again.campaign.hands) == (2, 1)


def test_figures_say_what_was_measured_and_what_was_not(trial):
    fits = {work: trial.fit(work) for work in ("threads", "route", "copy")}
    known = synthetic_calibration().warned("foreign: taken elsewhere")
    model = trial.model(known)
    card = interconnect("connectx-6")
    shown = [
        report.turns_figure(trial.turns, trial.overlaps, 2),
        report.speedup_figure(fits, trial.samples),
        report.scale_out_figure(model, Scenario(known, {}), 2, 16, card),
    ]
    for figure in shown:
        assert "Label: loopback" in figure.caption
        assert "<svg" in figure._repr_html_()
    assert "6 points on 1 host, handed out to 2 workers: 0 ran" in shown[0].text_alternative
    assert "threads share one batch, 2 cores" in shown[1].text_alternative
    assert "simulated beyond" in shown[2].caption
    assert "Calibrated on host 0123456789ab" in shown[2].caption
    assert "Warning: foreign: taken elsewhere." in shown[2].caption
    assert list(report.binding_table(model, 16).index) == [1, 2, 4, 8, 16]


@pytest.mark.parametrize(
    "bad", [{"counts": "2,4"}, {"counts": "1,0"}, {"counts": "1,x"}, {"core": 1}, {"workers": 0}]
)
def test_bad_parameters_are_refused(bad):
    with pytest.raises(ValidationError):
        ScaleOutCampaign(**bad)
