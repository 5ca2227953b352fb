"""Example store and notebook for export tests; nothing in them is measured."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.report.sweep.store_page import store_report
from aethermodel.sweep.identity import conditions_of, identity
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.store import Record, Store
from aethermodel.sweep.target import Outcome

_CALIBRATION = "data/calibrations/asyncio.json"
_NOISE = 0.02


def write_store(folder: Path) -> Path:
    """Write a finished store of 20 points, 6 repeats each, at what the model predicts.

    Parameters
    ----------
    folder : Path
        Made; a calibration is put into it, so that the report has all its figures.

    Returns
    -------
    Path
    """
    with as_file(files("aethermodel") / _CALIBRATION) as path:
        text = path.read_text("utf-8")
        calibration = Calibration.load(path)
    c = calibration.conditions
    sizes = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000]
    sweep = Sweep(
        probe="pipeline",
        parameters={
            "batch_size": sizes,
            "event_loop": ["asyncio", "uvloop"],
            **{"topics": [c.topics], "calls": [c.topics], "pool": [c.pool]},
        },
        repeats=6,
    )
    predicted = dict(zip(sizes, calibration.predict(sizes).seconds, strict=True))
    chance, store, conditions = np.random.default_rng(0), Store(folder), conditions_of(sweep)
    with store.writer(sweep):
        for job in sweep.jobs():
            seconds = predicted[job.parameters["batch_size"]] * (
                1 + _NOISE * chance.standard_normal(sweep.samples)
            )
            store.put(
                Record(
                    key=identity(sweep, job, conditions),
                    target=sweep.target.name,
                    parameters=job.parameters,
                    repeat=job.repeat,
                    order=job.order,
                    outcome=_outcome(job, seconds.tolist()),
                    started=f"2026-01-01T00:{job.order // 60:02d}:{job.order % 60:02d}+00:00",
                    conditions=conditions,
                )
            )
    (folder / "calibration.json").write_text(text, "utf-8")
    return folder


def _outcome(job: Job, seconds: list[float]) -> Outcome:
    rows = [{**job.parameters, "seconds": s, "noisy": False} for s in seconds]
    return Outcome(state="done", seconds=sum(seconds), samples=rows)


def write_notebook(path: Path, store: Path, figures: int = 12) -> Path:
    """Write an executed notebook that shows what the report of a store shows, figures repeated.

    Parameters
    ----------
    path : Path
    store : Path
        From `write_store`.
    figures : int
        How many it holds.

    Returns
    -------
    Path
    """
    with as_file(files("aethermodel") / _CALIBRATION) as calibration:
        report = store_report(SweepResult.load(store), Calibration.load(calibration))
    shown: list[Any] = [report.opening]
    shown += [report.figures[i % len(report.figures)] for i in range(figures)]
    for section in report.sections:
        shown += [t for t in section.shown if not isinstance(t, str) and t not in shown]
    cells = [_prose("title", "# An export to be timed\n\n$$T_{batch} = \\sum_i T_i$$")]
    for number, thing in enumerate(shown):
        heading = f"## Part {number}\n\nThe cost of $N$ messages."
        cells += [_prose(f"heading-{number}", heading), _code(number, thing)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook), "utf-8")
    return path


def _prose(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def _code(number: int, thing: Any) -> dict[str, Any]:
    data = {"text/html": thing._repr_html_(), "text/plain": "shown"}
    return {
        "cell_type": "code",
        "id": f"code-{number}",
        "metadata": {},
        "source": f"# the part that is shown\nreport.shown[{number}]",
        "execution_count": number + 1,
        "outputs": [{"output_type": "display_data", "data": data, "metadata": {}}],
    }
