"""The command line as users call it: figures, exit codes, one clear line for bad input."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from command_line import aether
from printed_tables import check_tables
from synthetic_calibration import synthetic_calibration

import aethermodel
from aethermodel.execute.host_lock import host_lock
from aethermodel.measure.host.fingerprint import this_host


def test_bound_gives_the_specifications_figures():
    done = aether("bound", "--json", "-")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["schema"] == "aethermodel.bound/1"
    assert document["fabric"] == "simulated"
    assert document["host"] is None
    assert document["t_batch_seconds"] == pytest.approx(122.05e-6, abs=0.1e-6)
    assert round(document["throughput_per_second"] / 1e6, 1) == 81.9
    assert document["memory_bound_per_second"] == pytest.approx(1e9)
    assert document["naive_throughput_per_second"] == pytest.approx(45_331, rel=1e-3)


def test_bound_prints_a_table_and_writes_a_file(tmp_path):
    target = tmp_path / "made" / "bound.json"
    done = aether("bound", "-n", "100", "--json", str(target))
    assert done.returncode == 0
    assert "T_batch" in done.stdout
    assert json.loads(target.read_text())["batch_size"] == 100


@pytest.mark.parametrize("core", ["mocked", "cython"])
def test_bench_extreme(core):
    done = aether(
        "bench",
        "extreme",
        "--core",
        core,
        "--batches",
        "20",
        "--batch-size",
        "10000",
        "--json",
        "-",
    )
    document = json.loads(done.stdout)
    assert document["fabric"] == ("simulated" if core == "mocked" else "loopback")
    assert document["messages"] == 200_000
    assert document["ready"] == (document["throughput_per_second"] > 5e6)
    assert done.returncode == (0 if document["ready"] else 1)
    assert 0 < document["latency_p50_seconds"] <= document["latency_p99_seconds"]


def test_bench_extreme_below_the_threshold_gives_the_specifications_advice():
    done = aether("bench", "extreme", "--core", "mocked", "--batches", "20", "--batch-size", "1")
    assert done.returncode == 1
    assert "Below 5,000,000 msg/s" in done.stdout
    assert "batch size" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_stress_test_runs_as_a_script():
    script = Path(aethermodel.__file__).parent / "bench_aether_extreme.py"
    done = subprocess.run(
        [sys.executable, str(script), "--core", "mocked", "--batches", "10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "simulated" in done.stdout
    assert done.returncode == (1 if "Below 5,000,000 msg/s" in done.stdout else 0)


@pytest.fixture
def known(tmp_path):
    """A calibration of this host, to predict from."""
    here = this_host().model_dump(mode="json")
    target = tmp_path / "calibration.json"
    target.write_text(json.dumps(synthetic_calibration(topics=4, host=here).to_json()))
    return target


def test_bench_latency_measures_predicts_and_judges(known):
    done = aether(
        *("bench", "latency", "-c", str(known), "--loads", "0.5", "--arrivals", "poisson"),
        *("--batches", "1000", "--processes", "1", "--json", "-"),
    )
    document = json.loads(done.stdout)
    assert document["schema"] == "aethermodel.bench.latency/1"
    assert document["fabric"] == "loopback"
    assert [row["arrivals"] for row in document["rows"]] == ["poisson"]
    outcomes = {one["outcome"] for one in document["judgements"]}
    assert document["outcome"] == "fail" or "fail" not in outcomes
    assert done.returncode == (1 if document["outcome"] == "fail" else 0)


def test_bench_latency_puts_adaptive_batching_beside_fixed_sizes(known):
    done = aether(
        *("bench", "latency", "--adaptive", "-c", str(known), "--sizes", "1,8", "--loads", "0.5"),
        *("--arrivals", "poisson", "--group", "16", "--processes", "1", "--run-seconds", "0.01"),
        *("--target", "2ms", "--json", "-"),
    )
    document = json.loads(done.stdout)
    assert document["schema"] == "aethermodel.bench.latency.adaptive/1"
    assert document["fabric"] == "loopback"
    rules = ["adaptive", "whatever waits", "fixed 16", "fixed 128"]
    assert [row["rule"] for row in document["rows"]] == rules
    assert document["campaign"]["target_seconds"] == 0.002
    assert done.returncode == (1 if document["outcome"] == "fail" else 0)


def test_bench_latency_refuses_the_calibration_of_another_fabric(tmp_path):
    """It would publish what one fabric takes under the name of another."""
    ours = synthetic_calibration(topics=4, host=this_host().model_dump(mode="json"))
    for label, more, message in (
        ("kernel-tcp", (), "loopback or shared-memory: the calibration was taken with"),
        ("shared-memory", ("--adaptive",), "taken with fabric shared-memory, not loopback"),
        ("shared-memory", ("--fabric", "loopback"), "the calibration's own"),
    ):
        known = tmp_path / f"{label}.json"
        conditions = replace(ours.conditions, fabric=label)
        known.write_text(json.dumps(replace(ours, conditions=conditions).to_json()))
        done = aether("bench", "latency", "-c", str(known), *more)
        assert done.returncode == 2
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("more", [("--fabric", "tcp"), ("--adaptive", "--fabric", "shm")])
def test_bench_latency_says_which_fabrics_are_loaded(more):
    done = aether("bench", "latency", *more)
    assert done.returncode == 2
    assert "load is put on loopback" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("latency",), ("latency", "--adaptive"), ("optimum",)],
)
def test_a_bench_that_measures_waits_for_the_host(words):
    with host_lock():
        done = aether("bench", *words, "--wait-seconds", "0")
    assert done.returncode == 2
    assert f"process {os.getpid()} is still measuring on this host" in done.stderr


@pytest.fixture
def narrow(tmp_path, monkeypatch):
    """A narrow window, and a file for the document, so that one run gives both."""
    monkeypatch.setenv("COLUMNS", "60")
    return tmp_path / "document.json"


def test_bench_model_compares_on_known_laws(narrow):
    done = aether("bench", "model", "--runs", "2", "--json", str(narrow))
    check_tables(done.stdout, 60)
    document = json.loads(narrow.read_text("utf-8"))
    met = all(target["met"] for target in document["targets"])
    # A fit may take longer than its target on a busy host.
    assert document["verdict"] == ("pass" if met else "fail")
    assert done.returncode == (0 if met else 1), done.stderr
    assert document["fabric"] == "simulated"
    assert {"ours", "polynomial of degree 1"} <= {row["model"] for row in document["rows"]}
    assert all(row["fit_ms_min"] <= row["fit_ms"] for row in document["rows"])


@pytest.mark.slow(reason="three trials; one is among the others")
def test_validate_goes_over_every_fabric_of_this_host(tmp_path):
    done = aether(
        *("validate", "--fabric", "all", "-n", "1,10", "--topics", "2", "--processes", "1"),
        *("--repeats", "2", "--samples", str(tmp_path / "s.parquet"), "--json", "-"),
    )
    document = json.loads(done.stdout)
    assert document["fabric"] == "mixed"
    labels = [trial["fabric"] for trial in document["trials"]]
    assert labels == ["loopback", "shared-memory", "kernel-tcp"]
    outcomes = {trial["verdict"]["outcome"] for trial in document["trials"]}
    assert done.returncode == (1 if "fail" in outcomes else 0)
    assert all(
        {one["term"] for one in trial["in_place"]} <= {"fabric", "ffi + kernel", "loop"}
        for trial in document["trials"]
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"s-{fabric}.parquet" for fabric in ("loopback", "shm", "tcp")
    ]


def test_validate_gives_a_table_and_a_verdict(narrow):
    done = aether(
        *("validate", "-n", "1,50", "--topics", "2", "--processes", "1", "--repeats", "2"),
        *("--json", str(narrow)),
    )
    check_tables(done.stdout, 60, left_out=True)
    document = json.loads(narrow.read_text("utf-8"))
    assert [row["n"] for row in document["rows"]] == [1, 50]
    assert done.returncode == (1 if document["verdict"]["outcome"] == "fail" else 0)


def test_bench_pipeline_writes_rows_with_predictions(narrow):
    done = aether(
        *("bench", "pipeline", "-n", "50", "--topics", "2", "--rows", "naive,loopback"),
        *("--loops", "asyncio", "--repeats", "1", "--run-seconds", "0.01", "--seconds", "0.1"),
        *("--json", str(narrow)),
    )
    assert done.returncode == 0, done.stderr
    check_tables(done.stdout, 60, left_out=True)
    document = json.loads(narrow.read_text("utf-8"))
    assert document["schema"] == "aethermodel.bench.pipeline/1"
    naive, batched = document["rows"]
    assert (naive["kind"], batched["kind"]) == ("naive", "loopback")
    assert all(row["predicted_per_second"] > 0 and row["why"] == "" for row in (naive, batched))
    assert document["targets"].keys() == {"batched over naive", "slowest tick P99 at load"}
    assert "ceiling" in done.stdout
    assert "naive," in done.stdout and "[loopback]" in done.stdout  # the name may fold


def test_bench_soak_says_whether_all_held():
    done = aether("bench", "soak", "--seconds", "1", "-n", "500", "--load", "0.3", "--json", "-")
    document = json.loads(done.stdout)
    assert document["fabric"] == "shared-memory"
    assert done.returncode == (0 if document["held"] else 1)
    assert document["why"] == []
    assert document["verified_by"] == ["sequence", "checksum"]
    assert document["messages"] > 0


SMALL = ("-n", "200", "--topics", "4")
RING = (*SMALL, "--sample-seconds", "0.001", "--handoffs", "100")
PEERS = pytest.mark.slow(reason="every peer of the ring: each moves batches in tests/measure")


@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("kernel", SMALL),
        ("ffi", ()),
        ("ring", (*RING, "--record-bytes", "128")),  # of which only our own rows are there
        pytest.param("ring", RING, marks=PEERS),
    ],
)
def test_benches_write_rows_and_targets(name, small, narrow, tmp_path):
    plot = tmp_path / "rows.svg"
    done = aether(
        *("bench", name, *small, "--processes", "1", "--repeats", "1"),
        *("--plot", str(plot), "--json", str(narrow)),
    )
    assert done.returncode == 0, done.stderr
    check_tables(done.stdout, 60, left_out=name == "ffi")
    document = json.loads(narrow.read_text("utf-8"))
    assert document["schema"] == f"aethermodel.bench.{name}/1"
    assert all(row["seconds"] > 0 for row in document["rows"])
    assert all(target["words"] for target in document["targets"])
    assert plot.read_text().startswith("<svg")


def test_a_sweep_over_verbs_is_judged_from_its_file(tmp_path):
    committed = files("aethermodel") / "data/soft-roce-sweep.json"
    done = aether("bench", "rdma", "--samples", str(committed), "--json", "-")
    document = json.loads(done.stdout)
    assert document["schema"] == "aethermodel.bench.rdma/1"
    assert document["fabric"] == "soft-roce"
    assert document["emulated"]
    result = document["result"]
    assert done.returncode == (0 if result["outcome"] == "pass" else 1)
    assert len(result["settings"]["error"]) == len(document["rows"])
    assert result["costs"]["o_db"]["unit"] == "s"


def test_a_sweep_is_planned_run_and_taken_up_again(tmp_path, tmp_path_factory):
    (tmp_path / "mine.toml").write_text(
        'probe = "ffi"\nsamples = 2\nsample_seconds = 0.0001\nnoise_gate = 1\n'
        "[parameters]\nbatch_size = [1, 2]\n"
    )

    short = tmp_path_factory.mktemp("t")  # the kernel's sockets lie below it

    def sweep(*arguments):
        # A host lock of its own: this must not wait for a measurement beside it.
        place = os.environ | {"TMPDIR": str(short)}
        done = aether("sweep", *arguments, "--json", "-", cwd=tmp_path, env=place)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    planned = sweep("plan", "mine.toml", "-p", "topics=1,3")
    assert (planned["jobs"], planned["left"]) == (4, 4)
    assert planned["left_seconds"] > 0
    assert not (tmp_path / "sweeps").exists()
    assert sweep("run", "mine.toml", "-p", "topics=1,3")["ran"] == 4
    again = sweep("run", "sweeps/mine")
    assert (again["ran"], again["reused"]) == (0, 4)
    assert sweep("status", "mine.toml", "--reuse", "params")["left"] == 2  # other topics
    assert sweep("status", "sweeps/mine")["states"] == {"done": 4}
    assert sweep("retry", "sweeps/mine")["ran"] == 0
