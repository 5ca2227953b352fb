"""Readers of every kind of file, and the mutations that each has to bear.

A reader takes a file and gives a right answer, or refuses it in one line by `Reader.refusal`;
whatever else it raises is a fault.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes
    ----------
    sample : callable
        Returns the bytes of a valid file.
    suffix : str
        Of the file's name.
    read : callable
        Reads a file, and uses what it read as far as that costs little.
    refusal : tuple of exception types
        What it raises of a file that is not right: an exception of one line.
    """

    sample: Callable[[], bytes]
    suffix: str
    read: Callable[[Path], object]
    refusal: tuple[type[Exception], ...]


def _refusals() -> tuple[type[Exception], ...]:
    from aethermodel.inputs.refusals import InputError

    return (InputError,)


def _helper(name: str) -> Any:
    """Import a module of the tests: they know how a valid file is made."""
    tests = str(ROOT / "tests")
    if tests not in sys.path:
        sys.path.insert(0, tests)
    return __import__(name)


def _calibration() -> bytes:
    made = _helper("synthetic_calibration").synthetic_calibration(t_refill_full=1e-9, t_refill=2e-9)
    return json.dumps(made.to_json()).encode()


def _read_calibration(path: Path) -> object:
    from aethermodel.calibrate.calibration.calibration import Calibration

    return Calibration.load(path).predict([1, 1000]).seconds


def _sweep() -> Any:
    from aethermodel.sweep.plan import Sweep

    return Sweep(probe="kernel", parameters={"batch_size": [1, 100], "topics": [4]}, repeats=2)


def _plan() -> bytes:
    return str(_sweep().model_dump_json(indent=2)).encode()


def _record() -> bytes:
    from aethermodel.sweep.identity import Conditions, identity
    from aethermodel.sweep.store import Record
    from aethermodel.sweep.target import Outcome

    sweep, where = _sweep(), Conditions(code="c", extensions="e", host="h", environment="CPython")
    job = sweep.jobs()[0]
    rows = [{"seconds": 1e-6 * (1 + i), "noisy": False, "core_seconds": None} for i in range(3)]
    return (
        Record(
            key=identity(sweep, job, where),
            target="kernel",
            parameters=job.parameters,
            repeat=0,
            order=0,
            outcome=Outcome(state="done", seconds=0.1, samples=rows, figures={"a": 1.0}),
            started="2026-01-01T00:00:00.000+00:00",
            conditions=where,
        )
        .model_dump_json()
        .encode()
    )


def _read_sweep(path: Path) -> object:
    from aethermodel.inputs.input_files import refusing
    from aethermodel.sweep.plan import Sweep, read_sweep_file

    with refusing(path):
        return Sweep.model_validate(read_sweep_file(path)).jobs()


_YAML = b"""\
probe: kernel
repeats: 2
parameters:
  batch_size: [1, 100, 1_000]
  topics: 4
sample_seconds: 0.001
seed: 7
"""


def _notebook() -> bytes:
    aether = {"application/vnd.aethermodel.figures+json": {"rate_per_second": 1.0}}
    shown = {"output_type": "display_data", "data": {**aether, "text/plain": "1"}, "metadata": {}}
    table = {"output_type": "execute_result", "execution_count": 2, "metadata": {}, "data": {}}
    table["data"] = {"text/html": ["<table><tr><td>1</td></tr></table>"], "text/plain": ["1"]}
    failed = {
        "output_type": "error",
        "ename": "E",
        "evalue": "v",
        "traceback": ["\x1b[31mE\x1b[0m"],
    }
    stream = {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1, "id": "a"}
    cells = [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ["# Title $x^2$\n", "| a |\n|---|\n|1|"],
        },
        code
        | {"source": "n = 10\nx = 'a'\ny: float = 1.5", "metadata": {"tags": ["parameters"]}}
        | {"outputs": []},
        code | {"source": "print(n)", "outputs": [stream, shown, table, failed]},
        {"cell_type": "raw", "metadata": {}, "source": "raw"},
    ]
    about = {"kernelspec": {"name": "python3", "language": "python", "display_name": "x"}}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": cells}
    return json.dumps(content).encode()


def _read_notebook(path: Path) -> object:
    from aethermodel.report.html.notebook import read_notebook

    return read_notebook(path).executed


def _read_source(path: Path) -> object:
    from aethermodel.execute.recorded_figures import recorded
    from aethermodel.inputs.input_files import refusing
    from aethermodel.sweep.plan import Sweep

    with refusing(path):
        sweep = Sweep(notebook=str(path))
    return sweep.jobs(), recorded(path)


@functools.cache
def _samples() -> bytes:
    return bytes(_helper("trial_samples").samples_file())


def _read_samples(path: Path) -> object:
    from aethermodel.measure.sampling.sample_files import read_samples

    return read_samples(path)


def _read_trial(path: Path) -> object:
    from aethermodel.measure.campaign.validation import Trial

    return Trial.load(path).verdict


def _verbs() -> bytes:
    from aethermodel.calibrate.verbs.cost_samples import VerbsSamples

    swept = VerbsSamples.load()
    return swept.model_copy(update={"rows": swept.rows[:6], "result": {}}).text().encode()


def _read_verbs(path: Path) -> object:
    from aethermodel.calibrate.verbs.cost_samples import VerbsSamples

    return VerbsSamples.load(path).text()


def _data(name: str) -> Callable[[], bytes]:
    return (files("aethermodel") / "data" / name).read_bytes


def _read_cards(path: Path) -> object:
    from aethermodel.published.rdma_costs import load_cards

    return load_cards(path)


def _read_interconnects(path: Path) -> object:
    from aethermodel.published.interconnects import load_interconnects

    return load_interconnects(path)


def _read_specification(path: Path) -> object:
    from aethermodel.published.specification import load_specification

    return load_specification(path).model().throughput_at(100)


def _recording() -> bytes:
    from cython_core import EVENT_BYTES

    return _data("feed.events")()[: 4096 + 64 * EVENT_BYTES]


def _read_recording(path: Path) -> object:
    from aethermodel.bus.fabrics.replay import ReplayReceiver
    from cython_core import Replay

    replay = Replay(path)
    receiver = ReplayReceiver(replay, speed=1000.0)
    receiver.close()
    return None


def _reads_plan(path: Path) -> object:
    from aethermodel.sweep.store import read_plan

    return read_plan(path).jobs()


def _reads_record(path: Path) -> object:
    from aethermodel.sweep.store import read_record

    return read_record(path)


#: Every kind of file that the project reads.
READERS: dict[str, Reader] = {
    "calibration": Reader(_calibration, ".json", _read_calibration, _refusals()),
    "store-plan": Reader(_plan, ".json", _reads_plan, _refusals()),
    "store-record": Reader(_record, ".json", _reads_record, _refusals()),
    "sweep-toml": Reader(_data("sweeps/batch-size.toml"), ".toml", _read_sweep, _refusals()),
    "sweep-yaml": Reader(lambda: _YAML, ".yaml", _read_sweep, _refusals()),
    "notebook": Reader(_notebook, ".ipynb", _read_notebook, _refusals()),
    "notebook-to-run": Reader(_notebook, ".ipynb", _read_source, _refusals()),
    "samples": Reader(_samples, ".parquet", _read_samples, _refusals()),
    "trial": Reader(_samples, ".parquet", _read_trial, _refusals()),
    "verbs-samples": Reader(_verbs, ".json", _read_verbs, _refusals()),
    "cards": Reader(_data("rdma-nics.toml"), ".toml", _read_cards, _refusals()),
    "interconnects": Reader(_data("interconnects.toml"), ".toml", _read_interconnects, _refusals()),
    "specification": Reader(_data("spec-4.3.2.toml"), ".toml", _read_specification, _refusals()),
    "recording": Reader(_recording, ".events", _read_recording, (ValueError,)),
}


def attempt(reader: Reader, data: bytes, folder: Path) -> str:
    """Let a reader read bytes; return "read" or "refused", or raise what no reader may raise.

    Raises
    ------
    AssertionError
        If a refusal is not one printable line.
    """
    path = folder / f"input{reader.suffix}"
    path.write_bytes(data)
    try:
        reader.read(path)
    except reader.refusal as error:
        text = str(error)
        assert text.isprintable() and str(path) in text, f"no clean refusal: {text!r}"
        return "refused"
    return "read"
