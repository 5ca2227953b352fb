"""Structures: the terms that each family of laws may be made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.terms import Term

Floats = NDArray[np.float64]
Terms = tuple[Term, ...]

ONE, N = Term("one"), Term("power", 1.0)
#: Exponents of powers, those of algorithms that people write: Calotoiu and others 2013, Using
#: Automated Performance Modeling to Find Scalability Bugs, doi 10.1145/2503210.2503277.
EXPONENTS = (0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 1.25, 4 / 3, 1.5, 1.75, 2.0, 2.5, 3.0)
# Exponents in between, of no known algorithm; the fit moves them further.
_FINE = tuple(step / 10 for step in range(1, 41))
#: Sizes on either side of a knee.
SIDE = 2
#: Packets of networks and pages, in bytes, payload and frame.
PACKETS = (64, 128, 256, 512, 1024, 1460, 1500, 2048, 4096, 8192, 8960, 9000, 16384, 32768, 65536)
_MOST_PLACES = {1: 48, 2: 20}
#: Knees of one law at most; with their slopes and the fixed cost they are eight symbols.
MOST_KNEES = 3


class Family(NamedTuple):
    """A family and its structures.

    Attributes
    ----------
    name : str
    structures : sequence of tuples of Term
        All of the same number of terms.
    freedom : int
        Numbers estimated from the points, places included.
    """

    name: str
    structures: Sequence[Terms]
    freedom: int


def families(n: Floats, falls: bool) -> Iterator[Family]:
    """Yield the families that sizes `n` can carry, simplest first.

    Parameters
    ----------
    n : ndarray, shape (m,)
        Distinct sizes, ascending.
    falls : bool
        Whether the times fall with size anywhere, so that falling laws are in question.
    """
    m = n.size
    yield Family("constant", [(ONE,)], 1)
    if m >= 2:
        yield Family("affine", [(ONE, N)], 2)
    if m >= 3:
        powers = [
            (ONE, Term("power", exponent, logs))
            for exponent in (0.0, *EXPONENTS)
            for logs in (0.0, 1.0, 2.0)
            if exponent or logs
        ]
        yield Family("n log n", [(ONE, Term("power", 1.0, 1.0))], 2)
        fine = [(ONE, Term("power", exponent)) for exponent in _FINE]
        yield Family("power", powers + fine, 3)
    if m >= 5:
        mixed = [(ONE, N, other) for (_, other) in powers if other != N]
        yield Family("power", mixed, 4)
    if falls and n[0] > 0 and m >= 2:
        yield Family("falling", [(ONE, Term("power", -1.0))], 2)
        if m >= 4:
            yield Family("usl", [(ONE, Term("power", -1.0), N)], 3)
            falling = [(ONE, Term("power", -step / 8)) for step in range(1, 25)]
            yield Family("falling", falling, 3)
    for count in (1, 2):
        if m >= SIDE * (count + 1) + 1:
            places = knees(n, count)
            structures = _combined(n, places, count)
            if structures:
                yield Family("knees", structures, 2 + 2 * count)
    if m >= 6:
        packets = [(ONE, N, Term("packets", float(size))) for size in PACKETS if _seen(n, size)]
        if packets:
            yield Family("packets", packets, 4)


def more_knees(n: Floats, found: Sequence[Terms]) -> list[Terms]:
    """Laws with one knee more than those found, at any place that is left."""
    if n.size < SIDE * (MOST_KNEES + 1) + 1:
        return []
    structures: dict[Terms, None] = {}
    places = knees(n, 2)
    for terms in dict.fromkeys(found):
        own = [term.last for term in terms if term.kind == "ramp" and np.isfinite(term.last)]
        apart = np.searchsorted(n, places)[:, None] - np.searchsorted(n, own)
        for place in places[np.all(np.abs(apart) >= SIDE, axis=1)].tolist():
            structures[_ramps(tuple(sorted((*own, place))))] = None
    return list(structures)


def two_variables(n: Floats, second: Floats) -> Iterator[Family]:
    """Yield the families of two variables: sums of N, M, their product and their quotients.

    Either of the two may be the workers that share the work of the other.
    """
    m = n.size
    other, both = Term("second", 0.0, 1.0), Term("second", 1.0, 1.0)
    yield Family("constant", [(ONE,)], 1)
    if m >= 3:
        yield Family("affine", [(ONE, N), (ONE, other), (ONE, both)], 2)
    if m >= 4:
        yield Family("affine", [(ONE, N, other), (ONE, N, both), (ONE, other, both)], 3)
    if m < 5:
        return
    yield Family("affine", [(ONE, N, other, both)], 4)
    alone, shared = [], []
    if np.all(second > 0):
        alone.append(Term("second", 0.0, -1.0))
        shared.append(Term("second", 1.0, -1.0))
    if np.all(n > 0):
        alone.append(Term("power", -1.0))
        shared.append(Term("second", -1.0, 1.0))
    if shared:
        yield Family("falling", [(ONE, term) for term in (*shared, *alone)], 2)
        yield Family("falling", [(ONE, own, term) for term in shared for own in (N, other)], 3)
        yield Family("falling", [(ONE, N, other, term) for term in shared], 4)


def knees(n: Floats, count: int) -> Floats:
    """Places to try for each of `count` knees."""
    inner = n[SIDE - 1 : n.size - SIDE + 1]
    inner = inner[inner > 0]
    if inner.size < 2:
        return np.empty(0)
    gaps = inner.size - 1
    per_gap = max(1, min(4, _MOST_PLACES[count] // gaps))
    step = np.arange(per_gap) / per_gap
    places = (inner[:-1, None] * (inner[1:] / inner[:-1])[:, None] ** step).ravel()
    if places.size > _MOST_PLACES[count]:
        places = places[np.linspace(0, places.size - 1, _MOST_PLACES[count]).astype(int)]
    return np.asarray(places)


def _ramps(places: tuple[float, ...]) -> Terms:
    ends = (0.0, *places, float("inf"))
    return (ONE, *(Term("ramp", *ends[one : one + 2]) for one in range(len(places) + 1)))


def _combined(n: Floats, places: Floats, count: int) -> list[Terms]:
    """Laws with `count` of these knees, enough sizes between any two."""
    index = np.searchsorted(n, places, side="right")
    chosen = np.array(list(combinations(range(places.size), count)), dtype=np.intp)
    if not chosen.size:
        return []
    apart = np.all(np.diff(index[chosen], axis=1) >= SIDE, axis=1)
    values = places.tolist()
    return [_ramps(tuple(values[one] for one in row)) for row in chosen[apart].tolist()]


def _seen(n: Floats, packet: float) -> bool:
    """Whether the sizes tell packets from a slope: some lie within the third packet or later."""
    part = np.mod(n[n > 2 * packet], packet)
    return bool(np.sum((part > 0.05 * packet) & (part < 0.95 * packet)) >= 3)


def kind_of(terms: Terms, family: str) -> str:
    """Name of what is left of a family's law once terms of no cost are gone."""
    kinds = [term for term in terms if term.kind not in ("one",)]
    if not kinds:
        return "constant"
    if len(kinds) == 1:
        (only,) = kinds
        if only.kind == "ramp":
            whole = only.first == 0 and np.isinf(only.last)
            return "affine" if whole else "knees"
        if only.kind == "power" and (only.first, only.last) == (1.0, 0.0):
            return "affine"
        if only.kind == "power" and (only.first, only.last) == (1.0, 1.0):
            return "n log n"
        if only.kind == "power":
            return "falling" if only.first < 0 else "power"
    if family == "usl" and not any(t.kind == "power" and t.first == 1 for t in kinds):
        return "falling"
    return family
