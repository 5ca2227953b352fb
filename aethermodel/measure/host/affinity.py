"""Placement: which cores the loop, the producer and the consumer of a measurement run on.

It is in the environment, so that every process that a measurement starts has it, and each takes
the cores of its own part when it begins.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from aethermodel.measure.host.system_files import Roots, listed, text_of

#: Parts of a measurement: the event loop with its handlers; the process that sends to it; the
#: process that takes what it sends.
Part = Literal["loop", "producer", "consumer"]
#: The variable that hands a placement down.
VARIABLE = "AETHER_PIN"


@dataclass(frozen=True)
class Placement:
    """Cores of each part.

    Attributes
    ----------
    text : str
        As it was given.
    loop, producer, consumer : frozenset of int
    """

    text: str
    loop: frozenset[int]
    producer: frozenset[int]
    consumer: frozenset[int]

    @classmethod
    def of(cls, text: str, roots: Roots | None = None) -> Placement:
        """Read ``LOOP[:PRODUCER[:CONSUMER]]``; one alone holds for all, the second for the third.

        Parameters
        ----------
        text : str
            Each part is a list of cores as the kernel writes it (``2``, ``0-3,8``), or a NUMA node
            (``node0``).
        roots : Roots, optional

        Raises
        ------
        ValueError
            If it is no such text, or names a core that this process may not use.
        """
        parts = text.split(":")
        if len(parts) > 3:
            raise ValueError(f"a placement is LOOP:PRODUCER:CONSUMER, not {text!r}")
        found = [_cores(part.strip(), roots or Roots()) for part in parts]
        found += [found[-1]] * (3 - len(found))
        return cls(text, *found)

    def take(self, part: Part) -> None:
        """Let this process, and what it starts from here on, run on the cores of a part alone."""
        os.sched_setaffinity(0, getattr(self, part))


def current() -> Placement | None:
    """Return the placement that this process was handed; None where the scheduler has its way."""
    text = os.environ.get(VARIABLE)
    return Placement.of(text) if text else None


def use(text: str | None) -> None:
    """Hand a placement down from here on; an empty one changes nothing.

    Raises
    ------
    ValueError
        If it is none.
    """
    if text:
        Placement.of(text)
        os.environ[VARIABLE] = text


def take(part: Part) -> None:
    """Run on the cores of a part, where there is a placement."""
    if placement := current():
        placement.take(part)


def usable_cores() -> list[int]:
    """Return the cores that a measurement between two processes may use, ascending.

    Those of the loop and of the other side where they are placed, else those of this process.
    """
    placement = current()
    cores = os.sched_getaffinity(0) if placement is None else placement.loop | placement.producer
    return sorted(cores)


def _cores(text: str, roots: Roots) -> frozenset[int]:
    node = text.removeprefix("node")
    if node != text:
        cores = listed(text_of(roots.sys / f"devices/system/node/node{node}/cpulist"))
        if not cores or not node.isdigit():
            raise ValueError(f"there is no NUMA node {node} with cores")
    else:
        cores = listed(text)
        if not cores:
            raise ValueError(
                f"cores are a list such as 2 or 0-3,8, or a node such as node0: {text!r}"
            )
    if not roots.are_own:
        return cores
    allowed = _allowed()
    if not cores <= allowed:
        missing = ", ".join(map(str, sorted(cores - allowed)))
        have = ", ".join(map(str, sorted(allowed)))
        raise ValueError(f"this process may not use core {missing}; it may use {have}")
    return cores


def _allowed() -> frozenset[int]:
    """Cores that this process can take; one that has been placed already can take others again."""
    before = os.sched_getaffinity(0)
    if VARIABLE not in os.environ:
        return frozenset(before)
    try:
        # The kernel keeps to what the control group allows, whatever is asked for.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        return frozenset(os.sched_getaffinity(0))
    except OSError:
        return frozenset(before)
    finally:
        os.sched_setaffinity(0, before)
