"""Points on a real Dask cluster, on loopback."""

import tempfile

import pytest

from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.run import run
from aethermodel.sweep.store import Store

distributed = pytest.importorskip("distributed")

QUICK = {"samples": 2, "sample_seconds": 0.0001, "noise_gate": 1}


@pytest.fixture(autouse=True)
def own_place(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))
    monkeypatch.setattr(tempfile, "tempdir", None)


def backend(scheduler=None):
    from aethermodel.sweep.cluster import DaskBackend

    return DaskBackend(scheduler)


def test_its_own_cluster_runs_the_points_and_local_runs_reuse_them(tmp_path):
    sweep = Sweep(probe="ffi", parameters={"batch_size": [1, 2, 3]}, repeats=2, **QUICK)
    store = Store(tmp_path / "s")
    summary = run(sweep, store, backend=backend())
    assert (summary.ran, summary.states) == (6, {"done": 6})
    assert all(len(r.outcome.samples) == 2 for r in store.records())
    assert run(sweep, store).ran == 0


def test_a_given_scheduler_with_two_workers_brings_notebooks_back(tmp_path):
    limits = {"aether_host": 1}
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        resources=limits,
        host="127.0.0.1",
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        sweep = Sweep(notebook="10_upper_bound.ipynb", parameters={"batch_size": [1, 10]})
        store = Store(tmp_path / "s")
        summary = run(sweep, store, backend=backend(cluster.scheduler_address))
        assert summary.states == {"done": 2}
        assert len(list(store.notebooks.glob("*.ipynb"))) == 2
        assert run(sweep, store, backend=backend(cluster.scheduler_address)).ran == 0


def test_workers_without_the_resource_are_told_of_and_nothing_waits(tmp_path):
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        sweep = Sweep(probe="ffi", **QUICK)
        with pytest.raises(ValueError, match="none of 1 workers offers aether_host"):
            run(sweep, Store(tmp_path / "s"), backend=backend(cluster.scheduler_address))
