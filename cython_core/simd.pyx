"""Which compiled variant of the kernels runs, chosen once at import."""

import os

cdef extern from "simd.h" nogil:
    const aether_route_kernel* const* aether_route_kernels()

cdef dict _kernels = {}
cdef const aether_route_kernel* _chosen = NULL


cdef str _choose():
    cdef const aether_route_kernel* const* found = aether_route_kernels()
    global _chosen
    while found[0] != NULL:
        _kernels[found[0].name.decode()] = <size_t> found[0]
        _chosen = found[0]
        found += 1
    forced = os.environ.get("AETHER_SIMD")
    if forced:
        if forced not in _kernels:
            raise ImportError(
                f"AETHER_SIMD={forced} is not among this processor's {', '.join(_kernels)}"
            )
        _chosen = <const aether_route_kernel*> <size_t> _kernels[forced]
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
        the processor supports, or what ``AETHER_SIMD`` said at import.
    """
    return _variant


def simd_variants():
    """Return every variant that this build has and this processor supports.

    Returns
    -------
    tuple of str
        The portable one first, the widest last.
    """
    return tuple(_kernels)
