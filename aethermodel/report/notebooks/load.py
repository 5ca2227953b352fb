"""Load: what notebook 40 shows, of the built-in pipeline or of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Any

from aethermodel.bench.latency.adaptive import AdaptiveCampaign, AdaptiveTrial
from aethermodel.bench.latency.latency_campaign import LatencyCampaign
from aethermodel.bench.latency.measurement import LatencyTrial
from aethermodel.console import progress
from aethermodel.inputs.unset_values import without_unset
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.report.blocks import Block, host_block
from aethermodel.report.figures import adaptive
from aethermodel.report.figures import latency as builtin
from aethermodel.report.notebooks.builtin_only import left_out, refuse
from aethermodel.report.notebooks.calibration import builtin_calibration, own_calibration
from aethermodel.report.pipelines import load as own

if TYPE_CHECKING:
    from aethermodel.pipelines.latency import LatencyTrial as OwnLatencyTrial
    from aethermodel.report.figure import ReportFigure

_ADAPTIVE = left_out(
    "Adaptive batching", "whose batches its source makes: a bus forms batches of what has arrived"
)
_MOST_ADAPTIVE = 3
# Arriving batches of a run, of the built-in pipeline.
_BATCHES = 20_000


def load(
    pipeline: str,
    calibration: str,
    seconds: float,
    terms: Mapping[str, Any],
    loads: Mapping[str, Any],
    sizes: Mapping[str, Any],
) -> BuiltinLoad | OwnLoad:
    """Calibrate a pipeline unless that was done, and put loads on it.

    Parameters
    ----------
    pipeline : str
        ``FILE.py[:NAME]``; empty: the built-in one.
    calibration : str
        File; empty: calibrate.
    seconds : float
        Budget of that.
    terms, loads, sizes : mapping
        Parameters of the `Campaign`, the `LatencyCampaign` and the `AdaptiveCampaign`.

    Raises
    ------
    InputError
        On a parameter that the pipeline does not have.
    """
    given = without_unset(loads)
    checked = LatencyCampaign(**({"batches": _BATCHES} | given))
    if pipeline:
        refuse(pipeline, terms)
        return OwnLoad(_put_on(pipeline, calibration, seconds, checked, given), pipeline)
    plan = AdaptiveCampaign(**sizes, processes=min(checked.processes, _MOST_ADAPTIVE))
    known = builtin_calibration(calibration, Campaign(**terms), seconds)
    with progress("processes under load") as advance:
        return BuiltinLoad(LatencyTrial.run(checked, known, advance), plan)


def _put_on(
    pipeline: str, calibration: str, seconds: float, loads: LatencyCampaign, given: dict[str, Any]
) -> OwnLatencyTrial:
    from aethermodel.execute.host_lock import host_lock
    from aethermodel.pipelines.latency import measure_latency, recommended_size
    from aethermodel.pipelines.pipeline_file import load_pipeline

    known = own_calibration(pipeline, calibration, False, seconds=seconds)
    with host_lock(True), progress("processes under load") as advance:
        return measure_latency(
            load_pipeline(pipeline),
            known,
            given.get("group") or recommended_size(known),
            loads=loads.loads,
            processes=loads.processes,
            batches=given.get("batches"),
            seed=loads.seed,
            progress=advance,
        )


class BuiltinLoad:
    """Blocks and figures of loads on the built-in pipeline."""

    def __init__(self, trial: LatencyTrial, plan: AdaptiveCampaign) -> None:
        self.trial, self._plan = trial, plan

    @cached_property
    def _choice(self) -> AdaptiveTrial:
        with progress("adaptive and fixed sizes") as advance:
            return AdaptiveTrial.run(self._plan, self.trial.calibration, advance)

    def verdict(self) -> Block:
        """Return what the latencies are judged by."""
        return builtin.verdict(self.trial)

    def latency(self) -> ReportFigure:
        """Return latency against load."""
        return builtin.latency_figure(self.trial)

    def adaptive_verdict(self) -> Block:
        """Return what adaptive batching is judged by."""
        return adaptive.verdict(self._choice)

    def adaptive(self) -> ReportFigure:
        """Return adaptive batching beside fixed sizes."""
        return adaptive.adaptive_figure(self._choice)

    def host(self, command: str) -> Block:
        """Return what this was measured on, and how to run it again."""
        made_by = command or "aethermodel bench latency --json latency.json"
        return host_block(self.trial.calibration.host, made_by)


class OwnLoad:
    """The same of a pipeline of one's own."""

    def __init__(self, trial: OwnLatencyTrial, pipeline: str) -> None:
        self.trial, self._pipeline = trial, quote(pipeline)

    def verdict(self) -> Block:
        """Return what P99 is judged by."""
        return own.verdict(self.trial)

    def latency(self) -> ReportFigure:
        """Return latency against load."""
        return own.latency_figure(self.trial)

    def adaptive_verdict(self) -> Block:
        """Say that it has none."""
        return _ADAPTIVE

    def adaptive(self) -> None:
        """Show nothing."""

    def host(self, command: str) -> Block:
        """Return what this was measured on, and how to run it again."""
        made_by = command or f"aethermodel bench latency --pipeline {self._pipeline}"
        return host_block(self.trial.calibration.host, made_by)
