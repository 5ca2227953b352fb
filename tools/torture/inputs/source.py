"""Source: inputs of one kind, and what reads them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from tools.torture.inputs.byte_mutation import mutate


class Source(NamedTuple):
    """Inputs of one kind and their reader.

    Attributes
    ----------
    make : callable
        Returns an input.
    read : callable
        Reads it.
    refusal : tuple of type
        What `read` may raise: an error of one clear line.
    """

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes], object]
    refusal: tuple[type[BaseException], ...]


def mutated(
    sample: bytes, read: Callable[[bytes], object], *refusal: type[BaseException]
) -> Source:
    """Return a source of mutations of one good input."""
    return Source(lambda draw: mutate(sample, draw), read, refusal)
