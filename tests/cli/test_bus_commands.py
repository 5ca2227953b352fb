"""The bus on the command line: its overhead judged, and verbs refused where there is no device."""

import json

import pytest
from command_line import aether
from printed_tables import check_tables

from cython_core import rdma_available


def test_bench_dispatch_states_both_figures_with_their_limits(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    target = tmp_path / "dispatch.json"
    done = aether(
        *("bench", "dispatch", "--handlers", "0,16", "--loops", "asyncio"),
        *("--processes", "1", "--repeats", "2", "--json", str(target)),
    )
    document = json.loads(target.read_text("utf-8"))
    assert document["schema"] == "aethermodel.bench.dispatch/1"
    assert document["fabric"] == "loopback"
    tick, call = document["added"]
    assert (tick["what"], tick["limit_seconds"]) == ("tick", 1e-6)
    assert (call["what"], call["limit_seconds"]) == ("call", 0.5e-6)
    assert all(one["low"] <= one["seconds"] <= one["high"] for one in (tick, call))
    assert [row["handlers"] for row in document["rows"]] == [0, 16]
    assert done.returncode == (1 if document["outcome"] == "fail" else 0)
    check_tables(done.stdout, 60)
    said = " ".join(done.stdout.split())  # a line ends where the window does
    assert "[loopback]" in said
    assert "µs a tick" in said and "at most 1 µs" in said
    assert "µs a handler call" in said and "at most 0.5 µs" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--handlers", "4"], "handlers"),
        (["--handlers", "0,17"], "17"),
        (["--loops", "trio"], "event_loops"),
    ],
)
def test_bench_dispatch_refuses_in_one_line(arguments, message):
    done = aether("bench", "dispatch", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(rdma_available()[0], reason="there is a device here")
@pytest.mark.parametrize(
    "arguments",
    [
        ["bench", "pipeline", "--rows", "loopback,verbs"],
        ["bench", "soak", "--fabric", "verbs"],
        ["bench", "optimum", "--fabric", "verbs"],
        ["validate", "--fabric", "verbs"],
        ["calibrate", "--fabric", "verbs"],
    ],
    ids=" ".join,
)
def test_without_a_device_verbs_are_refused_in_one_line(arguments):
    done = aether(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "no RDMA device" in line
    assert "tools/guest/run.py brings a Soft-RoCE one" in line
    assert done.stdout == ""
