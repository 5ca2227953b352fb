"""A calibration made of samples of known laws, so that every answer can be checked."""

import numpy as np

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.conditions import Conditions
from aethermodel.calibrate.term_fit.samples import Timings

HOST = {"id": "0123456789ab", "processor": "synthetic", "python": "CPython", "libraries": {}}
#: Seconds, seconds a call, seconds an event.
TRUE = {
    "t_tick": 2e-6,
    "t_call": 0.2e-6,
    "t_ffi": 0.1e-6,
    "t_kernel": 0.05e-6,
    "t_event": 4e-9,
    "t_fabric": 0.5e-6,
}
#: Events that fill the L2 cache, where a refill is sampled.
L2_EVENTS = 8192
SIZES = [1, 3, 12, 48, 192, 768, 3072, 12288]


def synthetic_calibration(
    noise=0.02, seed=0, topics=16, host=None, copies=True, switch=None, between=0.0, **changed
):
    """Sample the laws of `TRUE` five times a size; `changed` overrides their parameters.

    Below `switch` an event costs the kernel `t_event_direct`. With `t_refill_full` and `t_refill`
    the loop fetches again what up to, and beyond, `L2_EVENTS` events displace. With `t_send` and
    `t_send_event` a producer sends from another process. Each repeat is a process, that differs
    by `between`.
    """
    true = TRUE | changed
    rng = np.random.default_rng(seed)
    laws = {
        "loop": ([1, 2, 4, 8, topics], true["t_tick"], true["t_call"]),
        "ffi": ([1, 192, 12288], true["t_ffi"], 0.0),
        "kernel": (SIZES, true["t_kernel"], true["t_event"]),
        "fabric": ([1, 192, 12288], true["t_fabric"], 0.0),
    }
    if "t_refill" in changed:
        laws["refill"] = ([*SIZES, 24576], true["t_tick"] + 16 * true["t_call"], true["t_refill"])
    if "t_send" in changed:
        laws["send"] = (SIZES, true["t_send"], true["t_send_event"])
    levels = 1 + between * np.random.default_rng([seed, 1]).standard_normal(5)
    samples = {}
    for term, (sizes, fixed, slope) in laws.items():
        n = np.repeat(np.array(sizes, dtype=float), 5)
        costs = fixed + slope * n
        if switch and term == "kernel":
            costs += (true["t_event_direct"] - slope) * np.minimum(n, switch)
        if term == "refill":
            costs += (true["t_refill_full"] - slope) * np.minimum(n, L2_EVENTS)
        process = np.tile(np.arange(5), len(sizes))
        seconds = costs * levels[process] * (1 + noise * rng.standard_normal(n.size))
        samples[term] = Timings(n.tolist(), seconds.tolist(), process.tolist())
    fabric = "shared-memory" if "t_send" in changed else "loopback"
    # Without a refill no cache is ever full.
    caches = {"L2": 64 * L2_EVENTS if "t_refill" in changed else 2**30}
    conditions = Conditions(topics, 4, "asyncio", fabric, caches, switch)
    copied = ([1.0, 12288.0], [1e-7, 12288 * 2e-9]) if copies else ([], [])
    created = f"2026-01-{1 + seed % 28:02d}T00:00:00+00:00"
    return Calibration(HOST | (host or {}), created, conditions, samples, copied)
