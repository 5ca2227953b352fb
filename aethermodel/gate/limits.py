"""Limits: how much worse a parameter or a time may get, as written on a command line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from aethermodel.inputs.refusals import InputError, quoted

_WRITTEN = re.compile(r"\s*(?P<what>[^=]{1,80}?)\s*=\s*(?P<change>[+-]\s*\d+(?:\.\d+)?)\s*%\s*")
_TIME = re.compile(r"T\(\s*(?P<size>[0-9][0-9_,]*(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)\s*\)")


@dataclass(frozen=True)
class Quantity:
    """What is compared: a parameter by its name, or the time at a size.

    Attributes
    ----------
    parameter : str
        Empty for a time.
    size : float
        Of a time; nan for a parameter.
    """

    parameter: str = ""
    size: float = math.nan

    def __str__(self) -> str:
        return self.parameter or f"T({self.size:,.10g})"


@dataclass(frozen=True)
class Limit:
    """How far a quantity may change.

    Attributes
    ----------
    quantity : Quantity
    change : float
        Relative: 0.05 for ``+5%``, above which it is worse; negative ones are limits downwards.
    """

    quantity: Quantity
    change: float

    def __str__(self) -> str:
        return f"{self.quantity}={100 * self.change:+.4g}%"


def quantity_of(text: str) -> Quantity:
    """Read a parameter's name, or a time such as ``T(10000)`` or ``T(1e4)``.

    Raises
    ------
    InputError
        If the size of a time is no number above 0.
    """
    written = text.strip()
    found = _TIME.fullmatch(written)
    if found is None:
        if written.startswith("T("):
            raise InputError(f"a time is written T(10000), not {quoted(written)}")
        return Quantity(parameter=written)
    size = float(found["size"].replace(",", "").replace("_", ""))
    if not 0 < size < math.inf:
        raise InputError(f"a time is at a size above 0, not {quoted(written)}")
    return Quantity(size=size)


def limit_of(text: str) -> Limit:
    """Read a limit such as ``t_event=+5%`` or ``T(10000)=+3%``.

    Raises
    ------
    InputError
        If it is not written so.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise InputError(
            f"a limit is written t_event=+5% or T(10000)=+3%, with its sign, not {quoted(text)}"
        )
    return Limit(quantity_of(found["what"]), float(found["change"].replace(" ", "")) / 100)


def limits_of(texts: list[str]) -> list[Limit]:
    """Read limits, each of something else.

    Raises
    ------
    InputError
        If one is not written as it should be, or two are of the same.
    """
    limits = [limit_of(text) for text in texts]
    for at, limit in enumerate(limits):
        if any(str(limit.quantity) == str(other.quantity) for other in limits[:at]):
            raise InputError(f"two limits are of {limit.quantity}")
    return limits
