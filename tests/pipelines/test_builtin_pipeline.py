"""Built-in pipeline, declared through the face of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.laws.fit import fit
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.composition.composed_laws import TermLaw
from aethermodel.pipelines.execution.probe import Host
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.terms import group_terms, term_plan

CALIBRATIONS = sorted((Path(__file__).parents[2] / "data" / "calibrations").glob("*.json"))


def test_it_is_fabric_both_tasks_turns_and_a_tick_one_after_the_other():
    pipeline = load_pipeline("builtin")
    assert [term.name for term in term_plan(pipeline, (1, 100, 10_000))] == [
        "fabric", "producer", "tick", "loop",
    ]  # fmt: skip
    assert len(group_terms(pipeline)) == 1


def test_every_event_of_every_batch_reaches_a_handler():
    host = Host(load_pipeline("builtin"))
    handled = host.pipeline.stage_named("tick").function.__globals__["handled"]
    try:
        whole = host.timer("whole", 1000)
        before = handled[0]
        assert whole(7) > 0
        assert handled[0] - before == 7000
        for term in ("fabric", "producer", "tick", "loop"):
            assert host.timer(term, 1000)(3) > 0
    finally:
        host.close()


@pytest.mark.parametrize("path", CALIBRATIONS, ids=lambda path: path.stem)
def test_its_terms_compose_to_what_the_built_in_model_predicts(path):
    host = Calibration.load(path)
    sizes = np.array([1.0, 3, 12, 48, 192, 768, 3072, 12_288])
    budget = host.predict(sizes).budget
    parts = {
        "fabric": budget["fabric"],
        "tick": budget["ffi"] + budget["kernel"],
        "loop": sum(
            seconds for name, seconds in budget.items() if name not in ("fabric", "ffi", "kernel")
        ),
    }
    laws = {
        name: TermLaw(
            name, "stage", fit(pd.DataFrame({"n": sizes, "t": t}), "n", "t").only(), 1.0, "measured"
        )
        for name, t in parts.items()
    }
    (group,) = group_terms(load_pipeline("builtin"))
    # The loop's term is both tasks' turns, with the calls of the handlers.
    kept = tuple(name for name in group.terms if name != "producer")
    own = PipelineCalibration(
        "builtin", "builtin", 64, {"id": "x"}, "", laws, (group._replace(terms=kept),), 2
    )
    assert own.composed(sizes).seconds == pytest.approx(host.predict(sizes).seconds, rel=0.03)
