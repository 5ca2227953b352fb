"""Candidate laws of a term: constant, affine, and affine with a knee."""

from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Form:
    """One candidate law, ``c0 + c1 N + sum_k c_k max(0, N - N_k)`` with every ``c >= 0``.

    A fixed cost, a cost per event, and one more cost per event for each memory level that the
    batch has outgrown. Where the code takes another way through small batches than through large
    ones, ``c1 N`` is ``cs min(N, Ns) + c1 max(0, N - Ns)``: both slopes are free, so that the law
    may bend down at the switch, and only there. It never falls.

    A memory level is outgrown by the set that the events come from in turn. Where that is not the
    batch's own but that of batches of M events, ``max(0, N - N_k)`` is ``N max(0, M - N_k) / M``:
    each event costs what it costs on average in a batch of M.

    Attributes
    ----------
    per_event : bool
        Whether the law grows with N at all.
    knees : tuple of float
        Batch sizes at which the slope rises, ascending, in events.
    free : tuple of bool
        For each knee, whether it was found from the samples rather than given.
    switch : float or None
        Batch size at which the code changes its way, in events.
    among : float
        M: batches of so many events would fill the set that the events come from, in events; a
        batch of more, or where this is 0, has its own.
    """

    per_event: bool = True
    knees: tuple[float, ...] = ()
    free: tuple[bool, ...] = ()
    switch: float | None = None
    among: float = 0.0

    @property
    def name(self) -> str:
        """Field name: constant, affine, or affine with its knees."""
        if not self.per_event:
            return "constant"
        base = "affine" if self.switch is None else f"affine, switch at {self.switch:,.0f}"
        if not self.knees:
            return base
        places = ", ".join(
            f"{knee:,.0f}{'*' if found else ''}"
            for knee, found in zip(self.knees, self.free, strict=True)
        )
        return f"{base}, knee at {places}"

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the coefficients, in the order of the columns of `design`."""
        names = tuple(f"c{index}" for index in range(1 + self.per_event + len(self.knees)))
        return names if self.switch is None else (*names, "cs")

    @property
    def knee_names(self) -> tuple[str, ...]:
        """Names of the knees: N1, N2."""
        return tuple(f"N{index}" for index in range(1, 1 + len(self.knees)))

    @property
    def freedom(self) -> int:
        """Numbers estimated from the samples, found knees included."""
        return len(self.coefficients) + sum(self.free)

    def design(self, n: Floats) -> Floats:
        """Columns of the law at batch sizes `n`, shape (n.size, coefficients)."""
        columns = [np.ones_like(n)]
        if self.per_event:
            columns.append(n if self.switch is None else np.maximum(0.0, n - self.switch))
        reach = np.maximum(n, self.among)
        share = n / reach  # exactly 1 for a batch that has its own set
        columns.extend(share * np.maximum(0.0, reach - knee) for knee in self.knees)
        if self.switch is not None:
            columns.append(np.minimum(n, self.switch))
        return np.stack(columns, axis=1)

    def gradient(self, n: Floats, values: Floats, from_below: bool = False) -> Floats:
        """Derivative of the law by everything estimated: `design`, then one column a found knee.

        Parameters
        ----------
        n : ndarray, shape (m,)
            Batch sizes in events.
        values : ndarray, shape (coefficients,)
            Coefficients in seconds and seconds per event.
        from_below : bool
            At a knee's own size, where the law has two derivatives by the knee, which to take.

        Returns
        -------
        ndarray of float64, shape (m, freedom)
        """
        rises = self.rises(values)
        reach = np.maximum(n, self.among)
        knees = [
            -rise * n / reach * ((reach >= knee) if from_below else (reach > knee))
            for knee, rise, found in zip(self.knees, rises, self.free, strict=True)
            if found
        ]
        return np.concatenate([self.design(n), *[column[:, None] for column in knees]], axis=1)

    def times(self, n: Floats, drawn: Floats) -> Floats:
        """The law at batch sizes `n` for many sets of parameters.

        Parameters
        ----------
        n : ndarray, shape (m,)
            Batch sizes in events.
        drawn : ndarray, shape (draws, freedom)
            Coefficients, then found knees, in the units of `gradient`.

        Returns
        -------
        ndarray of float64, shape (m, draws)
            Seconds.
        """
        costs, knees = np.split(drawn, [len(self.coefficients)], axis=1)
        columns = self.design(n)
        first, found = 1 + self.per_event, iter(knees.T)
        reach = np.maximum(n, self.among)[:, None]
        moved = np.zeros((n.size, len(drawn)))
        for index, free in enumerate(self.free, first):
            if free:
                columns[:, index] = 0.0
                hinge = np.maximum(0.0, reach - next(found))
                moved += n[:, None] / reach * hinge * costs[:, index]
        return np.asarray(columns @ costs.T + moved)

    def rises(self, values: Floats) -> Floats:
        """The coefficients that belong to the knees, in seconds per event."""
        first = 1 + self.per_event
        return values[first : first + len(self.knees)]

    def expression(self) -> sympy.Expr:
        """The law in the symbol N and one non-negative symbol per parameter."""
        N = sympy.Symbol("N", nonnegative=True)
        symbols = [sympy.Symbol(name, nonnegative=True) for name in self.coefficients]
        law = symbols[0]
        if self.per_event:
            beyond = sympy.Integer(0)
            if self.switch is not None:
                beyond = sympy.Max(0, N - sympy.Symbol("Ns", nonnegative=True))
                law += symbols[-1] * (N - beyond)
            law += symbols[1] * (N if self.switch is None else beyond)
        rises = symbols[2 : 2 + len(self.knees)]
        reach = sympy.Max(N, sympy.Float(self.among)) if self.among else N
        for rise, name in zip(rises, self.knee_names, strict=True):
            law += rise * sympy.Max(0, reach - sympy.Symbol(name, nonnegative=True)) * N / reach
        return law
