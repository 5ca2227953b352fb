"""Dask backend: points run on other hosts, one at a time each.

Whoever reaches a Dask scheduler or worker runs code on it, and a scheduler can run code in its
clients. So the cluster of our own lives within this process and listens nowhere; points are
processes of their own all the same, forked by its worker. Another one is joined by its address
only, by TLS where it has that.

Who runs which point is decided here and not by Dask (`aethermodel.sweep.dask_dispatch`): one a host
at a time, and what has finished is not run again when a worker dies.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from aethermodel.execute.host_lock import host_lock
from aethermodel.execute.place import this_place
from aethermodel.execute.scratch import scratch
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.output_files import write_whole
from aethermodel.sweep.attempts import Attempts
from aethermodel.sweep.dask_dispatch import Deadly, Dispatch, Member, Task, unreported
from aethermodel.sweep.identity import Conditions, conditions_of, identity
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.run import Work, goes_back, run_once
from aethermodel.sweep.spool import Spool
from aethermodel.sweep.store import Record, Store
from aethermodel.sweep.target import Outcome

#: What a worker offers that may run points: ``dask worker ... --resources aether_host=1``.
RESOURCE = "aether_host"
#: Patience with a scheduler that does not answer.
CONNECT_SECONDS = 10.0

# A worker's fork server, kept from point to point of one repeat: (sweep, repeat) -> it.
_kept: dict[tuple[str, int], _Kept] = {}


class _Kept(Attempts):
    """A fork server with its sweep, and the conditions that are there while it lives."""

    def __init__(self, text: str, best: CoreCheck | None) -> None:
        self.sweep = Sweep.model_validate_json(text)
        super().__init__(self.sweep, best)
        self.conditions = conditions_of(self.sweep)


def _attempts(text: str, repeat: int) -> _Kept:
    if (text, repeat) not in _kept:
        best = next((attempts.best for attempts in _kept.values()), None)
        _end_attempts()
        _kept[text, repeat] = _Kept(text, best)
    return _kept[text, repeat]


def _end_attempts() -> None:
    while _kept:
        _kept.popitem()[1].close()


def _run_here(
    text: str, job: Job, tries: int, run: str, finished: list[str]
) -> tuple[Record, str | None]:
    """Run one point on a worker; return its record, and the executed notebook's text.

    Parameters
    ----------
    text : str
        The sweep.
    job : Job
    tries : int
    run : str
        Id of the client's run.
    finished : list of str
        Tries that the client has.
    """
    spool, name = Spool(run), _name(job, tries)
    spool.forget(finished)
    with host_lock(), scratch() as folder:
        # Finished by a worker that was killed before it could say so, which had the lock.
        if (kept := spool.get(name)) is not None:
            return kept
        store = Store(folder)
        attempts = _attempts(text, job.repeat)
        record = run_once(attempts.sweep, job, tries, attempts, attempts.conditions, store)
        executed = store.notebooks / f"{record.key}.ipynb"
        notebook = executed.read_text("utf-8") if executed.exists() else None
        spool.put(name, record, notebook)
        return record, notebook


def _name(job: Job, tries: int) -> str:
    return f"{job.order}-{tries}"


def _end_here(run: str) -> None:
    _end_attempts()
    Spool(run).end()


class _Offer(NamedTuple):
    """What a worker says of itself: how many points it runs at once, where, and what that is."""

    points: float
    member: Member


def _offer(text: str, dask_worker: Any) -> _Offer:
    resources = dask_worker.state.total_resources
    conditions = conditions_of(Sweep.model_validate_json(text))
    return _Offer(resources.get(RESOURCE, 0), Member(this_place(), conditions))


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
        """Return the conditions of each kind of hosts that workers are on.

        Raises
        ------
        ValueError
            If no worker may run points, for which they would wait forever; or if workers have
            different code of this package.
        OSError
            If there is no scheduler at the address, or it does not answer as one.
        """
        offers = self._client().run(_offer, sweep.model_dump_json())
        able = [offer.member.conditions for offer in offers.values() if offer.points >= 1]
        if not able:
            raise ValueError(
                f"none of {len(offers)} workers offers {RESOURCE}; start one a host with: "
                f"dask worker ADDRESS --nworkers 1 --nthreads 1 --resources {RESOURCE}=1"
            )
        if len({(one.code, one.extensions, one.environment) for one in able}) > 1:
            raise ValueError(
                "the workers have different versions of aethermodel, its kernels or libraries: "
                "what they measure is not the same thing"
            )
        # Of one hardware, once.
        return list({one.host: one for one in able}.values())

    def run(self, sweep: Sweep, work: list[Work], store: Store) -> Iterator[Record | None]:
        """Hand out all jobs in their order; yield their records as they come back."""
        text, run = sweep.model_dump_json(), uuid4().hex
        dispatch = Dispatch(
            self._anew,
            partial(_able_members, text),
            partial(_submit, text, run),
            lambda task: _name(task.job, task.tries),
        )
        for one in work:
            dispatch.add(Task(one.job, one.conditions))
        with unreported():
            try:
                yield from self._records(sweep, store, dispatch)
            finally:
                with suppress(Exception):  # the cluster may be gone
                    self._client().cancel(dispatch.futures(), force=True)
                    self._client().run(_end_here, run)

    def _records(self, sweep: Sweep, store: Store, dispatch: Dispatch) -> Iterator[Record | None]:
        for came in dispatch.results():
            if isinstance(came, Deadly):
                yield _died(sweep, came.task)
                continue
            task, record, notebook = came
            if goes_back(sweep, record):
                dispatch.add(Task(task.job, task.conditions, record.tries + 1))
                yield None
                continue
            if notebook is not None:
                write_whole(store.notebooks / f"{record.key}.ipynb", notebook)
            yield record

    def close(self) -> None:
        """Leave the cluster, and end it if it is our own; idempotent."""
        self._open.close()
        self._connected = None

    def _anew(self) -> Any:
        """Return a client that is connected, a new one where the scheduler was gone."""
        if self._connected is not None and self._connected.status != "running":
            self.close()
        return self._client()

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
                seconds = CONNECT_SECONDS
                return Client(target, timeout=seconds, set_as_default=False, security=security)

            client = _within(1.5 * CONNECT_SECONDS, connect) if self._scheduler else connect()
            if client is None:
                raise TimeoutError(f"{self._scheduler} answers, but not as a Dask scheduler does")
            self._connected = self._open.enter_context(client)
        return self._connected


def _able_members(text: str, client: Any, addresses: list[str]) -> dict[str, Member]:
    """Return those workers that may run points; one that leaves meanwhile is none."""
    offers = client.run(_offer, text, workers=addresses, on_error="return")
    return {
        address: offer.member
        for address, offer in offers.items()
        if isinstance(offer, _Offer) and offer.points >= 1
    }


def _submit(
    text: str, run: str, client: Any, task: Task, address: str, key: str, finished: list[str]
) -> Any:
    return client.submit(
        _run_here,
        *(text, task.job, task.tries, run, finished),
        key=key,
        workers=[address],
        resources={RESOURCE: 1},
    )


def _died(sweep: Sweep, task: Task) -> Record:
    """Return the record of a point that no worker survives."""
    error = f"{task.deaths} workers died while it ran"
    return Record(
        key=identity(sweep, task.job, task.conditions),
        target=sweep.target.name,
        parameters=task.job.parameters,
        repeat=task.job.repeat,
        order=task.job.order,
        outcome=Outcome(state="failed", seconds=0.0, error=error),
        conditions=task.conditions,
    )


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
