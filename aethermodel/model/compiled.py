"""Numeric functions of SymPy expressions, made once for each expression."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy


@lru_cache(maxsize=512)
def compiled(
    symbols: tuple[sympy.Symbol, ...], expressions: tuple[sympy.Expr, ...] | sympy.Expr
) -> Callable[..., Any]:
    """Return a numpy function of the symbols; the same one for the same expressions.

    Parameters
    ----------
    symbols : tuple of sympy.Symbol
    expressions : sympy.Expr, or tuple of them
        A tuple gives a function that returns a sequence.
    """
    listed = list(expressions) if isinstance(expressions, tuple) else expressions
    return sympy.lambdify(symbols, listed, "numpy")  # type: ignore[no-any-return]
