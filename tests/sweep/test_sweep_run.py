"""Sweeps as they run: both modes, resume, failures, the noise gate, kills."""

import json
import signal
import tempfile

import nbformat
import pandas as pd
import psutil
import pytest
from command_line import Command, aether
from waiting import gone, until

from aethermodel.measure.host.contention import CoreCheck
from aethermodel.sweep.attempts import Attempts
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.run import UNSUCCESSFUL, remaining_seconds, run
from aethermodel.sweep.store import Store
from tools.costs.sweep_cost import smallest_sweep

QUICK = {"samples": 2, "sample_seconds": 0.0001}


@pytest.fixture(autouse=True)
def own_place(tmp_path_factory, monkeypatch):
    """A host lock of this test's own: other tests may run beside it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))
    monkeypatch.setattr(tempfile, "tempdir", None)


def facts(store):
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in store.points.iterdir()}


def dotted(folder):
    return [p for p in folder.rglob("*") if p.name.startswith(".")]


def notebook(folder, *cells):
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(source) for source in ("n = 0", *cells)]
    book.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(book, str(folder / "book.ipynb"))
    return str(folder / "book.ipynb")


def test_every_point_is_run_once_and_a_second_run_has_nothing_to_do(tmp_path):
    sweep = Sweep(
        probe="ffi",
        parameters={"batch_size": [1, 5, 9], "topics": 1, "pool": 1},
        repeats=2,
        noise_gate=1,
        **QUICK,
    )
    store, seen = Store(tmp_path / "s"), []
    first = run(sweep, store, progress=lambda *done: seen.append(done))
    assert (first.jobs, first.reused, first.ran, first.states) == (6, 0, 6, {"done": 6})
    assert seen == [(i, 6) for i in range(1, 7)]
    before = facts(store)
    second = run(sweep, store)
    assert (second.reused, second.ran) == (6, 0)
    assert facts(store) == before
    samples = pd.read_parquet(store.folder / "samples.parquet")
    assert (samples.groupby(["batch_size", "process"]).size() == 2).all()
    assert (samples["seconds"] > 0).all()
    assert not dotted(store.folder)


def test_a_wider_sweep_runs_only_what_is_new(tmp_path):
    store = Store(tmp_path / "s")
    narrow = Sweep(probe="ffi", parameters={"batch_size": [1, 2]}, noise_gate=1, **QUICK)
    run(narrow, store)
    wide = narrow.model_copy(update={"parameters": {"batch_size": [2, 3, 1]}})
    summary = run(Sweep(**wide.model_dump()), store)
    assert (summary.reused, summary.ran) == (2, 1)


def test_a_timeout_is_an_outcome_and_only_retry_runs_it_again(tmp_path):
    slow = Sweep(probe="ffi", samples=1, sample_seconds=20, timeout_seconds=0.2, noise_gate=1)
    store = Store(tmp_path / "s")
    first = run(slow, store)
    assert first.states == {"timeout": 1}
    assert first.failures[0].outcome.error == "not done after 0.2 s"
    assert run(slow, store).ran == 0
    assert run(slow, store, redo=UNSUCCESSFUL).ran == 1


def test_the_noise_gate_sends_points_back_as_often_as_it_may(tmp_path, monkeypatch):
    from aethermodel.sweep.attempts import Attempts

    attempt = Attempts.attempt

    def disturbed(self, job, executed):
        return attempt(self, job, executed).model_copy(update={"disturbed": 0.5})

    monkeypatch.setattr(Attempts, "attempt", disturbed)
    parameters = {"batch_size": [1, 2], "topics": 1, "pool": 1}
    sweep = Sweep(probe="ffi", parameters=parameters, noise_gate=0.4, retries=2, **QUICK)
    store = Store(tmp_path / "s")
    told = []
    summary = run(sweep, store, progress=lambda *at: told.append(at))
    assert (summary.ran, summary.requeued) == (2, 4)
    # On a busy host it moves on, too.
    assert told == [(1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (6, 6)]
    assert [(r.tries, r.noisy) for r in store.records()] == [(3, True)] * 2
    calm = Sweep(**sweep.model_dump() | {"noise_gate": 0.5})
    summary = run(calm, Store(tmp_path / "calm"))
    assert (summary.ran, summary.requeued) == (2, 0)


def test_a_notebook_at_each_point(tmp_path):
    book = notebook(
        tmp_path,
        "from aethermodel import record\n"
        "import os, signal, time\n"
        "if n == 2: raise ValueError('two')\n"
        "if n == 3: time.sleep(600)\n"
        "if n == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "record(square=n * n)",
    )
    sweep = Sweep(notebook=book, parameters={"n": [1, 2, 4, 5]}, noise_gate=1)
    slow = Sweep(notebook=book, parameters={"n": [3]}, timeout_seconds=1, noise_gate=1)
    store = Store(tmp_path / "s")
    run(sweep, store)
    summary = run(slow, store)
    outcomes = {r.parameters["n"]: r.outcome for r in store.records()}
    states = {n: outcome.state for n, outcome in outcomes.items()}
    assert states == {1: "done", 2: "failed", 3: "timeout", 4: "failed", 5: "done"}
    assert outcomes[5].figures == {"square": 25.0}
    assert outcomes[2].error == "ValueError: two"
    assert outcomes[3].error == "not done after 1 s"
    assert summary.states == {"timeout": 1}
    for record in store.records():
        nbformat.read(store.notebooks / f"{record.key}.ipynb", as_version=4)
    assert not dotted(store.folder)


def test_a_server_that_dies_does_not_take_the_sweep_with_it(tmp_path, monkeypatch):
    from aethermodel.sweep.attempts import Attempts

    def servers():
        return {
            child
            for child in psutil.Process().children()
            if "aethermodel.execute.forkserver" in child.cmdline()
        }

    attempt, killed = Attempts.attempt, []
    others = servers()  # of tests that ran before in this process, kept to its end

    def after_a_kill(self, job, executed):
        if not killed:
            (server,) = servers() - others
            server.kill()
            killed.append(until(lambda: gone(server.pid)))
        return attempt(self, job, executed)

    monkeypatch.setattr(Attempts, "attempt", after_a_kill)
    summary = run(smallest_sweep(2), Store(tmp_path / "s"))
    assert not [record.outcome.error for record in summary.failures]
    assert summary.states == {"done": 2}
    assert killed == [True]


def test_the_estimate_says_where_it_is_from(tmp_path):
    book = Sweep(notebook=notebook(tmp_path), parameters={"n": [1]})
    assert remaining_seconds(book, [], 1) == (None, None, "no point has finished yet")
    sweep = smallest_sweep(3)
    seconds, most, source = remaining_seconds(sweep, [], 3)
    assert seconds > 0.3 and most == pytest.approx(seconds * (1 + sweep.retries))
    assert source == "the samples' least duration"
    store = Store(tmp_path / "s")
    run(sweep, store)
    records = store.records()
    # A large one: what is waited for is the sum, no median.
    slow = records[0].outcome.model_copy(update={"seconds": 100.0})
    records[0] = records[0].model_copy(update={"outcome": slow})
    seconds, most, source = remaining_seconds(sweep, records, 3)
    assert seconds >= 100 and most >= seconds
    assert source == "the mean of 3 finished points"


def test_ctrl_c_leaves_a_store_to_go_on_with_and_nothing_else(tmp_path):
    folder = tmp_path / "s"
    sizes = ",".join(map(str, range(1, 2000)))
    words = ["sweep", "run", "--no-summary", "--probe", "ffi", f"-pbatch_size={sizes}"]
    words += ["-ptopics=1", "--samples", "1", "--retries", "0", "--store", str(folder)]
    with Command(*words) as command:
        assert until(lambda: "1/1999" in command.complained()), command.complained()
        command.send_signal(signal.SIGINT)
        assert command.wait(120) == 130
        complaint = command.complained()
        assert until(lambda: not command.below()), command.below()
    assert "what has finished is kept in" in complaint
    assert "Traceback" not in complaint
    assert not dotted(folder)
    document = json.loads(aether("sweep", "status", str(folder), "--json", "-").stdout)
    assert document["states"]["done"] == len(Store(folder).records()) > 0
    assert document["left"] == 1999 - document["states"]["done"]


def test_a_core_that_is_shared_all_through_a_point_shows_beside_the_points_before(tmp_path):
    sweep = Sweep(probe="ffi", samples=2, sample_seconds=0.002)
    with Attempts(sweep, CoreCheck(core_seconds=1e-9)) as attempts:
        outcome = attempts.attempt(sweep.jobs()[0], tmp_path / "none.ipynb")
        assert (outcome.state, outcome.disturbed) == ("done", 1)
        assert attempts.best.core_seconds == 1e-9
    with Attempts(sweep) as attempts:
        attempts.attempt(sweep.jobs()[0], tmp_path / "none.ipynb")
        assert 1e-9 < attempts.best.core_seconds < 1
