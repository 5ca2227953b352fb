"""A small real trial: measured, calibrated, predicted, saved, loaded."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from aethermodel import Calibration
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.campaign.validation import Trial
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.report.figures.validation import host, summary


@pytest.fixture(scope="module")
def trial():
    return Trial.run(Campaign(batch_sizes=(1, 200), topics=4, pool=2, processes=1, repeats=2))


def test_the_table_has_a_row_a_batch_size_and_terms_that_add_up(trial):
    table = trial.table
    assert table["n"].tolist() == [1, 200]
    assert table["held_out"].all()
    terms = table[["loop_seconds", "ffi_seconds", "kernel_seconds", "fabric_seconds"]]
    assert terms.sum(axis=1).tolist() == pytest.approx(table["predicted_seconds"].tolist())
    assert (table["measured_low"] <= table["measured_seconds"]).all()
    assert (table["predicted_low"] <= table["predicted_seconds"]).all()
    assert (table["copy_per_second"] > 0).all()


def test_beside_the_headline_stands_the_rate_of_all_samples(trial):
    table, samples = trial.table, trial.samples
    assert table["share_left_out"].between(0, 1).all()
    for row in table.itertuples():
        own = samples[(samples["probe"] == "pipeline") & (samples["batch_size"] == row.n)]
        spent = (own["seconds_all"] * own["loops"]).sum()
        assert row.all_per_second == pytest.approx(row.n * own["loops"].sum() / spent)
    figures = trial.figures()
    assert {"all_per_second", "share_left_out", "seconds_all"} <= figures["rows"][0].keys()
    assert "over all samples; " in figures["headline"]
    # Both rates with three digits: "133.3 M msg/s" beside "240 M msg/s" were two ways.
    assert (
        len(re.findall(r"(?<![\d.])(?:\d{3}|\d\d\.\d|\d\.\d\d) [kMG] msg/s", figures["headline"]))
        == 2
    )
    best = figures["best_sizes"]
    assert best["size"]["low"] <= best["size"]["value"] <= best["last"]["value"]
    # Samples that were saved before slices were summed up are read as they are.
    old = samples.drop(columns="seconds_all")
    old.attrs = samples.attrs
    assert (Trial.of(old).table["all_per_second"] > 0).all()


def test_of_one_process_the_spread_is_not_known(trial):
    """And not 0.0 %, which would be of processes that agree."""
    assert "spread between processes (noise): not known: one process" in str(summary(trial))


def test_a_page_says_what_its_median_hides_and_how_many_processes_ran(trial):
    """ "0 % left out" explained 912 M msg/s above 279, and 8 processes were told where one ran."""
    table = trial.table.assign(
        n=[1, 10_000],
        measured_per_second=[1e6, 912e6],
        all_per_second=[1e6, 279e6],
        share_left_out=0.0,
    )
    said = str(summary(replace(trial, table=table)))
    assert (
        "threshold 0 % left out of the figure above; interruptions, which its median does not "
        "show: 69 %"
    ) in said
    assert "none of their time is left out, but 69 % of it went to interruptions" in said
    fair = str(summary(replace(trial, table=table.assign(all_per_second=[1e6, 900e6]))))
    assert "interruptions" not in fair
    wanted = trial.campaign.model_copy(update={"processes": 8})
    assert "<dd>1 of at most 8</dd>" in host(replace(trial, campaign=wanted), "x").html
    assert "<dd>1</dd>" in host(trial, "x").html


def test_slices_left_out_are_counted_where_the_sample_itself_was_kept(trial):
    samples = trial.samples.head(3).assign(noisy=[False, True, False], contended=[0.25, 1.0, 0.75])
    assert replace(trial, samples=samples).contended_share == 0.5
    assert replace(trial, samples=samples.assign(noisy=True)).contended_share == 0
    assert replace(trial, samples=samples.drop(columns="contended")).contended_share == 0


def test_symbolic_and_numeric_prediction_agree(trial):
    model = trial.calibration.model()
    assert model.seconds_at([1, 200]) == pytest.approx(trial.table["predicted_seconds"].tolist())


def test_saved_and_loaded_it_says_the_same(trial, tmp_path):
    path = tmp_path / "deep" / "samples.parquet"
    trial.save(path)
    again = Trial.load(path)
    assert again.campaign == trial.campaign
    pd.testing.assert_frame_equal(again.table, trial.table)
    assert again.host == this_host().model_dump(mode="json")


def test_a_file_that_is_no_trial_is_refused(tmp_path):
    plain = tmp_path / "plain.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(plain)
    with pytest.raises(ValueError, match="no samples of a trial"):
        Trial.load(plain)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="not a Parquet file"):
        Trial.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        Trial.load(tmp_path / "missing")


def test_a_host_that_does_not_say_its_caches_is_refused(trial, tmp_path):
    spoiled = trial.samples.copy()
    host = {name: fact for name, fact in trial.host.items() if name != "cache_bytes"}
    spoiled.attrs = trial.samples.attrs | {"host": host}
    spoiled.to_parquet(tmp_path / "spoiled.parquet")
    with pytest.raises(ValueError, match="cache_bytes are missing"):
        Trial.load(tmp_path / "spoiled.parquet")


def test_texts_in_place_of_numbers_are_refused(trial, tmp_path):
    samples = trial.samples
    settings = {"bus", "producer", "checked", "routed", "with_kernel"}
    numbers = [
        name
        for name in samples.select_dtypes("number").columns
        if name not in settings and samples[name].notna().any()
    ]
    assert {"seconds", "seconds_all", "loops", "core_seconds", "stolen_seconds"} <= set(numbers)
    for name in numbers:
        spoiled = samples.assign(**{name: "often"})
        spoiled.attrs = samples.attrs
        spoiled.to_parquet(tmp_path / "spoiled.parquet")
        with pytest.raises(ValueError, match=rf"{name}: should hold numbers"):
            Trial.load(tmp_path / "spoiled.parquet")


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"fabric": "often"}', '{"fabric": -1}', "[1]", "{", '{"fabric": 1e400}'],
)
def test_what_was_seen_in_place_is_seconds_by_name(trial, tmp_path, text):
    samples = trial.samples
    spoiled = samples.assign(figures=[text] * len(samples))
    spoiled.attrs = samples.attrs
    spoiled.to_parquet(tmp_path / "spoiled.parquet")
    with pytest.raises(ValueError):
        Trial.load(tmp_path / "spoiled.parquet")


def test_a_calibration_comes_back_from_its_file_with_the_same_predictions(trial, tmp_path):
    import json

    content = trial.calibration.to_json()
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(content))
    again = Calibration.load(path)
    before, after = trial.calibration.predict([1, 5000]), again.predict([1, 5000])
    assert after.seconds.tolist() == before.seconds.tolist()
    assert after.high.tolist() == before.high.tolist()
    content["samples"]["ffi"]["seconds"][0] *= 2
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="do not match their hash"):
        Calibration.load(path)


@pytest.mark.parametrize("text", ["{}", "[]x", '{"schema": "aethermodel.calibration/1"}'])
def test_a_file_that_is_no_calibration_is_refused(text, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"not a calibration|not JSON"):
        Calibration.load(path)


@pytest.mark.slow(reason="a whole trial in two processes")
def test_a_trial_across_processes_says_so_and_checks_every_event():
    campaign = Campaign(batch_sizes=(50,), fabric="shm", topics=4, processes=1, repeats=1)
    trial = Trial.run(campaign)
    assert trial.table["label"].tolist() == ["shared-memory"]
    assert set(trial.table.columns) >= {"loop_seconds", "fabric_seconds"}
    assert trial.calibration.conditions.fabric == "shared-memory"
    # The fabric's cost was fitted over sizes that the whole did not have.
    assert 50 not in trial.calibration.samples["fabric"][0]
