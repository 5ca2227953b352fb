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

import numpy as np
import pandas as pd

from aethermodel.advice.latency_under_load import Server
from aethermodel.advice.recommend import recommend
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.law import Law
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.report.blocks import Block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.html_table import data_table
from aethermodel.text.percentages import percent, percentage

HERE = Path(__file__).parent
# Those that fill the server do not count.
_FIRST = 0.1


@dataclass(frozen=True)
class Loaded:
    """A run at one load, its latencies in seconds."""

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
    lowest_p99: float
    highest_p99: float

    @property
    def error(self) -> float:
        """Relative error of the predicted P99."""
        return self.predicted_p99 / self.measured_p99 - 1


@contextmanager
def serving(batch: int, wait: float) -> Iterator[int]:
    """Run the server in a process of its own; yields its port."""
    words = [sys.executable, str(HERE / "scoring_server.py"), str(batch), str(wait)]
    with subprocess.Popen(words, stdin=PIPE, stdout=PIPE, text=True) as server:
        assert server.stdin and server.stdout
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


def latencies(port: int, rate: float, count: int, seed: int) -> np.ndarray:
    """Return the seconds of each request of an open loop, from when it was due."""
    words = ["poisson", str(port), str(rate), str(count), str(seed)]
    done = subprocess.run(
        [sys.executable, str(HERE / "scoring_client.py"), *words], stdout=PIPE, check=True
    )
    return np.array(json.loads(done.stdout))[int(_FIRST * count) :]


def compare(law: Law, load: float, p99: float, *, runs: int = 5, seconds: float = 4.0) -> Loaded:
    """Choose batch and wait for a load, and run it.

    Parameters
    ----------
    law : Law
        Of the pipeline.
    load : float
        Share of what full batches carry.
    p99 : float
        Target, in seconds.
    runs : int
    seconds : float
        Of each run.
    """
    server = Server(law)
    rate = load * server.capacity(server.fastest())
    advice = recommend(law, rate, p99)
    # The server's loop has timers of a millisecond.
    wait = np.floor(advice.wait_seconds * 1e3) / 1e3
    expected = server.percentiles(rate, advice.batch, hold_seconds=wait)
    with serving(advice.batch, wait) as port:
        taken = [
            np.quantile(latencies(port, rate, round(rate * seconds), seed), [0.5, 0.99])
            for seed in range(runs)
        ]
    p50, p99s = np.transpose(taken)
    return Loaded(
        load, rate, advice.batch, float(wait),
        expected[0].seconds, expected[1].seconds, expected[1].low, expected[1].high,
        float(np.median(p50)), float(np.median(p99s)), float(p99s.min()), float(p99s.max()),
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
            sys.stdout.write(json.dumps(asdict(found) | {"error": found.error}) + "\n")
            sys.stdout.flush()
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
