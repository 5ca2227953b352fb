"""Hypervisor check: its presence, and the time it gave to others."""

from __future__ import annotations

from aethermodel.doctor.finding import Finding
from aethermodel.measure.host.system_files import Roots, field_of, text_of
from aethermodel.text.percentages import percentage

# Since boot. A thousandth already shows in P99.9; from a tenth on medians move too.
_NOTICED, _RUINOUS = 0.001, 0.1


def check(roots: Roots) -> list[Finding]:
    """Look for a hypervisor, and at the time stolen since boot."""
    return [_virtual(roots), _stolen(roots)]


def _virtual(roots: Roots) -> Finding:
    name = "virtualisation"
    flags = field_of(roots.proc / "cpuinfo", "flags")
    if flags is None:
        why = "/proc/cpuinfo has no flags that tell"
        return Finding(area="processor", name=name, level="warn", value=None, why=why)
    if "hypervisor" in flags.split():
        why = "neighbours may take core, cache and memory bandwidth, unseen from here"
        return Finding(area="processor", name=name, level="warn", value="virtual machine", why=why)
    why = "no hypervisor below"
    return Finding(area="processor", name=name, level="good", value="bare metal", why=why)


def _stolen(roots: Roots) -> Finding:
    name = "steal time"
    words = (text_of(roots.proc / "stat") or "").split("\n", 1)[0].split()
    # user nice system idle iowait irq softirq steal; what follows is contained in user and nice.
    try:
        ticks = [int(word) for word in words[1:9]]
    except ValueError:
        ticks = []
    if words[:1] != ["cpu"] or len(ticks) < 8 or not sum(ticks):
        why = "/proc/stat does not tell it"
        return Finding(area="processor", name=name, level="warn", value=None, why=why)
    share = ticks[7] / sum(ticks)
    value = f"{percentage(share, 2)} since boot"
    if share < _NOTICED:
        why = "the hypervisor, if any, gave (almost) no time to others"
        return Finding(area="processor", name=name, level="good", value=value, why=why)
    return Finding(
        area="processor",
        name=name,
        level="bad" if share >= _RUINOUS else "warn",
        value=value,
        why="cores stood still while others ran; samples in which it happens are taken again",
        remedy=("a dedicated instance, or pinned virtual processors",),
    )
