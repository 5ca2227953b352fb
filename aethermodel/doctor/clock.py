"""Clock check: resolution and cost."""

from __future__ import annotations

from aethermodel.doctor.finding import Finding
from aethermodel.measure.host.system_files import Roots, text_of
from cython_core import clock_cost_ns, clock_resolution_ns

# Read without a system call (vDSO).
_FAST = ("tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page")
# A probe's sample lasts 1 ms or more; a reading of 1 µs would be a thousandth of it.
_DEAR_NS = 200.0
_COARSE_NS = 1_000.0


def check(
    roots: Roots, resolution_ns: float | None = None, cost_ns: float | None = None
) -> list[Finding]:
    """Look at the clock source, the step of the clock, and the cost of a reading.

    Parameters
    ----------
    roots : Roots
    resolution_ns, cost_ns : float, optional
        Nanoseconds; measured here if left out.
    """
    return [
        _source(roots),
        _timer(
            clock_resolution_ns() if resolution_ns is None else resolution_ns,
            clock_cost_ns() if cost_ns is None else cost_ns,
        ),
    ]


def _source(roots: Roots) -> Finding:
    name = "clock source"
    folder = roots.sys / "devices/system/clocksource/clocksource0"
    source = text_of(folder / "current_clocksource")
    if not source:
        why = "not readable; the cost of a reading below tells enough"
        return Finding(area="clock", name=name, level="warn", value=None, why=why)
    if source in _FAST:
        why = "read without a system call"
        return Finding(area="clock", name=name, level="good", value=source, why=why)
    offered = (text_of(folder / "available_clocksource") or "").split()
    remedy = tuple(
        f"echo {other} > {folder / 'current_clocksource'}" for other in _FAST if other in offered
    )
    why = "each reading is a system call, or worse: it shows in short samples"
    return Finding(area="clock", name=name, level="warn", value=source, why=why, remedy=remedy[:1])


def _timer(resolution: float, cost: float) -> Finding:
    name, value = "timer", f"step {resolution:,.0f} ns, {cost:,.0f} ns a reading"
    if resolution <= _COARSE_NS and cost <= _DEAR_NS:
        why = "fine enough for samples of a millisecond"
        return Finding(area="clock", name=name, level="good", value=value, why=why)
    why = "too coarse or too dear for short samples: use longer ones"
    return Finding(area="clock", name=name, level="warn", value=value, why=why)
