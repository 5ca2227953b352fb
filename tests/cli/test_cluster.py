"""`aethermodel cluster` and its benchmark, as they are called."""

import json
import sys
from pathlib import Path

import pytest
from executed_notebooks import raw_cells
from test_bad_input import call, refused

from aethermodel.clusters.notebook_parameters import ClusterParameters
from aethermodel.report.figures import cluster as figures

__all__ = ["call"]

SAMPLE = str(Path(__file__).parents[2] / "data" / "cluster.toml")


def test_a_cluster_file_gives_a_report_with_its_binding_link(call):
    words = ["--simulate", "--seconds", "0.05", "-o", "page.html", "--json", "cluster.json"]
    status, said, _ = call("cluster", SAMPLE, *words)
    assert status == 0
    assert "binds" in said
    assert "latency against load" in said
    assert "More consumers stop paying at 32 (56 hosts, more than there are)" in said
    assert "that costs 49 % of what even topics would carry" in " ".join(said.split())
    assert "Simulated 50.0 ms" in said
    assert max(map(len, said.splitlines())) <= 80
    page = Path("page.html").read_text()
    assert "<script" not in page
    assert page.count("<svg") == 4
    assert not raw_cells(page)
    document = json.loads(Path("cluster.json").read_text())
    assert document["schema"] == "aethermodel.cluster/1"
    assert document["binds"] == "consumer 1"
    rate = document["simulated"]["throughput_per_second"]
    assert document["throughput_per_second"] == pytest.approx(rate, rel=0.05)
    assert document["p99_seconds"] > document["p50_seconds"] > 0
    assert "exists" in refused(call, "cluster", SAMPLE, "-o", "page.html")


def test_what_takes_long_says_how_far_it_is_and_what_is_quick_does_not(call, monkeypatch):
    words = ("cluster", SAMPLE, "--simulate", "--seconds", "0.2", "--json", "-")
    command = sys.modules["aethermodel.cli.cluster"]
    monkeypatch.setattr(command, "_QUIET", 1e9)
    _, said, told = call(*words)
    assert told == ["simulating 0.2 s of traffic"]
    assert json.loads(said)["stops_paying"]["consumers"] == 32
    monkeypatch.setattr(command, "_QUIET", 1e-9)
    lines = call(*words)[2]
    assert any(line.startswith("simulating: ") for line in lines)
    done, total = lines[-1].removeprefix("working out: ").split("/")
    assert done == total and int(total) > 20


def test_changes_move_what_binds(call):
    _, said, _ = call("cluster", SAMPLE, "--set", "consumers.per_event=1 ns/event", "--json", "-")
    document = json.loads(said)
    assert document["binds"] == "link of a consumer's host 1"
    _, said, _ = call("cluster", SAMPLE, "--set", "consumers.per_event=80 ns/event", "--json", "-")
    document = json.loads(said)
    assert document["untold"]
    assert document["p99_seconds"] is None


def test_of_producers_in_turn_one_simulation_is_not_said_to_be_all(call):
    fast = ("--simulate", "--seconds", "0.05", "--set", "topics.routing=round-robin")
    _, said, _ = call("cluster", SAMPLE, *fast)
    assert "another --seed shows another beginning" not in said
    endless = ("--set", "credits=4", "--set", "producers.rate=max")
    status, said, _ = call("cluster", SAMPLE, *fast, *endless)
    assert status == 0 and "another --seed shows another beginning" in " ".join(said.split())


def test_bad_input_is_one_line(call):
    assert "missing.toml" in refused(call, "cluster", "missing.toml")
    assert "--set wants" in refused(call, "cluster", SAMPLE, "--set", "count")
    assert "there is no such setting" in refused(call, "cluster", SAMPLE, "--set", "links.cost=1")


def test_the_benchmark_counts_what_is_told_and_missed(call):
    words = ("--clusters", "2", "--seed", "2", "--batches", "400000", "--json", "-")
    status, said, _ = call("bench", "cluster", *words)
    document = json.loads(said)
    assert status in (0, 1)
    assert len(document["rows"]) == document["clusters"] == 2
    for name in ("throughput", "p99"):
        counts = document[name]
        assert counts["within"] + counts["beyond"] + counts["unclear"] == counts["told"] <= 2
    assert document["p99"]["told"] + sum(document["untold"].values()) == 2


def test_a_notebooks_figures_are_of_many_hosts_alone():
    found = ClusterParameters(changes="credits=64; consumers.scatter=0.0").analysis()
    for figure in (figures.growth_figure(found), figures.latency_figure(found)):
        assert "Label: simulated" in figure.caption
        assert "<svg" in figure._repr_html_()
