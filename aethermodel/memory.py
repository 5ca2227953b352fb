"""Shortage of memory: how it is told, and the line that says it."""

from __future__ import annotations

#: What is said where memory has run out.
NO_MEMORY = "there is too little memory for this command (see ulimit -v, or the limit of the group)"
# Less than this is left where a library could not be mapped, or an array not be made.
_ROOM = 2**28
# Given back when memory has run out: the line and what ends the process need some.
_SPARE = [bytearray(2**17)]


def short_of_memory() -> bool:
    """Tell whether this process gets no more memory: libraries fail by errors of any kind then."""
    try:
        bytes(_ROOM)  # of address space: no page of it is touched
    except MemoryError:
        _SPARE.clear()
        return True
    return False
