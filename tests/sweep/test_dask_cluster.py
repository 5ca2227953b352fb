"""Points on a real Dask cluster: of our own without a port, or another by its address, by TLS."""

import gc
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager

import psutil
import pytest
from command_line import aether

from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.run import run
from aethermodel.sweep.store import Store

distributed = pytest.importorskip("distributed")

QUICK = {"samples": 2, "sample_seconds": 0.0001, "noise_gate": 1}


@pytest.fixture(autouse=True)
def own_place(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))
    monkeypatch.setattr(tempfile, "tempdir", None)


def backend(scheduler=None, credentials=None):
    from aethermodel.sweep.dask_cluster import DaskBackend

    return DaskBackend(scheduler, credentials)


def listening():
    """Return where this process and those below it listen, by any protocol of the Internet."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    found = set()
    for process in processes:
        try:
            found |= {
                (process.pid, c.laddr)
                for c in process.net_connections("inet")
                if c.status == psutil.CONN_LISTEN or c.type == socket.SOCK_DGRAM
            }
        except psutil.NoSuchProcess:
            continue
    return found


def test_its_own_cluster_runs_the_points_and_local_runs_reuse_them(tmp_path):
    sweep = Sweep(probe="ffi", parameters={"batch_size": [1, 2, 3]}, repeats=2, **QUICK)
    store = Store(tmp_path / "s")
    summary = run(sweep, store, backend=backend())
    assert (summary.ran, summary.states) == (6, {"done": 6})
    assert all(len(r.outcome.samples) == 2 for r in store.records())
    assert run(sweep, store).ran == 0


def test_its_own_cluster_opens_no_port(tmp_path):
    """Dask's local cluster lets every user of the host run code: it listens unauthenticated."""
    before, during, stop = listening(), [], threading.Event()

    def watch():
        while not stop.wait(0.02):
            during.append(listening() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    sweep = Sweep(probe="ffi", parameters={"batch_size": [1, 2]}, **QUICK)
    collecting = []
    summary = run(
        sweep,
        Store(tmp_path / "s"),
        backend=backend(),
        progress=lambda *_: collecting.extend(gc.callbacks),
    )
    stop.set()
    watcher.join()
    assert not [call for call in collecting if "distributed" in str(call)]  # they lose Ctrl-C
    assert summary.states == {"done": 2}
    assert during and not set().union(*during)


OPENSSL = shutil.which("openssl")


def certificates(folder, name):
    """Make an authority that signs a key of that name for this host, by OpenSSL."""

    def call(*words):
        subprocess.run([OPENSSL, *words], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    call("req", "-x509", *curve, "-days", "1", "-subj", f"/CN={name} authority",
         "-keyout", f"{name}-ca.key", "-out", f"{name}-ca.pem")  # fmt: skip
    call("req", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    call("x509", "-req", "-in", f"{name}.csr", "-CA", f"{name}-ca.pem", "-days", "1",
         "-CAkey", f"{name}-ca.key", "-CAcreateserial", "-out", f"{name}.pem")  # fmt: skip
    from aethermodel.sweep.dask_cluster import Credentials

    return Credentials(*(folder / f"{name}{end}" for end in ("-ca.pem", ".pem", ".key")))


def security(credentials):
    authority, certificate, key = map(str, credentials)
    return distributed.Security(
        require_encryption=True,
        tls_ca_file=authority,
        **{f"tls_{who}_cert": certificate for who in ("client", "scheduler", "worker")},
        **{f"tls_{who}_key": key for who in ("client", "scheduler", "worker")},
    )


@contextmanager
def secured(credentials, folder):
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        resources={"aether_host": 1},
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        security=security(credentials),
        local_directory=str(folder / "dask"),
    ) as cluster:
        yield cluster


@pytest.mark.skipif(not OPENSSL, reason="no openssl to make certificates with")
def test_a_scheduler_by_tls_takes_who_has_a_certificate_and_nobody_else(tmp_path):
    mine, theirs = certificates(tmp_path, "mine"), certificates(tmp_path, "theirs")
    sweep = Sweep(probe="ffi", parameters={"batch_size": [1, 2]}, **QUICK)
    with secured(mine, tmp_path) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        joined = backend(address, mine)
        assert str(mine.authority) in joined.risk
        summary = run(sweep, Store(tmp_path / "s"), backend=joined)
        assert summary.states == {"done": 2}
        # The scheduler's, the worker's and its nanny's ports.
        info = cluster.scheduler.identity()
        ports = [address, *info["workers"], *(w["nanny"] for w in info["workers"].values())]
        assert len(set(ports)) == 3
        for port in ports:
            for stranger in (None, security(theirs)):
                plain = port if stranger else port.replace("tls://", "tcp://")
                with pytest.raises(OSError):
                    distributed.Client(plain, timeout=3, security=stranger, set_as_default=False)


@pytest.mark.skipif(not OPENSSL, reason="no openssl to make certificates with")
def test_credentials_that_do_not_do_are_one_line(tmp_path):
    mine, theirs = certificates(tmp_path, "mine"), certificates(tmp_path, "theirs")
    files = dict(zip(("--tls-ca", "--tls-cert", "--tls-key"), map(str, mine), strict=True))
    words = ["sweep", "run", "--probe", "ffi", "--store", str(tmp_path / "s"), "--backend", "dask"]

    def said(**changed):
        options = {"--scheduler": "tls://127.0.0.1:1"} | files | changed
        given = [word for pair in options.items() if pair[1] for word in pair]
        done = aether(*words, *given)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        return line

    assert "nothing.pem: no certificates" in said(**{"--tls-ca": str(tmp_path / "nothing.pem")})
    assert "no certificate with its key" in said(**{"--tls-key": str(theirs.key)})
    assert "no certificate with its key" in said(**{"--tls-cert": str(theirs.key)})
    assert "go together" in said(**{"--tls-key": None})
    assert "a tls:// scheduler, and no other" in said(**{"--scheduler": "tcp://127.0.0.1:1"})
    assert "begins with tls:// or tcp://" in said(**{"--scheduler": "inproc://1/2/3"})
    none = dict.fromkeys(files)
    assert "a tls:// scheduler, and no other" in said(**none)
    assert "for --backend dask" in said(**{"--backend": "local"})


IMPATIENTLY = """
import sys
from aethermodel.cli import main
from aethermodel.sweep import dask_cluster

dask_cluster.CONNECT_SECONDS = 2.0
sys.argv[0] = "aethermodel"
main()
"""


def impatiently(store, address):
    """Run a sweep on a scheduler, and give it up sooner than a user would."""
    words = ("sweep", "run", "--probe", "ffi", "--store", str(store))
    return aether(*words, "--backend", "dask", "--scheduler", address, code=IMPATIENTLY)


def test_a_scheduler_that_says_nothing_is_not_waited_for(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = impatiently(tmp_path / "s", address)
    assert done.returncode == 2
    last = f"aethermodel: {address} answers, but not as a Dask scheduler does"
    assert done.stderr.splitlines()[-1] == last
    assert "Traceback" not in done.stderr


def test_the_risk_of_an_unprotected_scheduler_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"tcp://127.0.0.1:{gone.getsockname()[1]}"
    done = impatiently(tmp_path / "s", address)
    assert done.returncode == 2
    first, last = done.stderr.splitlines()
    assert first == f"{address}: whoever reaches it can run code on its workers and as you here"
    assert last.startswith("aethermodel: ") and address in last


@pytest.mark.slow(reason="two worker processes, each with a kernel; probes go the same way below")
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
