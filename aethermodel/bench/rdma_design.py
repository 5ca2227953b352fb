"""Design of the verbs sweep: settings to sample, and those held out of every fit."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from aethermodel.measure.probes.verbs import DEPTH, Settings

LISTS = (1, 2, 4, 8, 16, 32, 64)
SIGNALS = (1, 4, 16, 64)
# Either side of the usual packet payloads, and multiples with a rest.
SIZES = (8, 64, 200, 512, 1024, 1500, 4096, 10_000, 65_536)
MESSAGES = (1, 16, 64, 256, 1024)
#: Fits into a work request of every device known to the project.
MOST_INLINE = 200
#: Share of the (p, k, bytes) that is held out.
HELD_OUT = 1 / 3
# A batch of more packets takes too long to be repeated often.
_MOST_PACKETS = 1024
_PACKET = 1024


@dataclass(frozen=True)
class Designed:
    """One setting, and whether it is for judging rather than fitting."""

    settings: Settings
    held_out: bool


def design(count: int, seed: int) -> list[Designed]:
    """Spread settings evenly over N, bytes, p, k, window and inline.

    A Latin hypercube (McKay, Beckman and Conover 1979): each level of each factor occurs
    equally often, in random combination. Windows spread from the least possible to the whole
    send queue on a logarithmic scale. A third of the (p, k, bytes) is held out, with all their
    windows and batch sizes, so that no held-out combination was trained on.

    Parameters
    ----------
    count : int
        Settings, at least 12; a few fewer come out where two fell together.
    seed : int
        Decides everything, before anything is measured.

    Raises
    ------
    ValueError
        If `count` is below 12.
    """
    if count < 12:
        raise ValueError(f"a design needs at least 12 settings, not {count}")
    draw = random.Random(f"verbs/{seed}")
    columns = [draw.sample(range(count), count) for _ in range(6)]
    found: dict[Settings, None] = {}
    for cells in zip(*columns, strict=True):
        n, size, p, k, window, inline = (cell / count for cell in cells)
        found[_setting(n, size, p, k, window, inline < 0.5)] = None
    groups = sorted({_group(setting) for setting in found})
    draw.shuffle(groups)
    held_out = set(groups[: round(HELD_OUT * len(groups))])
    return [Designed(setting, _group(setting) in held_out) for setting in found]


def _group(setting: Settings) -> tuple[int, int, int]:
    return setting.list_length, setting.signal_every, setting.message_bytes


def _level(levels: tuple[int, ...], share: float) -> int:
    return levels[int(share * len(levels))]


def _setting(n: float, size: float, p: float, k: float, window: float, inline: bool) -> Settings:
    message_bytes = _level(SIZES, size)
    list_length, signal_every = _level(LISTS, p), _level(SIGNALS, k)
    packets = math.ceil(message_bytes / _PACKET)
    messages = tuple(m for m in MESSAGES if m * packets <= _MOST_PACKETS)
    least = list_length + signal_every - 1
    return Settings(
        messages=_level(messages, n),
        message_bytes=message_bytes,
        list_length=list_length,
        signal_every=signal_every,
        window=round(least * (DEPTH / least) ** window),
        inline=inline and message_bytes <= MOST_INLINE,
    )
