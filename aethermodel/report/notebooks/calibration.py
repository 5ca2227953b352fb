"""Calibration: what notebook 20 shows, of the built-in pipeline or of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

import pandas as pd

from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.console import progress
from aethermodel.measure.campaign.calibrate import calibrate_host
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.campaign.stored_calibrations import load_calibration
from aethermodel.report import provenance
from aethermodel.report.blocks import Block, host_block
from aethermodel.report.engineering_notation import count, engineering, interval
from aethermodel.report.figures import calibration as builtin
from aethermodel.report.html_table import data_table
from aethermodel.report.math import formulas
from aethermodel.report.notebooks.builtin_only import refuse
from aethermodel.report.pipelines import pipeline_figures, pipeline_page

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.report.figure import ReportFigure
    from aethermodel.report.math.mathml import Formula

#: Parameters that a pipeline of one's own has, too.
_OF_ANY = ("processes", "repeats")
_PREDICTED = "Predictions"


def calibration(
    pipeline: str, file: str, given: Mapping[str, Any], *, foreign: bool, seconds: float
) -> BuiltinCalibration | OwnCalibration:
    """Take up a calibration, or make one.

    Parameters
    ----------
    pipeline : str
        ``FILE.py[:NAME]``; empty: the built-in one.
    file : str
        Calibration file; empty: measure.
    given : mapping
        Parameters of the campaign; None where one is not set.
    foreign : bool
        Take one of another host.
    seconds : float
        Budget.

    Raises
    ------
    InputError
        On a parameter that the pipeline does not have.
    """
    if pipeline:
        shared = {name: given[name] for name in _OF_ANY if given[name] is not None}
        refuse(pipeline, {name: value for name, value in given.items() if name not in _OF_ANY})
        known = own_calibration(pipeline, file, foreign, seconds=seconds, **shared)
        return OwnCalibration(known, pipeline)
    return BuiltinCalibration(
        builtin_calibration(file, Campaign(**given), seconds, foreign=foreign)
    )


def builtin_calibration(
    file: str, campaign: Campaign, seconds: float, *, foreign: bool = False
) -> Calibration:
    """Read a calibration of the built-in pipeline; without a file, make it.

    Parameters
    ----------
    file : str
        Empty: measure.
    campaign : Campaign
        What to measure.
    seconds : float
        Budget of that.
    foreign : bool
        Take one of another host.
    """
    if file:
        return load_calibration(file, foreign=foreign)
    with progress("calibrating", budget=seconds) as advance:
        return calibrate_host(campaign, advance, seconds=seconds)


def own_calibration(pipeline: str, file: str, foreign: bool, **given: Any) -> PipelineCalibration:
    """Read the calibration of a pipeline of one's own; without a file, make it.

    Parameters
    ----------
    pipeline : str
    file : str
        Empty: measure.
    foreign : bool
        Take one of another host.
    **given
        As of a `aethermodel.pipelines.campaign.Campaign`.
    """
    from aethermodel.execute.host_lock import host_lock
    from aethermodel.pipelines.calibration import load_for
    from aethermodel.pipelines.campaign import Campaign as OwnCampaign
    from aethermodel.pipelines.campaign import calibrated

    if file:
        return load_for(pipeline, file, foreign=foreign)
    campaign = OwnCampaign(pipeline, **given)
    with host_lock(True), progress("calibrating", budget=campaign.seconds) as advance:
        return calibrated(campaign, advance)


class BuiltinCalibration:
    """Blocks and figures of a calibration of the built-in pipeline."""

    def __init__(self, known: Calibration) -> None:
        self.known = known

    def summary(self) -> Block:
        """Return whether it can be relied on."""
        return provenance.calibration_summary(self.known)

    def terms(self) -> ReportFigure:
        """Return each term's samples and its law."""
        return builtin.terms_figure(self.known)

    def parameters(self) -> Block:
        """Return what was fitted."""
        return provenance.parameters_block(Scenario(self.known, {}))

    def formula(self) -> Formula:
        """Return how the terms make the time of a batch."""
        return formulas.batch_formula(self.known.model())

    def predictions(self, sizes: list[int]) -> Block:
        """Return what the terms predict together."""
        table = builtin.prediction_table(Scenario(self.known, {}), sizes)
        return data_table(table, _PREDICTED)

    def host(self, command: str) -> Block:
        """Return what this was measured on, and how to run it again."""
        made_by = command or "aethermodel calibrate --json calibration.json"
        return host_block(self.known.host, made_by)


class OwnCalibration:
    """The same of a pipeline of one's own."""

    def __init__(self, known: PipelineCalibration, pipeline: str) -> None:
        self.known, self._pipeline = known, quote(pipeline)

    def summary(self) -> Block:
        """Return whether it can be relied on."""
        return pipeline_page.calibration_block(self.known)

    def terms(self) -> ReportFigure:
        """Return each term's means and its law."""
        return pipeline_figures.terms_figure(self.known)

    def parameters(self) -> Block:
        """Return what was fitted."""
        return pipeline_page.terms_block(self.known)

    def formula(self) -> Block:
        """Return how the terms make the time of a batch."""
        return pipeline_page.composition_block(self.known)

    def predictions(self, sizes: list[int]) -> Block:
        """Return what the terms predict together, up to the largest size calibrated."""
        asked = [n for n in sizes if n <= self.known.largest]
        found = self.known.predict(asked)
        rows = [
            {
                "N": count(n),
                "T": engineering(float(seconds), "s"),
                "95 % interval": interval(float(low), float(high), "s"),
                "rate": engineering(n / float(seconds), "records/s"),
                "slowest": str(bound),
            }
            for n, seconds, low, high, bound in zip(
                asked, found.seconds, found.low, found.high, found.bound, strict=True
            )
        ]
        return data_table(pd.DataFrame(rows), _PREDICTED)

    def host(self, command: str) -> Block:
        """Return what this was measured on, and how to run it again."""
        made_by = command or f"aethermodel calibrate {self._pipeline} --json calibration.json"
        return host_block(self.known.host, made_by)
