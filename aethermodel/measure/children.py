"""Processes at the other end of a fabric: forked from one that has imported what they need."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext


def child_context() -> ForkServerContext:
    """Return the context to start them from.

    A fresh interpreter takes longer to import its modules than a point takes to measure. The
    first call in a process starts the server; it holds nothing of this process, so that no thread,
    lock or event loop is copied half-way.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["aethermodel.measure.crossing", "aethermodel.measure.drained"])
    return context
