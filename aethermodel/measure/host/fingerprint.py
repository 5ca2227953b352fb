"""Host fingerprint: the facts that figures depend on, and an id."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

_CPU = Path("/sys/devices/system/cpu")


class Host(BaseModel):
    """Fingerprint of a host.

    Attributes
    ----------
    id : str
        Twelve hex digits over processor, cores, caches, memory and architecture. Two
        hosts of one make share it; a calibration is valid for either.
    cache_bytes : dict of str to int
        Capacity of each data or unified cache level as one core sees it, by name (``L1``...).
    virtual : bool
        Whether a hypervisor runs below: then steal time and neighbours matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    processor: str
    architecture: str
    cores: int
    cache_bytes: dict[str, int]
    memory_bytes: int
    virtual: bool
    governor: str
    system: str
    python: str
    libraries: dict[str, str]


def _processor() -> tuple[str, bool]:
    model, virtual = platform.processor() or platform.machine(), False
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return model, virtual
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            model = value.strip()
        elif key.strip() == "flags":
            virtual = "hypervisor" in value.split()
            break
    return model, virtual


def _caches() -> dict[str, int]:
    sizes = {}
    for index in sorted(_CPU.glob("cpu0/cache/index*")):
        try:
            kind = (index / "type").read_text().strip()
            level = (index / "level").read_text().strip()
            size = (index / "size").read_text().strip()
        except OSError:
            continue
        if kind in ("Data", "Unified") and size.endswith("K"):
            sizes[f"L{level}"] = int(size[:-1]) * 1024
    return sizes


def _governor() -> str:
    try:
        return (_CPU / "cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return "not readable"


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


@cache
def this_host() -> Host:
    """Read the fingerprint of the machine this runs on; no host name, no user, no address."""
    processor, virtual = _processor()
    lasting = {
        "processor": processor,
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 1,
        "cache_bytes": _caches(),
        # In whole GiB: what the firmware reserves differs from boot to boot.
        "memory_bytes": round(psutil.virtual_memory().total / 2**30) * 2**30,
        "virtual": virtual,
    }
    digest = hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()
    return Host(
        id=digest[:12],
        governor=_governor(),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        libraries={name: _version(name) for name in ("aethermodel", "numpy", "uvloop")},
        **lasting,
    )
