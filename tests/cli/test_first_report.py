"""First commands of the README: a report of this host, and its model for a sweep's."""

import json

import pytest
from command_line import aether


@pytest.mark.slow(reason="executes a notebook, runs a sweep and reports it")
def test_a_report_leaves_the_model_that_a_sweep_is_compared_with(tmp_path):
    few = ("-n", "1,50", "--topics", "2", "--processes", "1", "--repeats", "2")
    done = aether("report", "--run", *few, "--loop", "asyncio", "-o", "r/host.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("r/host.html: ")
    left = {path.name for path in (tmp_path / "r").iterdir()}
    assert left == {"host.html", "host.ipynb", "host.parquet", "host.calibration.json"}

    points = ("-p", "batch_size=1,50", "-p", "topics=2", "-p", "calls=2")
    done = aether("sweep", "run", "--probe", "pipeline", *points, "--store", "s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    model = ("-c", "r/host.calibration.json")
    done = aether("report", "s", *model, "-o", "s.html", "--json", "-", cwd=tmp_path)
    report = json.loads(done.stdout)
    # Two processes may be far from their model.
    assert done.returncode == (1 if report["verdict"] == "fail" else 0), done.stderr
    assert "Throughput against batch size, measured and modelled (loopback)" in report["figures"]
    assert any("prediction" in row["criterion"] for row in report["thresholds"])
