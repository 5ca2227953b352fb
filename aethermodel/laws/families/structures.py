"""Structures: many laws of as many terms each, made of terms that they share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.terms import Term

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Terms = tuple[Term, ...]


@dataclass(frozen=True)
class Structures:
    """Laws without their coefficients.

    Attributes
    ----------
    shared : tuple of Term
        Each once.
    places : ndarray of int, shape (laws, terms)
        Indices of each law's terms among the shared ones.
    """

    shared: Terms
    places: Places

    @classmethod
    def of(cls, laws: Iterable[Terms]) -> Structures:
        """Take laws of as many terms each; those that are there twice are taken once."""
        index: dict[Term, int] = {}
        places = [
            [index.setdefault(term, len(index)) for term in terms] for terms in dict.fromkeys(laws)
        ]
        return cls(tuple(index), np.array(places, dtype=np.intp))

    @classmethod
    def with_knees(cls, knees: Floats, chosen: Places) -> Structures:
        """Take laws of a fixed cost and a slope between any two neighbouring knees.

        Parameters
        ----------
        knees : ndarray, shape (p,)
            Places of knees, ascending.
        chosen : ndarray of int, shape (laws, count)
            Indices of each law's knees, ascending.
        """
        ends = np.concatenate([[0.0], knees, [np.inf]])
        law_ends = np.pad(chosen + 1, ((0, 0), (1, 1)), constant_values=(0, ends.size - 1))
        # One number for each pair of ends.
        pairs = law_ends[:, :-1] * ends.size + law_ends[:, 1:]
        distinct, where = np.unique(pairs, return_inverse=True)
        first, last = ends[distinct // ends.size].tolist(), ends[distinct % ends.size].tolist()
        ramps = (Term("ramp", *both) for both in zip(first, last, strict=True))
        slopes = where.reshape(pairs.shape) + 1
        places = np.pad(slopes, ((0, 0), (1, 0)))
        return cls((Term("one"), *ramps), places)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, law: int) -> Terms:
        return tuple(self.shared[place] for place in self.places[law].tolist())
