"""Steal and switches of a sample: time given to other virtual machines, and the core taken away."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def stolen_seconds() -> float:
    """Return the time that the hypervisor gave to others, over all cores, since boot."""
    try:
        # As bytes: the codec of ASCII would be imported, in every fresh child anew.
        fields = Path("/proc/stat").read_bytes().split(b"\n", 1)[0].split()
    except OSError:
        return 0.0
    return float(fields[8]) * _TICK_SECONDS if len(fields) > 8 else 0.0


@dataclass(frozen=True)
class Reading:
    """The counters at one moment; two readings bracket a sample.

    Attributes
    ----------
    stolen_seconds : float
    switches, waits : int
        Times the kernel took the core away from this process, and times it gave it away to wait.
    """

    stolen_seconds: float
    switches: int
    waits: int = 0

    @classmethod
    def now(cls, *, this_thread: bool = False) -> Reading:
        """Read the counters; about 20 µs, outside the timed part.

        Parameters
        ----------
        this_thread : bool
            Count no other thread's switches and waits, such as those of one that keeps a core busy.
        """
        usage = resource.getrusage(resource.RUSAGE_THREAD if this_thread else resource.RUSAGE_SELF)
        return cls(stolen_seconds(), usage.ru_nivcsw, usage.ru_nvcsw)


@dataclass(frozen=True)
class Noise:
    """What happened between two readings.

    Attributes
    ----------
    stolen_seconds : float
        In steps of the kernel's tick (10 ms): zero for most short samples.
    switches : int
        Times the kernel took the core away from this process.
    load : float
        One-minute load average at the end.
    """

    stolen_seconds: float
    switches: int
    load: float

    @classmethod
    def since(cls, before: Reading, after: Reading | None = None) -> Noise:
        """Return what happened since `before`."""
        after = after or Reading.now()
        return cls(
            after.stolen_seconds - before.stolen_seconds,
            after.switches - before.switches,
            os.getloadavg()[0],
        )

    @property
    def noisy(self) -> bool:
        """Whether the sample is to be marked and measured again."""
        return self.stolen_seconds > 0 or self.switches > 0
