"""Mutation of bytes: flips, cuts, repeats and borrowed numbers, drawn from a seed."""

from __future__ import annotations

import random

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 2**63 - 1, 2**64 - 1)


def mutate(data: bytes, draw: random.Random) -> bytes:
    """Return `data` with one to eight changes, few more often than many."""
    result = bytearray(data)
    while result == data:
        for _ in range(1 + int(draw.expovariate(0.7)) % 8):
            _change(result, draw)
    return bytes(result)


def _change(data: bytearray, draw: random.Random) -> None:
    place = draw.randrange(len(data) + 1)
    span = min(1 << draw.randrange(8), len(data) - place)
    match draw.randrange(7):
        case 0 if span:
            data[place] ^= 1 << draw.randrange(8)
        case 1:
            del data[place : place + span]
        case 2:
            data[place:place] = draw.randbytes(1 << draw.randrange(7))
        case 3:
            data[place:place] = data[place : place + span]
        case 4:
            size = draw.choice((1, 2, 4, 8))
            number = draw.choice(_NUMBERS) % 2 ** (8 * size)
            data[place : place + size] = number.to_bytes(size, draw.choice(("little", "big")))
        case 5:
            del data[place:]
        case _ if span:
            data[place : place + span] = draw.randbytes(span)
