"""Run the points of a sweep on other hosts, through Dask; each host still has one at a time.

Dask counts resources for a worker, not for a host, steals work, and runs finished work
again when a worker dies. So each point takes its host's lock as well, and a second run of
a point has the same key: it takes the place of the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aethermodel.documents import write_whole
from aethermodel.execute.host_lock import host_lock
from aethermodel.execute.scratch import scratch
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


class DaskBackend:
    """The workers of a Dask cluster that offer ``aether_host``.

    Parameters
    ----------
    scheduler : str, optional
        Its address; without it, a cluster of its own on this host's loopback.
    workers : int
        Of the cluster of its own. More than one are no faster: they are one host, whose lock
        makes them take turns.

    Raises
    ------
    ValueError
        If Dask is not installed.
    """

    def __init__(self, scheduler: str | None = None, workers: int = 1) -> None:
        if find_spec("distributed") is None:
            raise ValueError("Dask is not installed; pip install 'aethermodel[dask]'")
        self._scheduler, self._workers = scheduler, workers
        self._open = ExitStack()
        self._connected: Any = None

    def conditions(self, sweep: Sweep) -> list[Conditions]:
        """Return the conditions on each worker's host.

        Raises
        ------
        ValueError
            If no worker may run points: they would wait for one forever.
        OSError
            If there is no scheduler at the address.
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
            from distributed import Client, LocalCluster

            target: Any = self._scheduler
            if target is None:
                scratch_folder: Path = self._open.enter_context(scratch())
                target = self._open.enter_context(
                    LocalCluster(
                        n_workers=self._workers,
                        threads_per_worker=1,
                        resources={RESOURCE: 1},
                        host="127.0.0.1",
                        dashboard_address=None,
                        local_directory=str(scratch_folder),
                    )
                )
            client = Client(target, timeout=_CONNECT_SECONDS, set_as_default=False)
            self._connected = self._open.enter_context(client)
        return self._connected
