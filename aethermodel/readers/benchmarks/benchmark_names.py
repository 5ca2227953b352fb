"""Parameters in the names of benchmarks: ``sort[1000]``, ``BM_copy/bytes:64``, ``sum n=10``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aethermodel.inputs.sizes import size_of

# A number that is no part of a word, with the name before ":" or "=" and a unit of memory after.
_NUMBER = re.compile(
    r"(?:(?<![\w.])(?P<key>[A-Za-z_]\w*)\s*[:=]\s*)?"
    r"(?<![A-Za-z0-9.])(?P<number>\d+(?:_\d{3})*(?:\.\d+)?(?:[eE]\+?\d+)?)"
    r"(?P<unit>[KMGT](?:iB)?|B)?(?![A-Za-z0-9])"
)
_EDGES = " /-_:=,#"


@dataclass(frozen=True)
class Named:
    """What the name of a benchmark says.

    Attributes
    ----------
    family : str
        The name without the numbers that vary.
    parameters : dict
        Those numbers, by their own names, or ``n`` (``n1``, ``n2`` of several).
    """

    family: str
    parameters: dict[str, float]


def parameters_of(names: Sequence[str]) -> list[Named]:
    """Return what each name says, those of one family alike.

    A number is a parameter if it differs between names that are alike without their numbers.
    """
    split = [_split(name) for name in names]
    families: dict[str, list[int]] = {}
    for i, (pattern, _, _) in enumerate(split):
        families.setdefault(pattern, []).append(i)
    named: list[Named] = [Named(name, {}) for name in names]
    for pattern, members in families.items():
        count = len(split[members[0]][1])
        varying = [at for at in range(count) if len({split[i][1][at] for i in members}) > 1]
        keys = split[members[0]][2]
        labels = _labels([keys[at] for at in varying])
        for i in members:
            numbers = split[i][1]
            family = pattern
            for at, number in enumerate(numbers):
                key = f"{keys[at]}=" if keys[at] else ""
                family = family.replace("\0", "" if at in varying else f"{key}{number:g}", 1)
            named[i] = Named(
                clean(family) or "benchmark",
                {label: numbers[at] for label, at in zip(labels, varying, strict=True)},
            )
    return named


def clean(family: str) -> str:
    """Return a name without what a number leaves behind: empty brackets, slashes at its end."""
    plain = " ".join(family.split())
    plain = re.sub(r"[-/_:,= ]+(?=[\])}])|(?<=[\[({])[-/_:,= ]+", "", plain)
    plain = re.sub(r"\(\)|\[\]|\{\}", "", plain)
    plain = re.sub(r"([-/_:,])[-/_:,]+", r"\1", plain)
    return plain.strip(_EDGES)


def _split(name: str) -> tuple[str, tuple[float, ...], tuple[str, ...]]:
    """Return a name with its numbers replaced, the numbers, and what each is called."""
    numbers: list[float] = []
    keys: list[str] = []

    def note(found: re.Match[str]) -> str:
        number = found["number"].replace("_", "")
        value = float(number)
        if found["unit"] and found["unit"] != "B":
            try:
                value = float(size_of(f"{number}{found['unit']}"))
            except ValueError:
                return found[0]
        numbers.append(value)
        keys.append(found["key"] or "")
        return "\0"

    pattern = _NUMBER.sub(note, name.replace("\0", ""))
    return pattern, tuple(numbers), tuple(keys)


def _labels(keys: Sequence[str]) -> list[str]:
    """Return a name for each parameter; those without one are n, or n1, n2 and so on."""
    without = [at for at, key in enumerate(keys) if not key or keys.count(key) > 1]
    labels = list(keys)
    for count, at in enumerate(without, 1):
        labels[at] = f"n{count}" if len(without) > 1 else "n"
        while labels.count(labels[at]) > 1:
            labels[at] += "_"
    return labels
