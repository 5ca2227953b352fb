"""Waiting for what other processes do; the limit is for a hang, and judges no time."""

import time

import psutil


def until(holds, seconds=120):
    """Wait until a function returns something true, and return what it returned last."""
    deadline = time.monotonic() + seconds
    while not (now := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return now


def gone(pid):
    """Return whether a process has ended, be it that nobody has waited for it yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
