"""Frequency check: governor, turbo and boost."""

from __future__ import annotations

from pathlib import Path

from aethermodel.doctor.finding import Finding
from aethermodel.measure.host.system_files import Roots, text_of


def check(roots: Roots) -> list[Finding]:
    """Look at the governor of every processor, and at turbo."""
    return [_governor(roots), _turbo(roots)]


def _governor(roots: Roots) -> Finding:
    paths = sorted(roots.cpu.glob("cpu[0-9]*/cpufreq/scaling_governor"))
    governors = sorted({text for path in paths if (text := text_of(path))})
    if not governors:
        why = "not readable: the firmware, or the hypervisor's host, sets the frequency"
        return Finding(area="processor", name="governor", level="warn", value=None, why=why)
    value = ", ".join(governors)
    if governors == ["performance"]:
        why = "the frequency does not follow the load"
        return Finding(area="processor", name="governor", level="good", value=value, why=why)
    return Finding(
        area="processor",
        name="governor",
        level="warn",
        value=value,
        why="the frequency follows the load: the first samples after a pause run slower",
        remedy=("cpupower frequency-set -g performance",),
    )


def _turbo(roots: Roots) -> Finding:
    switches: tuple[tuple[Path, str, str], ...] = (
        (roots.cpu / "intel_pstate/no_turbo", "0", "1"),
        (roots.cpu / "cpufreq/boost", "1", "0"),
    )
    for switch, on, off in switches:
        if (state := text_of(switch)) not in (on, off):
            continue
        if state == off:
            return Finding(
                area="processor",
                name="turbo",
                level="good",
                value="off",
                why="the frequency does not depend on temperature and busy neighbours",
            )
        return Finding(
            area="processor",
            name="turbo",
            level="warn",
            value="on",
            why="faster, but by how much depends on temperature and on what other cores do",
            remedy=(f"while measuring: echo {off} > {switch}",),
        )
    why = "not readable: whether the frequency rises by itself is not known"
    return Finding(area="processor", name="turbo", level="warn", value=None, why=why)
