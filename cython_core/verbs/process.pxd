"""Whose a device's objects are: a forked child has copies of them, but the device has them once.

What a child destroyed would be gone for its parent too. So there nothing is destroyed, and the
system takes the child's descriptors back with the child.
"""

from libc.stdint cimport uint32_t

cdef extern from "forks.h" nogil:
    uint32_t aether_forks
