"""No text comes near SymPy, which would evaluate it as Python."""

import numpy as np
import pytest
import sympy

from aethermodel.calibrate.calibration.conditions import Conditions
from aethermodel.model.batch import BatchModel
from aethermodel.model.parameters import N, Parameter, expression_of
from aethermodel.model.terms import expected_calls, fixed


@pytest.fixture
def command(tmp_path):
    """A text that leaves a file behind wherever it is evaluated."""
    yield f"__import__('pathlib').Path({str(tmp_path / 'canary')!r}).touch()"
    assert not (tmp_path / "canary").exists()


def test_a_text_is_no_expression(command):
    tick = Parameter("t_tick", 1e-6, "s", "a tick", "none")
    for text in (command, "16", "k_topics", b"16", None, [16]):
        with pytest.raises(TypeError):
            expression_of(text)
        with pytest.raises(TypeError):
            expected_calls(text)
        with pytest.raises(TypeError):
            BatchModel([fixed("loop", tick)], calls=text)
        with pytest.raises(TypeError):
            Parameter("t_tick", text, "s", "a tick", "none")
        with pytest.raises(ValueError, match="valid integer"):
            Conditions(text, 4, "asyncio", "loopback", {})
    with pytest.raises(ValueError, match="identifier"):
        Parameter(command, 1e-6, "s", "a tick", "none")


@pytest.mark.parametrize("topics", [0, -64, 0.0])
def test_there_is_at_least_one_topic(topics):
    with pytest.raises(ValueError, match="at least 1 topic"):
        expected_calls(topics)


def test_numbers_of_all_kinds_are_expressions():
    assert expression_of(3) == expression_of(np.int64(3)) == sympy.Integer(3)
    assert expression_of(0.5) == expression_of(np.float64(0.5)) == sympy.Float(0.5)
    assert expression_of(sympy.Symbol("x")) == sympy.Symbol("x")
    assert float(expected_calls(4).subs(N, 1)) == 1
