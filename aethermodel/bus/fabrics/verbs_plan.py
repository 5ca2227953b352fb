"""How to post: list length, signalling, inline and window that the cost model likes best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aethermodel.model.fabric import STAGES, VerbsCosts, stage_times

# Settings this close to the best are the same; then the shorter list has the lower latency.
TIE = 0.01


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


def plan(batch: int, size: int, costs: VerbsCosts, *, depth: int = 128) -> Plan:
    """Choose how to send a batch.

    Parameters
    ----------
    batch : int
        Messages N, at least 1.
    size : int
        Bytes a message b, at least 1.
    costs : VerbsCosts
        Of this host, device and path.
    depth : int
        What the send queue holds, at least 1.

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
    best: tuple[float, int, int, bool] | None = None
    choices = []
    for inline in (False, True) if size <= costs.inline_limit else (False,):
        total, _ = stage_times(costs, batch, size, lists, signals, depth, inline=inline)
        choices += [
            (float(t), int(p), int(k), inline)
            for t, p, k in zip(total, lists, signals, strict=True)
        ]
    limit = min(choices)[0] * (1 + TIE)
    best = min((c for c in choices if c[0] <= limit), key=lambda c: (c[1], c[2], c[3]))
    seconds, list_length, signal_every, inline = best
    _, stage = stage_times(costs, batch, size, list_length, signal_every, depth, inline=inline)
    times = dict(zip(STAGES, map(float, stage), strict=True))
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
