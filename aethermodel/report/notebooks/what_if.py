"""Changes: what notebook 60 shows of them, of the built-in pipeline or of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aethermodel.calibrate.predict import what_if as changes_of
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.published.interconnects import published_ceilings
from aethermodel.published.rdma_costs import card
from aethermodel.report import provenance
from aethermodel.report.blocks import Block
from aethermodel.report.figures import explorer
from aethermodel.report.figures import what_if as builtin
from aethermodel.report.html_table import data_table
from aethermodel.report.math import formulas
from aethermodel.report.notebooks.builtin_only import left_out, refuse
from aethermodel.report.notebooks.calibration import builtin_calibration, own_calibration

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.report.figure import ReportFigure
    from aethermodel.report.math.mathml import Formula

_GOALS = "Batch sizes for the usual goals"
_NO_SLIDERS = left_out(
    "Sliders", "whose laws have no costs with names: change its terms by assume, as score=x0.5"
)


def what_if(
    pipeline: str,
    calibration: str,
    *,
    foreign: bool,
    seconds: float,
    record_bytes: int | None,
    batch_size: int,
    assume: str,
    beside: Mapping[str, Any],
) -> BuiltinWhatIf | OwnWhatIf:
    """Take a calibration, or make one, and the changes that are asked about.

    Parameters
    ----------
    pipeline : str
        ``FILE.py[:NAME]``; empty: the built-in one.
    calibration : str
        File; empty: calibrate.
    foreign : bool
        Take one of another host.
    seconds : float
        Budget of a calibration.
    record_bytes : int or None
        For a calibration of the built-in pipeline.
    batch_size : int
        Where to ask what a change buys.
    assume : str
        Changes, as for ``aethermodel predict --set``, with blanks between them.
    beside : mapping
        ``nic``, ``bus`` and ``cores``: a network card, a bus and routing cores of the built-in one.

    Raises
    ------
    InputError
        On a parameter that the pipeline does not have.
    """
    if pipeline:
        refuse(pipeline, {"record_bytes": record_bytes})
        known = own_calibration(pipeline, calibration, foreign, seconds=seconds)
        return OwnWhatIf(known, assume.split(), batch_size)
    campaign = Campaign(record_bytes=record_bytes)
    measured = builtin_calibration(calibration, campaign, seconds, foreign=foreign)
    return BuiltinWhatIf(measured, assume.split(), batch_size, **beside)


class BuiltinWhatIf:
    """Blocks and figures of changes to the built-in pipeline."""

    def __init__(
        self,
        known: Calibration,
        assume: list[str],
        batch_size: int,
        nic: str,
        bus: str,
        cores: int,
    ) -> None:
        size = known.conditions.record_bytes
        network = changes_of.network(card(nic), event_bytes=size) if nic else {}
        changes = {nic: network, f"{cores} cores": changes_of.cores(known, cores)}
        changes |= {"what is set": changes_of.values(known, assume)}
        assumed = {name: value for change in changes.values() for name, value in change.items()}
        self.at = batch_size
        self.base, self.changed = Scenario(known, {}), Scenario(known, assumed)
        self._each = {name: Scenario(known, change) for name, change in changes.items()}
        self._ceilings = [c for c in published_ceilings(64) if c.name in (nic, bus)]

    @cached_property
    def _sliders(self) -> explorer.Explorer:
        return explorer.Explorer(self.base, at=self.at)

    def goals(self, within: float, rate: float) -> Block:
        """Return batch sizes for the usual goals."""
        return data_table(builtin.optima_table(self.base, within, rate), _GOALS)

    def binding(self) -> ReportFigure:
        """Return which term takes most of the time, over the batch size."""
        return builtin.bottleneck_figure(self.base)

    def halving(self) -> ReportFigure:
        """Return what halving each cost buys."""
        return builtin.sensitivity_figure(self.base, self.at)

    def changes(self) -> ReportFigure:
        """Return the rate as calibrated and as changed, under its ceilings."""
        return builtin.roofline_figure(
            self.base, self.changed, self._ceilings, each=self._each, at=self.at
        )

    def halving_changed(self) -> ReportFigure:
        """Return what halving each cost buys once all is changed."""
        return builtin.sensitivity_figure(self.changed, self.at)

    def formula(self) -> Formula:
        """Return how the terms make the time of a batch."""
        return formulas.batch_formula(self.changed.model)

    def parameters(self) -> Block:
        """Return what the costs are, and where each value comes from."""
        return provenance.parameters_block(self.changed)

    def still(self) -> ReportFigure:
        """Return the sliders' drawing before any of them moved."""
        return self._sliders.still()

    def sliders(self) -> Any:
        """Return sliders of the costs."""
        return self._sliders.show()

    def redraw(self) -> str:
        """Say how long a redraw takes."""
        taken = 1e3 * self._sliders.redraw_seconds()
        return f"One redraw takes {taken:.1f} ms on this host (median of 30)"


class OwnWhatIf:
    """The same of a pipeline of one's own."""

    def __init__(self, known: PipelineCalibration, assume: list[str], batch_size: int) -> None:
        from aethermodel.pipelines.composition.what_if import factors_of

        self.factors = factors_of(assume)
        self.base, self.changed = known, known.faster(**self.factors)
        self.at = float(min(batch_size, known.largest))

    def goals(self, within: float, rate: float) -> Block:
        """Return batch sizes for the usual goals."""
        from aethermodel.advice.law_samples import LawSizes

        found = builtin.goals_table(LawSizes(self.base.law), within, rate, "records/s")
        return data_table(found, _GOALS)

    def binding(self) -> ReportFigure:
        """Return each term's share of the time, over the batch size."""
        from aethermodel.report.pipelines import pipeline_figures

        return pipeline_figures.budget_figure(self.base)

    def halving(self) -> ReportFigure:
        """Return what halving each term buys."""
        from aethermodel.report.pipelines import pipeline_figures

        return pipeline_figures.halving_figure(self.base, self.at)

    def changes(self) -> Block:
        """Return the rate as it is, and with the terms changed."""
        from aethermodel.report.pipelines.own_pipeline import changes_block

        return changes_block(self.base, self.factors, self.at)

    def halving_changed(self) -> ReportFigure:
        """Return what halving each term buys once all is changed."""
        from aethermodel.report.pipelines import pipeline_figures

        return pipeline_figures.halving_figure(self.changed, self.at)

    def formula(self) -> Block:
        """Return how the terms make the time of a batch."""
        from aethermodel.report.pipelines import pipeline_page

        return pipeline_page.composition_block(self.changed)

    def parameters(self) -> Block:
        """Return what the terms are, and where each law comes from."""
        from aethermodel.report.pipelines import pipeline_page

        return pipeline_page.terms_block(self.changed)

    def still(self) -> None:
        """Show nothing."""

    def sliders(self) -> Block:
        """Say that it has none."""
        return _NO_SLIDERS

    def redraw(self) -> str:
        """Say nothing."""
        return ""
