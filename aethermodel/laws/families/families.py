"""Structures: the terms that each family of laws may be made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.structures import Structures, Terms
from aethermodel.laws.families.terms import Term

Floats = NDArray[np.float64]

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
    structures : Structures
    freedom : int
        Numbers estimated from the points, places included.
    """

    name: str
    structures: Structures
    freedom: int


def _family(name: str, laws: Iterable[Terms], freedom: int) -> Family:
    return Family(name, Structures.of(laws), freedom)


_POWERS = [
    Term("power", exponent, logs)
    for exponent in (0.0, *EXPONENTS)
    for logs in (0.0, 1.0, 2.0)
    if exponent or logs
]
# What depends on no size is made once.
_CONSTANT = _family("constant", [(ONE,)], 1)
_AFFINE = _family("affine", [(ONE, N)], 2)
_N_LOG_N = _family("n log n", [(ONE, Term("power", 1.0, 1.0))], 2)
_POWER = _family(
    "power", [(ONE, power) for power in (*_POWERS, *(Term("power", e) for e in _FINE))], 3
)
_POWER_AND_N = _family("power", [(ONE, N, power) for power in _POWERS if power != N], 4)
_FALLING = _family("falling", [(ONE, Term("power", -1.0))], 2)
_USL = _family("usl", [(ONE, Term("power", -1.0), N)], 3)
_FALLING_POWER = _family("falling", [(ONE, Term("power", -step / 8)) for step in range(1, 25)], 3)


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
    yield _CONSTANT
    if m >= 2:
        yield _AFFINE
    if m >= 3:
        yield from (_N_LOG_N, _POWER)
    if m >= 5:
        yield _POWER_AND_N
    if falls and n[0] > 0 and m >= 2:
        yield _FALLING
        if m >= 4:
            yield from (_USL, _FALLING_POWER)
    for count in (1, 2):
        if m >= SIDE * (count + 1) + 1:
            places = knees(n, count)
            structures = _combined(n, places, count)
            if len(structures):
                yield Family("knees", structures, 2 + 2 * count)
    if m >= 6:
        packets = [(ONE, N, Term("packets", float(size))) for size in PACKETS if _seen(n, size)]
        if packets:
            yield _family("packets", packets, 4)


def more_knees(n: Floats, found: Sequence[Terms]) -> Structures | None:
    """Laws with one knee more than those found, at any place that is left."""
    if n.size < SIDE * (MOST_KNEES + 1) + 1:
        return None
    laws: list[Terms] = []
    places = knees(n, 2)
    for terms in dict.fromkeys(found):
        own = [term.last for term in terms if term.kind == "ramp" and np.isfinite(term.last)]
        apart = np.searchsorted(n, places)[:, None] - np.searchsorted(n, own)
        for place in places[np.all(np.abs(apart) >= SIDE, axis=1)].tolist():
            laws.append(_ramps(tuple(sorted((*own, place)))))
    return Structures.of(reversed(laws)) if laws else None


def two_variables(n: Floats, second: Floats) -> Iterator[Family]:
    """Yield the families of two variables: sums of N, M, their product and their quotients.

    Either of the two may be the workers that share the work of the other.
    """
    m = n.size
    other, both = Term("second", 0.0, 1.0), Term("second", 1.0, 1.0)
    yield _CONSTANT
    if m >= 3:
        yield _family("affine", [(ONE, N), (ONE, other), (ONE, both)], 2)
    if m >= 4:
        yield _family("affine", [(ONE, N, other), (ONE, N, both), (ONE, other, both)], 3)
    if m < 5:
        return
    yield _family("affine", [(ONE, N, other, both)], 4)
    alone, shared = [], []
    if np.all(second > 0):
        alone.append(Term("second", 0.0, -1.0))
        shared.append(Term("second", 1.0, -1.0))
    if np.all(n > 0):
        alone.append(Term("power", -1.0))
        shared.append(Term("second", -1.0, 1.0))
    if shared:
        yield _family("falling", [(ONE, term) for term in (*shared, *alone)], 2)
        yield _family("falling", [(ONE, own, term) for term in shared for own in (N, other)], 3)
        yield _family("falling", [(ONE, N, other, term) for term in shared], 4)


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


def _combined(n: Floats, places: Floats, count: int) -> Structures:
    """Laws with `count` of these knees, enough sizes between any two."""
    index = np.searchsorted(n, places, side="right")
    chosen = np.array(list(combinations(range(places.size), count)), dtype=np.intp)
    chosen = chosen.reshape(-1, count)
    apart = np.all(np.diff(index[chosen], axis=1) >= SIDE, axis=1)
    # The farthest knees first: a slope goes on for as long as nothing speaks against it.
    return Structures.with_knees(places, chosen[apart][::-1])


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
