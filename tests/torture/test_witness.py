"""Witness of a kill: lost, repeated and garbage events, counted exactly."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cython_core import allocate
from tools.torture.witness import (
    Damage,
    Page,
    compare,
    fill,
    judge_consumer_killed,
    judge_producer_killed,
    take,
)

WHOLE = 40


def stream(sequences: list[int]) -> Any:
    every = allocate(WHOLE)
    fill(every, 0)
    batch = allocate(len(sequences))
    batch[:] = every[sequences]
    return batch


def test_a_whole_stream_shows_no_damage() -> None:
    assert compare(stream(list(range(7, 19))), 7) == (Damage(0, 0, 0), 19)


@given(st.sets(st.integers(0, WHOLE - 1)))
def test_events_that_are_left_out_are_lost(missing: set[int]) -> None:
    batch = stream([i for i in range(WHOLE) if i not in missing])
    damage, expected = compare(batch, 0)
    last = max((i for i in range(WHOLE) if i not in missing), default=-1)
    assert damage == Damage(len([i for i in missing if i < last]), 0, 0)
    assert expected == last + 1


@given(st.integers(0, WHOLE - 1), st.integers(1, 5))
def test_events_that_come_again_are_repeated(at: int, times: int) -> None:
    order = list(range(WHOLE))
    order[at + 1 : at + 1] = [at] * times
    assert compare(stream(order), 0) == (Damage(0, times, 0), WHOLE)


@given(st.integers(0, WHOLE - 1), st.integers(0, 8 * 64 - 1))
def test_an_event_with_any_other_bit_is_garbage_and_not_lost_too(at: int, bit: int) -> None:
    batch = stream(list(range(WHOLE)))
    batch[at : at + 1].view(np.uint8)[bit // 8] ^= 1 << bit % 8
    assert compare(batch, 0)[0] == Damage(0, 0, 1)


@pytest.mark.parametrize(
    ("handled", "verdict"),
    [(100, Damage(0, 0, 0)), (110, Damage(0, 0, 0)), (97, Damage(3, 0, 0)), (112, Damage(0, 0, 2))],
)
def test_a_killed_producer_had_committed_between_its_two_notes(
    handled: int, verdict: Damage
) -> None:
    page = Page()
    page["committed"], page["intended"], page["handled"] = 100, 110, handled
    assert judge_producer_killed(page) == verdict
    assert judge_producer_killed(page, keeps=False).lost == 0


@pytest.mark.parametrize(
    ("consumed", "verdict"),
    [(50, Damage(0, 0, 0)), (60, Damage(0, 0, 0)), (61, Damage(1, 0, 0)), (48, Damage(0, 2, 0))],
)
def test_a_killed_consumer_had_released_between_its_two_notes(
    consumed: int, verdict: Damage
) -> None:
    page = Page()
    page["released"], page["handled"], page["told_consumed"] = 50, 60, consumed
    assert judge_consumer_killed(page) == verdict


def test_a_page_keeps_the_end_of_a_long_text() -> None:
    page = Page()
    page.write_text("x" * 100_000 + "the end")
    assert page.text().endswith("xthe end")
    page.clear()
    assert page.text() == ""
    take(page, stream([0, 1, 3]))
    assert (page["handled"], page["lost"]) == (4, 1)
