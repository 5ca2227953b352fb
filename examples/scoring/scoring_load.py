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
from statistics import NormalDist
from subprocess import PIPE
from typing import Any

import numpy as np
import pandas as pd
from scoring_turns import MORE, apart

from aethermodel import thresholds
from aethermodel.advice.latency_under_load import Server
from aethermodel.advice.recommend import recommend
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.law import Law
from aethermodel.measure.host.jitter import watch
from aethermodel.order_statistics import shifted_median_interval
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.report.blocks import Block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.html_table import data_table
from aethermodel.text.percentages import percent, percentage
from aethermodel.verdict import Outcome, judge

HERE = Path(__file__).parent
# Those that fill the server do not count.
_FIRST = 0.1
# A client that is later than this share of P99, for one request in a hundred, measures itself.
_LATE = 0.1
# Seconds in which an idle loop sees how much of a core others take, between runs.
_WATCH_SECONDS = 0.2
# Seconds in which full batches show the host's pace, before each run.
_PACE_SECONDS = 1.0
# Draws of what the law leaves open: its interval, taken as that of a normal law.
_DRAWS = 400


@dataclass(frozen=True)
class Loaded:
    """Runs at one load, latencies in seconds at the law's pace.

    ``pace``: how many times as long the host took for full batches, before each run.
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
    error_low: float
    error_high: float
    client_late_p99: float
    away: float
    pace: float

    @property
    def error(self) -> float:
        """Relative error of the predicted P99."""
        return self.predicted_p99 / self.measured_p99 - 1

    @property
    def outcome(self) -> Outcome:
        """Whether P99 is right; of a late client, or on a busy host, a miss says nothing."""
        low, high = self.error_low, self.error_high
        least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
        late = self.client_late_p99 > _LATE * self.measured_p99
        busy = self.away > thresholds.AWAY_SHARE
        most = max(abs(low), abs(high))
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
    carried: float = _client(server, "carry", port, batch + MORE, _PACE_SECONDS)
    return batch / float(law.predict([batch]).seconds[0]) / carried


def latencies(
    port: int, server: int, rate: float, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds of each request of an open loop, from when it was due.

    Parameters
    ----------
    port, server : int
        Of the server, and the number of its process.
    rate : float
        Requests a second.
    count, seed : int

    Returns
    -------
    tuple of ndarray
        Until its answer; and by which the client sent it late, though a connection was free.
    """
    found = _client(server, "poisson", port, rate, count, seed)
    first = int(_FIRST * count)
    return np.array(found["taken"])[first:], np.array(found["late"])[first:]


def compare(law: Law, load: float, target: float, *, runs: int = 5, seconds: float = 4.0) -> Loaded:
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
    advice = recommend(law, rate, target)
    # The server's loop has timers of a millisecond.
    wait = np.floor(advice.wait_seconds * 1e3) / 1e3
    with serving(advice.batch, wait) as (port, process):
        seen = [watch(_WATCH_SECONDS)]
        taken, paces = [], []
        for seed in range(runs):
            paces.append(pace_now(law, port, process, advice.batch))
            now = rate / paces[-1]
            taken.append(latencies(port, process, now, round(now * seconds), seed))
            seen.append(watch(_WATCH_SECONDS))
    # At the law's pace, all of them.
    p50, p99s = np.transpose([np.quantile(answered, [0.5, 0.99]) for answered, _ in taken]) / paces
    pace = float(np.median(paces))
    expected = server.percentiles(rate, advice.batch, hold_seconds=wait / pace)
    late = float(np.median([np.quantile(sent, 0.99) for _, sent in taken]))
    p99 = expected[1]
    # What the law leaves open, of which every run is predicted alike.
    wide = np.log(p99.high / p99.low) / (2 * NormalDist().inv_cdf((1 + thresholds.LEVEL) / 2))
    shifts = wide * np.random.default_rng(0).standard_normal(_DRAWS)
    low, high = np.expm1(shifted_median_interval(np.log(p99.seconds / p99s), shifts))
    return Loaded(
        load, rate, advice.batch, float(wait), expected[0].seconds, p99.seconds, p99.low, p99.high,
        float(np.median(p50)), float(np.median(p99s)), float(low), float(high), late,
        float(np.median([one.gaps.sum() / one.seconds for one in seen])), pace,
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
            judged = {"error": found.error, "outcome": found.outcome}
            sys.stdout.write(json.dumps(asdict(found) | judged) + "\n")
            sys.stdout.flush()
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
