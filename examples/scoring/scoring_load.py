"""Load of the scoring server: batch and wait chosen by the laws, P99 predicted and measured.

``python scoring_load.py CALIBRATION [LOADS] [P99]``: at shares of what full batches carry; a JSON
line for each.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import pandas as pd
from scoring_runs import Run, seconds_of_batch
from scoring_turns import MORE, apart

from aethermodel import thresholds
from aethermodel.advice.latency_under_load import Server
from aethermodel.advice.recommend import Recommendation, recommend
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.law import Law
from aethermodel.measure.host.jitter import watch
from aethermodel.order_statistics import shifted_median_interval
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.report.blocks import Block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.html_table import data_table
from aethermodel.text.percentages import percent, percentage
from aethermodel.verdict import Outcome, judge, mostly_disturbed

HERE = Path(__file__).parent
# A client that is later than this share of P99, for one request in a hundred, measures itself.
_LATE = 0.1
# Seconds in which an idle loop sees how much of a core others take, between runs.
_WATCH_SECONDS = 0.2
# Seconds in which full batches show the host's pace, before each run.
_PACE_SECONDS = 1.0
# Shares of a rate that batch and wait are planned for, where the law's interval is too wide.
_PLANNED = (1.0, 0.9, 0.8, 0.7, 0.6)


@dataclass(frozen=True)
class Loaded:
    """Runs at one load: medians of latencies in seconds, of the requests that nobody held up.

    ``pace``: how many times as long as by the law full batches took, before and after each run.
    ``left_alone``: share of the requests; ``disturbed``: of the runs in which these were too few;
    where the kernel does not count, 1 if an idle loop saw others often. ``..._all``: P99 of all of
    them, predicted with the pauses that the kernel counted in these very runs.
    """

    load: float
    rate: float
    batch: int
    wait_seconds: float
    predicted_p50: float
    predicted_p99: float
    predicted_p99_low: float
    predicted_p99_high: float
    measured_p50: float
    measured_p99: float
    error: float
    error_low: float
    error_high: float
    client_late_p99: float
    away: float
    pace: float
    left_alone: float
    disturbed: float
    measured_p99_all: float
    predicted_p99_all: float

    @property
    def outcome(self) -> Outcome:
        """Whether P99 is right; of a late client or a busy host a miss says nothing."""
        low, high = self.error_low, self.error_high
        least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
        late = self.client_late_p99 > _LATE * self.measured_p99
        most = max(abs(low), abs(high))
        busy = mostly_disturbed(self.disturbed)
        return judge(abs(self.error), least, most, thresholds.P99_ERROR, disturbed=late or busy)


@contextmanager
def serving(batch: int, wait: float) -> Iterator[tuple[int, int]]:
    """Run the server in a process of its own; yields its port and the process's number."""
    words = [sys.executable, str(HERE / "scoring_server.py"), str(batch), str(wait)]
    with subprocess.Popen(words, stdin=PIPE, stdout=PIPE, text=True) as server:
        assert server.stdin and server.stdout
        try:
            yield int(server.stdout.readline()), server.pid
        finally:
            server.stdin.close()


def _client(server: int, *words: object) -> Any:
    called = [sys.executable, str(HERE / "scoring_client.py"), *map(str, words)]
    with subprocess.Popen(called, stdout=PIPE) as client, apart(client.pid, server):
        text, _ = client.communicate()
    if client.returncode:
        raise ChildProcessError(f"the client ended with status {client.returncode}")
    return json.loads(text)


def pace_now(law: Law, port: int, server: int, batch: int) -> float:
    """Return how many times as long as by the law the server takes now, full batches of it.

    A host that others use is slower for minutes, and then the same rate is another load.
    """
    found = _client(server, "carry", port, server, batch + MORE, _PACE_SECONDS)
    return seconds_of_batch(found, batch) / float(law.predict([batch]).seconds[0])


def asked(port: int, server: int, rate: float, count: int, seed: int) -> dict[str, Any]:
    """Return what the client of an open loop says of its requests, in seconds.

    Parameters
    ----------
    port, server : int
        Of the server, and the number of its process.
    rate : float
        Requests a second.
    count, seed : int
    """
    found: dict[str, Any] = _client(server, "poisson", port, server, rate, count, seed)
    return found


def compare(law: Law, load: float, target: float, *, runs: int = 7, seconds: float = 4.0) -> Loaded:
    """Choose batch and wait for a load, and run it, at the host's pace of each run.

    Parameters
    ----------
    law : Law
        Of the pipeline.
    load : float
        Share of what full batches carry.
    target : float
        P99, in seconds.
    runs : int
    seconds : float
        Of each run.
    """
    server = Server(law)
    rate = load * server.capacity(server.fastest())
    advice = _advice(law, rate, target)
    # The server's loop has timers of a millisecond.
    wait = np.floor(advice.wait_seconds * 1e3) / 1e3
    with serving(advice.batch, wait) as (port, process):
        seen = [watch(_WATCH_SECONDS)]
        found, paces = [], [pace_now(law, port, process, advice.batch)]
        for seed in range(runs):
            now = rate / paces[-1]
            found.append(asked(port, process, now, round(now * seconds), seed))
            paces.append(pace_now(law, port, process, advice.batch))
            seen.append(watch(_WATCH_SECONDS))
    table = server.seconds(np.arange(1, advice.batch + 1))
    middle = np.add(paces[:-1], paces[1:]) / 2
    return loaded(
        server, load, rate, advice.batch, float(wait),
        [Run(one, table * pace, float(wait)) for one, pace in zip(found, middle, strict=True)],
        float(np.median(paces)),
        float(np.median([one.gaps.sum() / one.seconds for one in seen])),
    )  # fmt: skip


def _advice(law: Law, rate: float, target: float) -> Recommendation:
    """Return batch and wait for a rate; of the highest one that the law's interval vouches for."""
    for share in _PLANNED:
        try:
            return recommend(law, share * rate, target)
        except InputError:
            if share == _PLANNED[-1]:
                raise
    raise AssertionError


def loaded(
    server: Server,
    load: float,
    rate: float,
    batch: int,
    wait: float,
    runs: Sequence[Run],
    pace: float,
    away: float,
) -> Loaded:
    """Return what runs at one load say; parameters as of `compare` and of `Loaded`."""
    told = [run for run in runs if run.enough] or runs
    measured = np.array([run.percentiles("measured") for run in told])
    predicted = np.array([run.percentiles("predicted") for run in told])
    known = any(run.found["looks"] for run in runs)
    disturbed = [not run.enough if known else away > thresholds.AWAY_SHARE for run in runs]
    all_in_all = [
        float(np.median([run.percentiles(kind)[1] for run in told]))
        for kind in ("measured_all", "predicted_all")
    ]
    ratios = np.log(predicted[:, 1] / measured[:, 1])
    # What the law leaves open, of which every run is predicted alike: its load is a share of what
    # the server carries, so that P99 is in proportion.
    drawn = [float(server.seconds(batch, draw)) for draw in range(len(server.drawn.table))]
    shifts = np.log(drawn) - np.log(float(server.seconds(batch)))
    tails = np.exp(np.quantile(shifts, [(1 - thresholds.LEVEL) / 2, (1 + thresholds.LEVEL) / 2]))
    low, high = np.expm1(shifted_median_interval(ratios, shifts))
    p50, p99 = np.median(measured, axis=0)
    model = np.median(predicted, axis=0)
    value = float(np.expm1(np.median(ratios)))
    return Loaded(
        load, rate, batch, wait, float(model[0]), float(model[1]),
        float(tails[0] * model[1]), float(tails[1] * model[1]),
        float(p50), float(p99), value, min(float(low), value), max(float(high), value),
        float(np.median([np.quantile(run.found["late"], 0.99) for run in told])),
        away, pace, float(np.median([run.left_alone.mean() for run in told])),
        float(np.mean(disturbed)), *all_in_all,
    )  # fmt: skip


def load_table(law: Law, loads: Sequence[float], p99: float, **given: float) -> Block:
    """Return a table with a row for each load."""
    rows = [
        {
            "Load": percentage(one.load, 0),
            "Rate": engineering(one.rate, "requests/s"),
            "Batch": one.batch,
            "Wait": engineering(one.wait_seconds, "s"),
            "P50 predicted": engineering(one.predicted_p50, "s"),
            "P50 measured": engineering(one.measured_p50, "s"),
            "P99 predicted": engineering(one.predicted_p99, "s"),
            "P99 measured": engineering(one.measured_p99, "s"),
            "Error": percent(one.error),
            "Outcome": one.outcome,
        }
        for one in (compare(law, load, p99, **given) for load in loads)  # type: ignore[arg-type]
    ]
    return data_table(pd.DataFrame(rows), "P99 under open-loop load, predicted and measured")


def main(path: str, loads: str = "0.5,0.8", p99: str = "0.05") -> None:
    """Run what the command line says."""
    try:
        law = PipelineCalibration.load(path).law
        for load in map(float, loads.split(",")):
            found = compare(law, load, float(p99))
            sys.stdout.write(json.dumps(asdict(found) | {"outcome": found.outcome}) + "\n")
            sys.stdout.flush()
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
