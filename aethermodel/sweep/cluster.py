"""Dask backend: points run on other hosts, one at a time each.

Whoever reaches a Dask scheduler or worker runs code on it, and a scheduler can run code in its
clients. So the cluster of our own lives within this process and listens nowhere; points are
processes of their own all the same, forked by its worker. Another one is joined by its address
only, by TLS where it has that.

Dask counts resources for a worker, not for a host, steals work, and runs finished work
again when a worker dies. So each point takes its host's lock as well, and a second run of
a point has the same key: it takes the place of the first.
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from aethermodel.execute.host_lock import host_lock
from aethermodel.execute.scratch import scratch
from aethermodel.output_files import write_whole
from aethermodel.sweep.attempts import Attempts
from aethermodel.sweep.identity import Conditions, conditions_of, identity
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.run import goes_back, run_once
from aethermodel.sweep.store import Record, Store

#: What a worker offers that may run points: ``dask worker ... --resources aether_host=1``.
RESOURCE = "aether_host"
_CONNECT_SECONDS = 10

# A worker's fork server, kept from point to point of one repeat: (sweep, repeat) -> it.
_kept: dict[tuple[str, int], Attempts] = {}


def _attempts(text: str, repeat: int) -> Attempts:
    if (text, repeat) not in _kept:
        best = next((attempts.best for attempts in _kept.values()), None)
        _end_attempts()
        _kept[text, repeat] = Attempts(Sweep.model_validate_json(text), best)
    return _kept[text, repeat]


def _end_attempts() -> None:
    while _kept:
        _kept.popitem()[1].close()


def _run_here(text: str, job: Job, tries: int) -> tuple[Record, str | None]:
    """Run one point on a worker; return its record, and the executed notebook's text."""
    sweep = Sweep.model_validate_json(text)
    with host_lock(), scratch() as folder:
        store = Store(folder)
        attempts = _attempts(text, job.repeat)
        record = run_once(sweep, job, tries, attempts, conditions_of(sweep), store)
        executed = store.notebooks / f"{record.key}.ipynb"
        return record, executed.read_text("utf-8") if executed.exists() else None


def _offer(text: str, dask_worker: Any) -> tuple[float, Conditions]:
    """Return how many points a worker runs at once, and under which conditions."""
    resources = dask_worker.state.total_resources
    return resources.get(RESOURCE, 0), conditions_of(Sweep.model_validate_json(text))


class Credentials(NamedTuple):
    """What a scheduler at a ``tls://`` address asks for.

    Attributes
    ----------
    authority, certificate, key : Path
        PEM files: who signed the scheduler's certificate, and this client's own.
    """

    authority: Path
    certificate: Path
    key: Path

    def check(self) -> None:
        """Load them.

        Raises
        ------
        ValueError
            If a file is missing or not what it should be.
        """
        try:
            context = ssl.create_default_context(cafile=self.authority)
        except OSError as error:
            raise ValueError(f"{self.authority}: no certificates: {error.strerror}") from None
        try:
            # Without a password at hand, a key that has one is refused instead of asked about.
            context.load_cert_chain(self.certificate, self.key, password="")
        except OSError as error:
            pair = f"{self.certificate} and {self.key}"
            raise ValueError(f"{pair}: no certificate with its key: {error.strerror}") from None


class DaskBackend:
    """The workers of a Dask cluster that offer ``aether_host``.

    Parameters
    ----------
    scheduler : str, optional
        Its address, ``tls://HOST:PORT`` or ``tcp://HOST:PORT``; without it, a cluster of our
        own within this process.
    credentials : Credentials, optional
        For ``tls://``.
    workers : int
        Of the cluster of our own. More than one are no faster: they are one host, whose lock
        makes them take turns.

    Raises
    ------
    ValueError
        If Dask is not installed, or address and credentials do not go together.

    Attributes
    ----------
    risk : str
        What joining that scheduler allows to whom, in a line; empty without one.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        credentials: Credentials | None = None,
        *,
        workers: int = 1,
    ) -> None:
        if find_spec("distributed") is None:
            raise ValueError("Dask is not installed; pip install 'aethermodel[dask]'")
        secure = (scheduler or "").startswith("tls://")
        if scheduler and not (secure or scheduler.startswith("tcp://")):
            raise ValueError(f"a scheduler's address begins with tls:// or tcp://, not {scheduler}")
        if secure != (credentials is not None):
            raise ValueError(
                "a tls:// scheduler, and no other, wants --tls-ca, --tls-cert and --tls-key"
            )
        self.risk = ""
        if scheduler:
            who = f"has a certificate of {credentials.authority}" if credentials else "reaches it"
            self.risk = f"{scheduler}: whoever {who} can run code on its workers and as you here"
        if credentials:
            credentials.check()
        self._scheduler, self._credentials, self._workers = scheduler, credentials, workers
        self._open = ExitStack()
        self._connected: Any = None

    def conditions(self, sweep: Sweep) -> list[Conditions]:
        """Return the conditions on each worker's host.

        Raises
        ------
        ValueError
            If no worker may run points: they would wait for one forever.
        OSError
            If there is no scheduler at the address, or it does not answer as one.
        """
        offers = self._client().run(_offer, sweep.model_dump_json())
        able = [conditions for count, conditions in offers.values() if count >= 1]
        if not able:
            raise ValueError(
                f"none of {len(offers)} workers offers {RESOURCE}; start one a host with: "
                f"dask worker ADDRESS --nworkers 1 --nthreads 1 --resources {RESOURCE}=1"
            )
        return able

    def run(self, sweep: Sweep, jobs: list[Job], store: Store) -> Iterator[Record | None]:
        """Hand out all jobs in their order; yield their records as they come back."""
        from distributed import as_completed

        client, text = self._client(), sweep.model_dump_json()
        here = conditions_of(sweep)

        def submit(job: Job, tries: int) -> Any:
            # Its own process in the name: what an earlier run left with the scheduler
            # may be of other code.
            key = f"{identity(sweep, job, here)}-{tries}-{os.getpid()}"
            limits = {RESOURCE: 1}
            return client.submit(_run_here, text, job, tries, key=key, resources=limits)

        futures = {submit(job, 1): job for job in jobs}
        try:
            waiting = as_completed(list(futures), loop=client.loop)
            for future in waiting:
                record, notebook = future.result()
                job = futures.pop(future)
                if goes_back(sweep, record):
                    again = submit(job, record.tries + 1)
                    futures[again] = job
                    waiting.add(again)
                    yield None
                    continue
                if notebook is not None:
                    write_whole(store.notebooks / f"{record.key}.ipynb", notebook)
                yield record
        finally:
            client.cancel(list(futures), force=True)
            client.run(_end_attempts)

    def close(self) -> None:
        """Leave the cluster, and end it if it is our own; idempotent."""
        self._open.close()
        self._connected = None

    def _client(self) -> Any:
        if self._connected is None:
            from distributed import Client
            from distributed.security import Security

            target: Any = self._scheduler
            security = None
            if target is None:
                folder = self._open.enter_context(scratch())
                target = self._open.enter_context(_own_cluster(folder, self._workers))
            elif self._credentials:
                authority, certificate, key = map(str, self._credentials)
                security = Security(
                    require_encryption=True,
                    tls_ca_file=authority,
                    tls_client_cert=certificate,
                    tls_client_key=key,
                )

            def connect() -> Any:
                seconds = _CONNECT_SECONDS
                return Client(target, timeout=seconds, set_as_default=False, security=security)

            client = _within(_CONNECT_SECONDS + 5, connect) if self._scheduler else connect()
            if client is None:
                raise TimeoutError(f"{self._scheduler} answers, but not as a Dask scheduler does")
            self._connected = self._open.enter_context(client)
        return self._connected


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return what a call returns or raises in time, else None: Dask waits for ever for a greeting.

    The thread that goes on waiting does not keep the process from ending.
    """
    ended: list[tuple[Any, Exception | None]] = []

    def run() -> None:
        try:
            ended.append((call(), None))
        except Exception as error:
            ended.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    value, error = ended[0] if ended else (None, None)
    if error is not None:
        raise error
    return value


def _own_cluster(folder: Path, workers: int) -> Any:
    """Return a cluster within this process, with no port open.

    Dask's own `LocalCluster` without processes still has an HTTP server for its scheduler and
    each worker, on all of the host's addresses.
    """
    import dask
    from distributed import Scheduler, SpecCluster, Worker
    from distributed.gc import disable_gc_diagnosis

    class Unserved:
        def start_http_server(self, *_: Any, **__: Any) -> None:
            pass

    class OwnScheduler(Unserved, Scheduler):  # type: ignore[misc]  # untyped
        pass

    class OwnWorker(Unserved, Worker):  # type: ignore[misc]  # untyped
        pass

    common = {"protocol": "inproc://", "dashboard": False}
    settings = {
        "nthreads": 1,
        "resources": {RESOURCE: 1},
        "memory_limit": 0,  # it is this process's own
    }
    worker = {"cls": OwnWorker, "options": common | settings}
    with dask.config.set({"temporary-directory": str(folder)}):
        cluster = SpecCluster(
            scheduler={"cls": OwnScheduler, "options": common},
            workers={at: worker for at in range(workers)},
            silence_logs=logging.CRITICAL,  # a point that fails is a record
        )
    # It calls Python at each collection, and Ctrl-C in such a call is lost.
    disable_gc_diagnosis(force=True)
    return cluster
