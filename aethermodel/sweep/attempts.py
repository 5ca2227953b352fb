"""Attempt at one point: a probe in a fork, or a notebook on a warm kernel."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aethermodel.execute.forks import Fork, ForkError, ForkServer, ForkTimeoutError
from aethermodel.inputs.refusals import InputError
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.probes import PROBES
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.target import Outcome

# With the probe itself: what every child would import.
_PRELOAD = ("numpy.random", "aethermodel.sweep.measured")


class Attempts:
    """Runs the points of one repeat, each in a fresh child of one fork server.

    Parameters
    ----------
    sweep : Sweep
    best : CoreCheck, optional
        Of the cores, in points before.

    Raises
    ------
    ForkError
        If the fork server cannot start at all.

    Attributes
    ----------
    best : CoreCheck
        Of the cores, in these points too.
    """

    def __init__(self, sweep: Sweep, best: CoreCheck | None = None) -> None:
        self._sweep = sweep
        self.best = best or CoreCheck()
        self._server = self._start()

    def _start(self) -> ForkServer:
        if self._sweep.probe:
            return ForkServer((*_PRELOAD, PROBES.module(self._sweep.probe)))
        from aethermodel.execute.jupyter_kernels import kernel_server

        return kernel_server()

    def attempt(self, job: Job, executed: Path) -> Outcome:
        """Run one point.

        Parameters
        ----------
        job : Job
        executed : Path
            Where an executed notebook goes.

        Returns
        -------
        Outcome
            A point that fails is an outcome; an exception is ours.
        """
        start = time.monotonic()
        try:
            if not self._server.alive:  # a point has taken it down; the others go on
                self._start_again()
            outcome = self._sample(job) if self._sweep.probe else self._execute(job, executed)
        except ForkTimeoutError as error:
            outcome = {"state": "timeout", "error": str(error)}
        except ForkError as error:
            outcome = {"state": "failed", "error": str(error)}
        return Outcome(seconds=time.monotonic() - start, **outcome)

    def close(self) -> None:
        """End the server and every process below it; idempotent."""
        self._server.close()

    def __enter__(self) -> Attempts:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sample(self, job: Job) -> dict[str, Any]:
        sweep = self._sweep
        arguments = {
            "probe": sweep.probe,
            "settings": job.parameters,
            "samples": sweep.samples,
            "sample_seconds": sweep.sample_seconds,
            "best": list(self.best),
        }
        with self._forked("aethermodel.sweep.measured:measure", arguments) as fork:
            samples = fork.value(sweep.timeout_seconds)
        for sample in samples:
            self.best = self.best.best(CoreCheck.of(sample))
        noisy = sum(sample["noisy"] for sample in samples)
        return {"state": "done", "samples": samples, "disturbed": noisy / len(samples)}

    def _forked(self, call: str, arguments: dict[str, Any]) -> Fork:
        """Fork a child; from a new server if the old one was dying when it was looked at."""
        try:
            return self._server.fork(call, arguments)
        except ForkError:
            if self._server.alive:
                raise
            self._start_again()
            return self._server.fork(call, arguments)

    def _start_again(self) -> None:
        self._server.close()
        self._server = self._start()

    def _execute(self, job: Job, executed: Path) -> dict[str, Any]:
        import aethermodel.execute.address_formats  # noqa: F401  # isort: skip
        from papermill import PapermillExecutionError

        from aethermodel.execute.notebooks import execute
        from aethermodel.execute.recorded_figures import recorded
        from aethermodel.measure.host.steal_and_switches import Noise, Reading

        sweep, before, start = self._sweep, Reading.now(), time.monotonic()
        # The others keep their defaults, some of which no JSON could say.
        given = {name: job.parameters[name] for name in sweep.parameters}
        late = threading.Event()
        with ExitStack() as stack:

            def started(fork: Fork) -> None:
                def end() -> None:
                    late.set()
                    fork.signal(signal.SIGKILL)

                timer = threading.Timer(sweep.timeout_seconds, end)
                timer.daemon = True
                timer.start()
                stack.callback(timer.cancel)

            try:
                execute(
                    str(sweep.target.path),  # type: ignore[attr-defined]
                    executed,
                    given,
                    server=self._server,
                    started=started,
                )
            except PapermillExecutionError as error:
                why = f"{error.ename}: {error.evalue}"
                return {"state": "failed", "error": " ".join(why.split())}
            except Exception as error:
                if late.is_set():
                    why = f"not done after {sweep.timeout_seconds:g} s"
                    return {"state": "timeout", "error": why}
                return {"state": "failed", "error": " ".join(str(error).split())}
        stolen = Noise.since(before).stolen_seconds / max(time.monotonic() - start, 1e-9)
        try:
            figures = recorded(executed)
        except InputError as error:
            return {"state": "failed", "error": str(error)}
        return {"state": "done", "figures": figures, "disturbed": min(1.0, stolen)}
