"""Bar and jump handlers of the example feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aethermodel.bus.dispatcher import Indices
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.topics import Topics

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("first", "highest", "lowest", "last", "events")


class Bars:
    """Adds up each topic's values by time: first, highest, lowest, last and count.

    Parameters
    ----------
    topics : Topics
        To name them.
    width_seconds : float
        Of a bar; above 0.

    Raises
    ------
    ValueError
        If it is not.
    """

    def __init__(self, topics: Topics, width_seconds: float) -> None:
        if not 1e-9 <= width_seconds < 1e9:
            raise ValueError(f"a bar is 1 ns wide or wider, not {width_seconds} s")
        self._topics = topics
        self._width_ns = round(width_seconds * 1e9)
        self._bars: dict[tuple[int, int], list[float]] = {}

    def handle(self, batch: Batch, indices: Indices) -> None:
        """Take one topic's events of one batch, in the order of their times."""
        topic = int(batch["topic"][indices[0]])
        values = batch["value"][indices]
        numbers = batch["timestamp_ns"][indices] // self._width_ns
        starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
        ends = np.r_[starts[1:], len(values)]
        highest = np.maximum.reduceat(values, starts)
        lowest = np.minimum.reduceat(values, starts)
        for at, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            new = [values[start], highest[at], lowest[at], values[end - 1], end - start]
            key = (topic, int(numbers[start]))
            old = self._bars.get(key)
            if old:  # the bar began in an earlier batch
                new = [old[0], max(old[1], new[1]), min(old[2], new[2]), new[3], old[4] + new[4]]
            self._bars[key] = [float(part) for part in new]

    def table(self) -> pd.DataFrame:
        """Return one row a bar: ``topic``, ``seconds`` (its start) and what it holds."""
        import pandas as pd

        rows = [
            (self._topics.name(topic), number * self._width_ns / 1e9, *bar)
            for (topic, number), bar in sorted(self._bars.items())
        ]
        table = pd.DataFrame(rows, columns=["topic", "seconds", *_COLUMNS])
        return table.astype({"events": int})


class Jumps:
    """Finds events whose value is far from the one before it in the same topic.

    Parameters
    ----------
    share : float
        Relative change that is a jump; above 0.

    Raises
    ------
    ValueError
        If it is not.
    """

    def __init__(self, share: float) -> None:
        if not share > 0:
            raise ValueError(f"a jump is a change above 0, not {share}")
        self._share = share
        self._last: dict[int, float] = {}

    def find(self, batch: Batch, indices: Indices) -> Indices:
        """Return which of one topic's events jump; the topic's first event does not."""
        topic = int(batch["topic"][indices[0]])
        values = batch["value"][indices]
        before = np.r_[self._last.get(topic, values[0]), values[:-1]]
        self._last[topic] = float(values[-1])
        jumped: Indices = indices[np.abs(values / before - 1) > self._share]
        return jumped
