"""Posting plan: list length, signalling, inline limit and window with the least cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Settings this close to the best are the same; then the shorter list has the lower latency.
TIE = 0.01


class Costs(Protocol):
    """A cost model with its parameters: ``aethermodel.model.verbs.verbs_cost.VerbsCosts``."""

    @property
    def inline_limit(self) -> float:
        """Longest inline message in bytes."""

    def times(
        self,
        messages: int,
        size: int,
        list_length: NDArray[Any],
        signal_every: NDArray[Any],
        window: int,
        *,
        inline: bool,
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """Return the whole time and each stage's, in seconds, for every p and k."""


@dataclass(frozen=True)
class Plan:
    """Settings for a `SendStream`, and what the model expects of them.

    Attributes
    ----------
    list_length, signal_every, window : int
        p, k and W, with W at least p + k - 1.
    inline : bool
    posts, completions : int
        Exactly ceil(N/p) and ceil(N/k).
    seconds : float
        T for the batch.
    stages : dict of str to float
        Seconds of each stage; they run side by side.
    binding : str
        The stage that sets the pace.
    """

    list_length: int
    signal_every: int
    window: int
    inline: bool
    posts: int
    completions: int
    seconds: float
    stages: dict[str, float]
    binding: str


def plan(
    batch: int, size: int, costs: Costs, *, depth: int = 128, max_inline: int | None = None
) -> Plan:
    """Choose how to send a batch.

    Parameters
    ----------
    batch : int
        Messages N, at least 1.
    size : int
        Bytes a message b, at least 1.
    costs : Costs
        Of this host, device and path.
    depth : int
        What the send queue holds, at least 1.
    max_inline : int, optional
        What the queue pair carries inline, in bytes; by default all that the costs allow.

    Returns
    -------
    Plan
        The fastest; among settings within 1 % of it the shortest list, then the most
        frequent signal (memory comes back sooner), then not inline.

    Raises
    ------
    ValueError
        If `batch`, `size` or `depth` is below 1.
    """
    for name, value in (("batch", batch), ("size", size), ("depth", depth)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    powers = 2 ** np.arange(depth.bit_length())
    grid = np.stack(np.meshgrid(powers, powers, indexing="ij")).reshape(2, -1)
    # Lists beyond the batch are the batch; a stream with more than p + k - 1 in flight
    # would wait for a completion that nobody asked for.
    usable = (grid.sum(axis=0) - 1 <= depth) & (grid[0] < 2 * batch) & (grid[1] < 2 * batch)
    lists, signals = grid[:, usable]
    limit = costs.inline_limit if max_inline is None else min(max_inline, costs.inline_limit)
    stages: dict[bool, dict[str, NDArray[np.float64]]] = {}
    choices: list[tuple[float, int, int, bool, int]] = []
    for way in (False, True) if size <= limit else (False,):
        total, stages[way] = costs.times(batch, size, lists, signals, depth, inline=way)
        choices += [
            (float(total[i]), int(lists[i]), int(signals[i]), way, i) for i in range(len(total))
        ]
    most = min(choices)[0] * (1 + TIE)
    seconds, list_length, signal_every, inline, at = min(
        (choice for choice in choices if choice[0] <= most), key=lambda choice: choice[1:4]
    )
    times = {name: float(each[at]) for name, each in stages[inline].items()}
    return Plan(
        list_length=list_length,
        signal_every=signal_every,
        window=depth,
        inline=inline,
        posts=-(-batch // list_length),
        completions=-(-batch // signal_every),
        seconds=seconds,
        stages=times,
        binding=max(times, key=times.__getitem__),
    )
