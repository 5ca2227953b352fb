"""A spoiler does one thing at one place, however the bytes come in."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.torture.streams.spoiling import ACTS, Spoiler

DATA = bytes(range(200))


def through(spoiler: Spoiler, cuts: list[int]) -> bytes:
    places = sorted({0, *cuts, len(DATA)})
    passed = b""
    for start, stop in pairwise(places):
        passed += spoiler.put(DATA[start:stop])
        if spoiler.cut:
            return passed
    return passed + spoiler.end()


@given(
    st.sampled_from(ACTS),
    st.integers(0, 220),
    st.integers(1, 60),
    st.lists(st.integers(1, 199)),
)
def test_the_pieces_that_come_make_no_difference(
    act: str, place: int, span: int, cuts: list[int]
) -> None:
    first, second = (Spoiler(act, place, span, draw=random.Random(3)) for _ in range(2))
    assert through(first, cuts) == through(second, [])
    assert first.spoiled == second.spoiled


@pytest.mark.parametrize(
    ("act", "result"),
    [
        ("nothing", DATA),
        ("drip", DATA),
        ("drop", DATA[:10] + DATA[14:]),
        ("repeat", DATA[:14] + DATA[10:]),
        ("swap", DATA[:10] + DATA[14:18] + DATA[10:14] + DATA[18:]),
        ("cut", DATA[:10]),
        ("reset", DATA[:10]),
    ],
)
def test_each_act(act: str, result: bytes) -> None:
    spoiler = Spoiler(act, 10, 4)
    assert through(spoiler, []) == result
    assert spoiler.spoiled == (result != DATA)


def test_a_flip_changes_one_bit_and_an_insertion_keeps_all() -> None:
    flipped = through(Spoiler("flip", 10, 4), [])
    assert sum((a ^ b).bit_count() for a, b in zip(flipped, DATA, strict=True)) == 1
    inserted = through(Spoiler("insert", 10, 4), [])
    assert len(inserted) == len(DATA) + 4
    assert inserted[:10] + inserted[14:] == DATA


def test_a_whole_piece_is_dropped_repeated_or_swapped_with_the_next() -> None:
    pieces = [50, 80, 150]
    assert through(Spoiler("drop", 50, whole=True), pieces) == DATA[:50] + DATA[80:]
    assert through(Spoiler("repeat", 50, whole=True), pieces) == DATA[:80] + DATA[50:]
    swapped = DATA[:50] + DATA[80:150] + DATA[50:80] + DATA[150:]
    assert through(Spoiler("swap", 50, whole=True), pieces) == swapped
