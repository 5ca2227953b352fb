"""Page of a pipeline of one's own: costs of stages, not of parameters that nobody has seen."""

from __future__ import annotations

import pytest

from aethermodel.advice.law_answers import CostShare, Quantity
from aethermodel.report.pipelines.pipeline_page import costs_by_term

FIXED, GROWING = "a fixed cost of the batch", "grows with the size"


def cost(name, share, note):
    return CostShare(name, Quantity(share, share - 0.01, share + 0.01, "", note), 0.0)


def test_costs_of_a_stage_are_added_up():
    parts = [
        cost("publish_c3", 0.60, GROWING),
        cost("parse_c1", 0.20, GROWING),
        cost("publish_c0", 0.10, FIXED),
        cost("parse_c0", 0.004, FIXED),  # nothing that anyone reads
        cost("parse_all_c1", 0.10, FIXED),
    ]
    publish, parse, whole = costs_by_term(parts, ["parse", "parse_all", "publish"])
    assert (publish.name, parse.name, whole.name) == ("publish", "parse", "parse_all")
    assert publish.share.value == pytest.approx(0.7)
    assert publish.gain == pytest.approx(1 / 0.65 - 1)  # at half the time of that stage
    assert publish.share.note == f"60 % {GROWING}, 10 % {FIXED}"
    assert parse.share.note == GROWING and whole.share.note == FIXED
