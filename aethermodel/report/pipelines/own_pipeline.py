"""Own pipeline: the parameters of notebook 95, and what it measures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from aethermodel.console import progress
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.campaign import Campaign
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.trial import PipelineTrial
from aethermodel.report.blocks import Block, note_block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figures.validation import in_place_row
from aethermodel.report.html_table import data_table
from aethermodel.report.pipelines import pipeline_page
from aethermodel.text.percentages import percent


class OwnPipeline(BaseModel):
    """Parameters of notebook 95.

    Attributes
    ----------
    pipeline : str
        ``FILE.py[:NAME]``; empty: the sample, data/pipeline/orders.py.
    calibration : str
        A calibration of it; empty: it is measured and compared with the whole.
    seconds : float
        Time budget of that.
    batch_sizes : str
        At which the whole is run, with commas between them; empty: powers of ten.
    batch_size : int
        Asked about in what if; 0: the best one.
    faster : str
        What if terms took so many times what they take, such as ``score:0.5,decode:0.8``.
    rate, latency : float
        Records a second, and most seconds of a batch, to answer for; 0: none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: str = ""
    calibration: str = ""
    seconds: float = Field(60.0, gt=0, le=86_400)
    batch_sizes: str = ""
    batch_size: int = Field(0, ge=0, le=2**24)
    faster: str = ""
    rate: float = Field(0.0, ge=0, allow_inf_nan=False)
    latency: float = Field(0.0, ge=0, allow_inf_nan=False)

    @field_validator("faster")
    @classmethod
    def _factors(cls, text: str) -> str:
        _factors_of(text)
        return text

    @property
    def reference(self) -> str:
        """The pipeline, or the sample."""
        return self.pipeline or str(files("aethermodel") / "data" / "pipeline" / "orders.py")

    @cached_property
    def measured(self) -> PipelineTrial | None:
        """The trial; None where a calibration was given."""
        if self.calibration:
            return None
        return tried(self.reference, self.batch_sizes, seconds=self.seconds)

    @cached_property
    def laws(self) -> PipelineCalibration:
        """The calibration, given or measured."""
        if self.measured is not None:
            return self.measured.calibration
        calibration = PipelineCalibration.load(self.calibration)
        if self.pipeline and load_pipeline(self.pipeline).name != calibration.pipeline:
            raise ValueError(f"{self.calibration}: of the pipeline {calibration.pipeline}")
        return calibration

    @property
    def size(self) -> float:
        """Batch size that what if is asked at."""
        return float(self.batch_size or pipeline_page.best_size(self.laws))

    def verdict(self) -> Block:
        """Return the opening of the report."""
        if self.measured is not None:
            return pipeline_page.trial_block(self.measured)
        return pipeline_page.calibration_block(self.laws)

    def in_place(self) -> Block:
        """Return each term isolated and in the pipeline."""
        if self.measured is None:
            return note_block("A calibration alone holds no times inside the pipeline.")
        rows = [in_place_row(one) for one in self.measured.in_place]
        return data_table(pd.DataFrame(rows), "Terms isolated and in the pipeline")

    def answers(self) -> Block:
        """Return which batch sizes to take."""
        found = pipeline_page.answered(self.laws, self.rate or None, self.latency or None)
        return note_block(found) if isinstance(found, str) else found

    def what_if(self) -> Block:
        """Return the rate as it is, and with the terms changed."""
        return changes_block(self.laws, dict(_factors_of(self.faster)), self.size)


def changes_block(laws: PipelineCalibration, factors: Mapping[str, float], n: float) -> Block:
    """Return the rate as it is, with each term changed, and with all of them.

    Parameters
    ----------
    laws : PipelineCalibration
    factors : mapping of str to float
        How many times its time each term takes.
    n : float
        Records of a batch.
    """
    rows: list[dict[str, Any]] = []
    changes: dict[str, Mapping[str, float]] = {"as it is": {}} | {
        f"{name} x {factor:g}": {name: factor} for name, factor in factors.items()
    }
    if len(changes) > 2:
        changes["all together"] = factors
    base = float(laws.predict(n).seconds[0])
    for name, change in changes.items():
        found = laws.faster(**change).predict(n)
        seconds = float(found.seconds[0])
        rows.append(
            {
                "Change": name,
                "T": engineering(seconds, "s"),
                "Rate": engineering(n / seconds, "records/s"),
                "More": percent(base / seconds - 1),
                "Slowest group": str(found.bound[0]),
            }
        )
    return data_table(pd.DataFrame(rows), f"What if, at N = {n:,.0f}")


def tried(reference: str, batch_sizes: str, **given: Any) -> PipelineTrial:
    """Measure a pipeline's terms and the whole, at batch sizes with commas between them.

    Parameters
    ----------
    reference : str
        ``FILE.py[:NAME]``.
    batch_sizes : str
        At which the whole is run; empty: powers of ten.
    **given
        As of a `Campaign`.
    """
    from aethermodel.execute.host_lock import host_lock
    from aethermodel.inputs.sizes import count_of

    sizes = tuple(count_of(text) for text in batch_sizes.split(",") if text.strip())
    campaign = Campaign(reference, held_out=sizes, **given)
    bar = progress(f"measuring, {campaign.pipeline.name}", budget=campaign.seconds)
    with host_lock(True), bar as advance:
        return PipelineTrial.run(campaign, advance)


def _factors_of(text: str) -> list[tuple[str, float]]:
    found = []
    # A colon: papermill reads no parameter whose value or comment has an equals sign.
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, factor = part.partition(":")
        try:
            found.append((name.strip(), float(factor)))
        except ValueError:
            colon = ""
        if not colon:
            raise ValueError(f"a term and a factor, such as score:0.5, not {part!r}")
    return found
