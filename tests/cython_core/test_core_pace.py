"""Core pace: the loop is really turned, and bad counts are refused."""

import pytest

from aethermodel.measure.host.contention import glance
from cython_core.probes.core_pace import pace_seconds


def test_every_turn_is_made():
    # No core makes a turn of eight additions, a count and a jump in less than a cycle at 10 GHz.
    assert pace_seconds(1_000_000) > 1000 / 10e9


def test_a_glance_is_told_for_as_many_turns():
    assert glance() > 1000 / 10e9


@pytest.mark.parametrize("turns", [0, -1])
def test_no_turns_are_refused(turns):
    with pytest.raises(ValueError, match=f"turns must be at least 1, not {turns}"):
        pace_seconds(turns)
