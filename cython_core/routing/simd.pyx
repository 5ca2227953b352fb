"""SIMD variant of the kernels, chosen once at import."""

import os

cdef extern from "simd.h" nogil:
    const aether_route_kernel* const* aether_route_kernels()
    const aether_route_kernel* aether_route_preferred()

cdef dict _kernels = {}
cdef const aether_route_kernel* _chosen = NULL
cdef str _widest = ""


cdef str _choose():
    cdef const aether_route_kernel* const* found = aether_route_kernels()
    global _chosen, _widest
    while found[0] != NULL:
        _widest = found[0].name.decode()
        _kernels[_widest] = <size_t> found[0]
        found += 1
    _chosen = aether_route_preferred()
    forced = os.environ.get("AETHER_SIMD")
    if forced:
        if forced not in _kernels:
            raise ImportError(
                f"AETHER_SIMD={forced} is not among this processor's {', '.join(_kernels)}"
            )
        _chosen = <const aether_route_kernel*> <size_t> _kernels[forced]
        _widest = forced
    return _chosen.name.decode()


cdef str _variant = _choose()


cdef const aether_route_kernel* route_kernel(object variant) except NULL:
    """The kernel of that name, or the one chosen at import for None."""
    if variant is None:
        return _chosen
    if variant not in _kernels:
        raise ValueError(f"variant must be one of {', '.join(_kernels)}, not {variant!r}")
    return <const aether_route_kernel*> <size_t> _kernels[variant]


def simd_variant():
    """Return the variant that the kernels run as.

    Returns
    -------
    str
        ``baseline``, ``v3`` (AVX2), ``v4`` (AVX-512) or ``neon``: the widest that
        the processor supports, on Intel's v3 at most, or what ``AETHER_SIMD`` said at import.

    Notes
    -----
    Intel's cores run what follows instructions of 512 bits slower for a while, which is why
    compilers prefer 256 there: a router that is as fast by either makes the rest of a tick slower.
    """
    return _variant


def simd_widest():
    """Return the widest variant that may run: for what gains enough by it.

    Returns
    -------
    str
        The last of `simd_variants`, or what ``AETHER_SIMD`` said at import.
    """
    return _widest


def simd_variants():
    """Return every variant that this build has and this processor supports.

    Returns
    -------
    tuple of str
        The portable one first, the widest last.
    """
    return tuple(_kernels)
