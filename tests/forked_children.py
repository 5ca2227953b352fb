"""Forked children of tests."""

import os
from collections.abc import Callable


def in_child(work: Callable[[], None]) -> int:
    """Do it in a forked child, and return its process id; its status says whether all went well."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child
