"""Empty calls across the FFI boundary, by each tool that a user might build on.

Each takes the same one argument (a bytes object's length is never asked) or none, and
returns at once: what is timed is the border.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Call = Callable[[], Any]


def cython() -> Call:
    """Return an empty function of the kernel library."""
    from cython_core import noop

    return noop


def ctypes() -> Call:
    """Return libc's ``getpagesize`` through ctypes: no argument, no system call."""
    import ctypes as library

    function: Call = library.CDLL(None).getpagesize
    return function


def ctypes_gil() -> Call:
    """Return the same through ``PyDLL``, which keeps the GIL."""
    import ctypes as library

    function: Call = library.PyDLL(None).getpagesize
    return function


def cffi() -> Call:
    """Return the same through cffi in ABI mode."""
    from cffi import FFI

    ffi = FFI()
    ffi.cdef("int getpagesize(void);")
    function: Call = ffi.dlopen(None).getpagesize
    return function


def numba() -> Call:
    """Return an empty compiled function."""
    import numba as library

    @library.njit
    def nothing() -> int:
        return 0

    nothing()
    function: Call = nothing
    return function


def pyo3() -> Call:
    """Return a PyO3 function of a published wheel (rpds) that hands its argument back."""
    from functools import partial

    from rpds import HashTrieMap

    return partial(HashTrieMap.convert, HashTrieMap())


def python() -> Call:
    """Return an empty Python function: the floor of any call."""

    def nothing() -> None:
        pass

    return nothing


CALLS: dict[str, Callable[[], Call]] = {
    call.__name__: call for call in (python, cython, pyo3, cffi, ctypes, ctypes_gil, numba)
}
