"""Host folder: the name under which figures of this host stand in ``data/benchmarks``.

By the numbers that the processor itself gives: what it is called does not tell its generation on a
virtual machine.
"""

from __future__ import annotations

from pathlib import Path

#: What stands above a host's figures, by its folder.
WORDS = {
    "amd-zen3": "2 cores of an AMD EPYC (Zen 3) in a virtual machine, shared with neighbours",
    "amd-zen4": "2 cores of an AMD EPYC (Zen 4, AVX-512) in a virtual machine",
    "amd-zen5": "2 cores of an AMD EPYC (Zen 5, AVX-512) in a virtual machine",
    "intel-xeon": "2 cores of an Intel Xeon (AVX-512, L2 2 MiB a core) in a virtual machine",
}
# Models of AMD's family 25 that are Zen 4; its others are Zen 3. Linux, arch/x86/kernel/cpu/amd.c.
_ZEN_4 = {*range(0x10, 0x20), *range(0x60, 0xB0)}
# Models of Intel's family 6 with 2 MiB of L2 a core: Sapphire Rapids and Emerald Rapids.
_XEON = {143, 207}


def folder_of(cpuinfo: str) -> str:
    """Return the folder of the host that a ``/proc/cpuinfo`` tells of.

    Raises
    ------
    ValueError
        If it is of a kind that has none.
    """
    facts = dict[str, str]()
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    vendor = facts.get("vendor_id")
    family, model = (int(facts.get(key, -1)) for key in ("cpu family", "model"))
    if vendor == "GenuineIntel" and family == 6 and model in _XEON:
        return "intel-xeon"
    if vendor == "AuthenticAMD" and family == 26:
        return "amd-zen5"
    if vendor == "AuthenticAMD" and family == 25:
        return "amd-zen4" if model in _ZEN_4 else "amd-zen3"
    raise ValueError(f"no folder for a processor of {vendor}, family {family}, model {model}")


def this_folder() -> str:
    """Return the folder of this host.

    Raises
    ------
    ValueError
        As `folder_of`.
    """
    return folder_of(Path("/proc/cpuinfo").read_text("utf-8"))
