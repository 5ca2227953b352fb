"""Software check: event loop, SIMD and checksum variants, performance counters, TCP's pacing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from aethermodel.doctor.finding import Finding, Level
from aethermodel.measure.host.system_files import (
    Roots,
    field_of,
    holds_capability,
    number_of,
    text_of,
)
from cython_core import checksum_variant, checksum_variants, simd_variant, simd_variants

# Variant by a flag of /proc/cpuinfo without which the processor has not its instructions.
_WIDER = {"v4": "avx512f", "v3": "avx2"}
_CAP_PERFMON, _CAP_SYS_ADMIN = 38, 21


def check(
    roots: Roots,
    environment: Mapping[str, str] | None = None,
    variants: tuple[str, ...] | None = None,
    chosen: str | None = None,
) -> list[Finding]:
    """Look at uvloop, the variants of kernels and checksums, hardware counters, and TCP.

    Parameters
    ----------
    roots : Roots
    environment : mapping, optional
        In which ``AETHER_SIMD`` may stand; this process's by default.
    variants : tuple of str, optional
        Variants that the build has and the processor supports, narrowest first.
    chosen : str, optional
        The variant that runs.
    """
    forced = (os.environ if environment is None else environment).get("AETHER_SIMD")
    simd = _simd(roots, forced, variants or simd_variants(), chosen or simd_variant())
    return [_uvloop(), simd, _checksum(), _counters(roots), _congestion(roots)]


def _uvloop() -> Finding:
    try:
        value = version("uvloop")
    except PackageNotFoundError:
        why = "asyncio's own loop costs about twice as much a tick"
        return _line("uvloop", "warn", "not installed", why, ("pip install uvloop",))
    return _line("uvloop", "good", value, "the event loop of choice; --loop asyncio for the other")


def _simd(roots: Roots, forced: str | None, variants: tuple[str, ...], chosen: str) -> Finding:
    name, value = "SIMD variant", f"{chosen} of {', '.join(variants)}"
    if forced and chosen != variants[-1]:
        why = f"AETHER_SIMD={forced} forces it; this processor can run {variants[-1]}"
        return _line(name, "warn", value, why, ("unset AETHER_SIMD",))
    if forced:
        return _line(name, "good", value, f"AETHER_SIMD={forced} asks for the widest there is")
    if chosen == "v3" and variants[-1] == "v4":
        why = "Intel's cores run what follows 512 bits slower; AETHER_SIMD=v4 asks for them"
        return _line(name, "good", value, why)
    flags = (field_of(roots.proc / "cpuinfo", "flags") or "").split()
    for wider, flag in _WIDER.items():
        if wider in variants:
            break
        if flag in flags:
            why = f"the processor has {flag}, but not all of x86-64-{wider}, or the build lacks it"
            return _line(name, "warn", value, why)
    return _line(name, "good", value, "the widest that this processor and this build have")


def _checksum() -> Finding:
    chosen, why = checksum_variant()
    return _line("checksum variant", "good", f"{chosen} of {', '.join(checksum_variants())}", why)


def _counters(roots: Roots) -> Finding:
    name = "hardware counters"
    level = number_of(roots.proc / "sys/kernel/perf_event_paranoid")
    if level is None:
        return _line(name, "warn", None, "/proc/sys/kernel/perf_event_paranoid is not readable")
    units = roots.sys / "bus/event_source/devices"
    # Hybrid processors and ARM name theirs otherwise, but each has a cpu's event list.
    if not any((units / unit).exists() for unit in ("cpu", "cpu_core", "armv8_pmuv3_0")):
        why = "the (virtual) processor shows none: no cycles, cache misses or stalls from perf"
        return _line(name, "warn", "none", why)
    value = f"perf_event_paranoid {level}"
    privileged = any(holds_capability(roots, bit) for bit in (_CAP_PERFMON, _CAP_SYS_ADMIN))
    if level <= 2 or privileged:
        return _line(name, "good", value, "perf stat -p works on own processes")
    remedy = ("sysctl -w kernel.perf_event_paranoid=2",)
    return _line(name, "warn", value, "perf is refused to this user", remedy)


def _congestion(roots: Roots) -> Finding:
    name, path = "TCP congestion control", "sys/net/ipv4/tcp_congestion_control"
    value = text_of(roots.proc / path)
    if not value:
        return _line(name, "warn", None, f"/proc/{path} is not readable")
    if value in ("cubic", "reno"):
        return _line(name, "good", value, "over loopback it keeps out of the way")
    if value.startswith("bbr"):
        why = "it paces what goes over loopback, too, now and again; the bus takes Reno there"
        remedy = ("while measuring: sysctl -w net.ipv4.tcp_congestion_control=cubic",)
        return _line(name, "warn", value, why, remedy)
    return _line(name, "warn", value, "what it does over loopback was not tried here")


def _line(
    name: str, level: Level, value: str | None, why: str, remedy: tuple[str, ...] = ()
) -> Finding:
    return Finding(area="software", name=name, level=level, value=value, why=why, remedy=remedy)
