"""Sampler: fresh processes, warm-up, random order, noise recorded."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from subprocess import PIPE
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aethermodel import thresholds
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.probes import PROBES
from aethermodel.processes import Child, ChildError, ending

if TYPE_CHECKING:
    import pandas as pd


#: How long a sample of `calm_plan` lasts at least.
CALM_SECONDS = thresholds.SLICES * thresholds.SLICE_SECONDS


class Point(BaseModel):
    """One thing to time: a probe and its settings, checked when made.

    Attributes
    ----------
    probe : str
    settings : dict
    company : bool
        Time it while another core is busy, as it is where the pipeline runs in two processes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    probe: str
    settings: dict[str, Any] = Field(default_factory=dict)
    company: bool = False

    @field_validator("probe")
    @classmethod
    def _known(cls, probe: str) -> str:
        if probe not in PROBES:
            raise ValueError(f"no probe {probe!r}; there are {', '.join(PROBES)}")
        return probe

    def model_post_init(self, _: object) -> None:
        """Complete the settings with the probe's defaults, or refuse them."""
        full = PROBES[self.probe].settings(**self.settings).model_dump()
        object.__setattr__(self, "settings", full)


class Plan(BaseModel):
    """What to sample, and how often.

    Attributes
    ----------
    points : tuple of Point
    processes : int
        Fresh interpreters, one after the other: address layout and hash seed differ.
    repeats : int
        Samples of each point in each process.
    sample_seconds : float
        Least duration of one sample; the inner loop is sized for it. The clock costs
        some 50 ns, so that 1 ms already keeps it below 0.01 %.
    slices : int
        Parts that a sample is cut in, to leave out those that were disturbed: a whole one counts
        as disturbed by any theft or switch, one of several slices where hardly any is calm.
    retries : int
        How often a sample that was disturbed is taken again.
    seed : int
        Of the random order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: tuple[Point, ...] = Field(min_length=1)
    processes: int = Field(5, ge=1, le=100)
    repeats: int = Field(3, ge=1, le=1000)
    sample_seconds: float = Field(0.005, ge=0.0001, le=60)
    slices: int = Field(1, ge=1, le=1000)
    retries: int = Field(thresholds.RETRIES, ge=0, le=100)
    seed: int = 0

    @property
    def samples(self) -> int:
        """How many undisturbed samples the whole plan asks for."""
        return len(self.points) * self.processes * self.repeats


def calm_plan(points: Iterable[Point], processes: int, repeats: int, seed: int = 0) -> Plan:
    """Return a plan of what a host does while its neighbours leave it alone.

    Eight slices of a millisecond, each of which they disturb or do not; see
    `aethermodel.measure.host.slices`. Terms and whole must both be taken so, or neither.
    """
    return Plan(
        points=tuple(points),
        processes=processes,
        repeats=repeats,
        sample_seconds=CALM_SECONDS,
        slices=thresholds.SLICES,
        retries=thresholds.RETRIES,
        seed=seed,
    )


class SamplingError(ChildError):
    """A sampling process ended without its samples.

    Attributes
    ----------
    samples : pandas.DataFrame or None
        What was sampled before.
    """

    samples: pd.DataFrame | None = None


@contextmanager
def _worker(
    plan: Plan, process: int, best: CoreCheck, silence: float
) -> Iterator[Iterator[dict[str, Any]]]:
    """Run one sampling process and hand out its rows as they come; end it where it says nothing."""
    request = json.dumps({"plan": plan.model_dump(), "process": process, "best": best})
    module = "aethermodel.measure.sampling.worker"
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        Child(module, text=True, stdin=PIPE, stdout=PIPE, stderr=errors) as child,
    ):
        assert child.stdin and child.stdout
        with suppress(BrokenPipeError):  # it ended already, and says why below
            child.stdin.write(request)
            child.stdin.close()
        output = child.stdout

        def rows() -> Iterator[dict[str, Any]]:
            for line in _spoken(output, child, silence):
                row = json.loads(line)
                if "error" in row:
                    raise SamplingError(row["error"])
                yield row
            if code := child.wait():
                errors.seek(0)
                lines = errors.read().strip().splitlines() if code > 0 else []
                last = lines[-1] if lines else ending(code)
                raise SamplingError(f"sampling process {process} failed: {last}")

        yield rows()


def _spoken(output: IO[str], child: Child, silence: float) -> Iterator[str]:
    """Yield the lines of a child, which is killed where the next one takes too long.

    Raises
    ------
    SamplingError
        If it was.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    while True:
        watch = threading.Timer(min(silence, threading.TIMEOUT_MAX), end)
        watch.daemon = True
        watch.start()
        line = output.readline()
        watch.cancel()
        if late.is_set():
            raise SamplingError(f"what is timed did not come back within {silence:,.0f} s")
        if not line:
            return
        yield line


def take_samples(
    plan: Plan,
    progress: Callable[[int, int], None] | None = None,
    *,
    deadline: float = inf,
    best: CoreCheck | None = None,
    silence: float = inf,
) -> pd.DataFrame:
    """Run a plan.

    Parameters
    ----------
    plan : Plan
    progress : callable, optional
        Called with (samples taken, samples asked for) after each sample.
    deadline : float
        On the clock of `time.monotonic`: what is not sampled by then is left out.
    best : CoreCheck, optional
        Of the cores in earlier samples, to tell by whether they are slower or further apart now.
    silence : float
        Seconds after which a process that gives no sample is ended.

    Returns
    -------
    pandas.DataFrame
        One row a sample, disturbed ones included: ``probe``, the settings as columns
        (missing where a probe has no such setting), ``company``, ``seconds`` an operation by the
        slices that count, ``seconds_all`` by all of them, disturbed ones included,
        ``loops``, ``repeat``, ``order`` in the process, ``process``, ``host``, ``noisy``,
        ``settled`` (whether the warm-up before it ended with two windows that agree; where not, the
        sample is noisy), ``contended`` (share of its slices disturbed), ``core_seconds`` (an idle
        loop beside the slices that count, see `aethermodel.measure.host.contention.CoreCheck`; nan
        without slices), ``trip_seconds`` (the larger of before and after; nan without slices, or
        where one core is enough), ``stolen_seconds``, ``switches``, ``load``, ``clock_ns``.

    Raises
    ------
    SamplingError
        If a sampling process fails; with its own last line.
    """
    rows: list[dict[str, Any]] = []
    best = best or CoreCheck()
    done = 0
    try:
        for process in range(plan.processes):
            with _worker(plan, process, best, silence) as samples:
                for row in samples:
                    point = plan.points[row["point"]]
                    place = {"probe": point.probe, **point.settings, "company": point.company}
                    rows.append({**place, **row})
                    done += row["final"]
                    best = best.best(CoreCheck.of(row))
                    if progress:
                        progress(done, plan.samples)
                    if monotonic() > deadline:
                        break
            if monotonic() > deadline:
                break
    except SamplingError as error:
        error.samples = _table(rows)
        raise
    return _table(rows)


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd  # not for the sampling processes, which import this module

    table = pd.DataFrame(rows)
    table["host"] = this_host().id
    return table
