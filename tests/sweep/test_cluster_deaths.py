"""A cluster whose hosts die: nothing is lost, nothing that finished is run again or overlaps."""

import json
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from network_namespaces import can_make_namespaces

from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.sweep.dask_cluster import DaskBackend
from aethermodel.sweep.run import run
from aethermodel.sweep.spool import Spool
from aethermodel.sweep.store import Store
from tools.costs.sweep_cost import smallest_sweep
from tools.dask_kills import CountingStore, cluster, killed_sweep

#: Loaded by a worker: its host has more memory than there is.
OTHER_HARDWARE = """
from aethermodel.measure.host import fingerprint
from aethermodel.sweep import identity

host = fingerprint.this_host().model_copy(update={"id": "f" * 12, "memory_bytes": 2**50})
fingerprint.this_host = lambda: host
"""


@pytest.fixture(autouse=True)
def own_place(tmp_path_factory, monkeypatch):
    import tempfile

    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))
    monkeypatch.setattr(tempfile, "tempdir", None)


def check(figures, points):
    assert figures["lost"] == figures["stored_twice"] == figures["overlaps"] == 0
    assert figures["states"] == {"done": points}


def test_three_workers_are_killed_and_nothing_is_lost_or_run_again(tmp_path, capfd):
    """In network namespaces of their own where there may be any, else on loopback."""
    store, namespaces = CountingStore(tmp_path / "s"), can_make_namespaces()
    with cluster(2, tmp_path, namespaces=namespaces) as made:
        figures = killed_sweep(made, store, points=40, kills=3)
    check(figures, 40)
    assert figures["network_namespaces"] == (2 if namespaces else 1)
    assert "Traceback" not in capfd.readouterr().err
    assert figures["kills"] == 3 and set(figures["points_by_host"]) == {"host0", "host1"}
    # By hosts, with start and end, it is in the tables.
    from pyarrow import parquet

    table = parquet.read_table(store.folder / "points.parquet").to_pandas()
    assert set(table["place"]) == {"host0", "host1"}
    assert (table["ended"] >= table["started"]).all()


@pytest.mark.slow(reason="a scheduler and all of its workers start twice")
def test_a_scheduler_that_restarts_loses_nothing(tmp_path):
    store = CountingStore(tmp_path / "s")
    with cluster(2, tmp_path) as made:
        check(killed_sweep(made, store, points=20, kills=1, schedulers=1), 20)


def test_other_hardware_is_told_apart_and_never_pooled(tmp_path):
    preload = tmp_path / "other.py"
    preload.write_text(OTHER_HARDWARE)
    store = Store(tmp_path / "s")
    with cluster(2, tmp_path, {1: str(preload)}) as made:
        summary = run(smallest_sweep(4), store, backend=DaskBackend(made.address))
        assert (summary.kinds, summary.jobs, summary.ran) == (2, 8, 8)
        again = run(smallest_sweep(4), store, backend=DaskBackend(made.address))
        assert (again.ran, again.reused) == (0, 8)
    records = store.records()
    by_host = {(record.conditions.host, record.place) for record in records}
    assert len(by_host) == 2 and ("f" * 12, "host1") in by_host
    result = SweepResult.load(store.folder)
    assert len({record.conditions.host for record in result.records}) == 1
    assert (len(result.records), result.others) == (4, 4)


def test_what_a_worker_finished_is_kept_until_the_client_has_it(tmp_path):
    store = Store(tmp_path / "s")
    run(smallest_sweep(1), store)
    (record,) = store.records()
    spool = Spool("a1")
    assert spool.get("0-1") is None
    spool.put("0-1", record, "{}")
    assert Spool("a1").get("0-1") == (record, "{}")
    assert Spool("a2").get("0-1") is None
    spool.forget(["0-1", "1-1"])
    assert spool.get("0-1") is None
    spool.put("0-1", record, None)
    spool.end()
    assert Spool("a1").get("0-1") is None
    for wrong in ("", "../up", "a/b"):
        with pytest.raises(ValueError, match="letters and digits"):
            Spool(wrong)


def test_records_of_before_have_no_place(tmp_path):
    """A store from before hosts were told by name is read as it is."""
    store = Store(tmp_path / "s")
    run(smallest_sweep(1), store)
    (path,) = store.files()
    content = json.loads(Path(path).read_text())
    del content["place"], content["ended"]
    Path(path).write_text(json.dumps(content))
    (record,) = store.records()
    assert (record.place, record.ended) == ("", "")
    assert run(smallest_sweep(1), store).ran == 0
