"""Validation: what notebook 30 shows, of the built-in pipeline or of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

import pandas as pd

from aethermodel import thresholds
from aethermodel.console import progress
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.campaign.validation import Trial
from aethermodel.report.blocks import Block, host_block, note_block
from aethermodel.report.figures import validation as builtin
from aethermodel.report.html_table import data_table
from aethermodel.report.notebooks.builtin_only import refuse
from aethermodel.report.notebooks.rerun import papermill_command
from aethermodel.report.pipelines import pipeline_figures, pipeline_page
from aethermodel.report.pipelines.own_pipeline import tried
from aethermodel.text.moments import moment
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.pipelines.trial import PipelineTrial
    from aethermodel.report.figure import ReportFigure
    from aethermodel.report.math.mathml import Formula

#: Parameters that a pipeline of one's own has, too.
_OF_ANY = ("batch_sizes", "processes", "repeats", "seed")
_NOTEBOOK = "30_model_vs_measured.ipynb"
_IN_PLACE = "Each term isolated and in the pipeline"


def validation(
    pipeline: str, given: Mapping[str, Any], samples: str = ""
) -> BuiltinTrial | OwnTrial:
    """Measure a pipeline's terms and the whole, or take up samples of the built-in one.

    Parameters
    ----------
    pipeline : str
        ``FILE.py[:NAME]``; empty: the built-in one.
    given : mapping
        Parameters of the campaign; None where one is not set.
    samples : str
        Parquet file of an earlier trial; empty: measure.

    Raises
    ------
    InputError
        On a parameter that the pipeline does not have.
    """
    if pipeline:
        shared = {name: given[name] for name in _OF_ANY if given[name] is not None}
        others = {name: value for name, value in given.items() if name not in _OF_ANY}
        refuse(pipeline, others | {"samples": samples})
        sizes = shared.pop("batch_sizes", "")
        text = sizes if isinstance(sizes, str) else ",".join(map(str, sizes))
        return OwnTrial(tried(pipeline, text, **shared), pipeline)
    campaign = Campaign(**given)
    again = papermill_command(_NOTEBOOK, {**given, "samples": samples})
    if samples:
        return BuiltinTrial(Trial.load(samples), again)
    with progress("measuring", budget=thresholds.VALIDATION_SECONDS) as advance:
        return BuiltinTrial(Trial.run(campaign, advance), again)


class BuiltinTrial:
    """Blocks and figures of a trial of the built-in pipeline."""

    def __init__(self, trial: Trial, again: str) -> None:
        self.trial, self._again = trial, again

    def summary(self) -> Block:
        """Return the verdict."""
        return builtin.summary(self.trial)

    def throughput(self) -> ReportFigure:
        """Return throughput against batch size, measured and predicted."""
        return builtin.measured_vs_model(self.trial)

    def budget(self) -> ReportFigure:
        """Return where the time of a batch goes."""
        return builtin.budget(self.trial)

    def in_place(self) -> Block:
        """Return each term isolated and in the pipeline."""
        return data_table(builtin.residual(self.trial), _IN_PLACE)

    def formula(self) -> Formula:
        """Return how the terms make the time of a batch."""
        return builtin.formula(self.trial)

    def terms(self) -> Block:
        """Return what was fitted."""
        return builtin.terms(self.trial)

    def host(self, command: str) -> Block:
        """Return what this was measured on, and how to run it again."""
        return builtin.host(self.trial, command or self._again)


class OwnTrial:
    """The same of a pipeline of one's own."""

    def __init__(self, trial: PipelineTrial, pipeline: str) -> None:
        self.trial, self._pipeline = trial, quote(pipeline)

    def summary(self) -> Block:
        """Return the verdict."""
        return pipeline_page.trial_block(self.trial)

    def throughput(self) -> ReportFigure:
        """Return the rate against batch size, measured and predicted."""
        return pipeline_figures.rate_figure(self.trial.calibration, self.trial)

    def budget(self) -> ReportFigure:
        """Return where the time of a batch goes."""
        return pipeline_figures.budget_figure(self.trial.calibration)

    def in_place(self) -> Block:
        """Return each stage isolated and in the pipeline."""
        rows = [builtin.in_place_row(one) for one in self.trial.in_place]
        if not rows:
            return note_block("No stage was timed in place undisturbed.")
        return data_table(pd.DataFrame(rows), _IN_PLACE)

    def formula(self) -> Block:
        """Return how the terms make the time of a batch."""
        return pipeline_page.composition_block(self.trial.calibration)

    def terms(self) -> Block:
        """Return what was fitted."""
        return pipeline_page.terms_block(self.trial.calibration)

    def host(self, command: str) -> Block:
        """Return what this was measured on, and how to run it again."""
        known, samples = self.trial.calibration, self.trial.samples
        facts = {
            **known.host,
            "samples": f"{len(samples):,}; {percentage(float(samples['noisy'].mean()))} disturbed",
            "measured": moment(known.created),
        }
        return host_block(facts, command or f"aethermodel validate {self._pipeline}")
