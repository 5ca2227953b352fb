"""Memlock check: whether a registration fits RLIMIT_MEMLOCK, and the setting to change."""

from __future__ import annotations

from dataclasses import dataclass

from aethermodel.doctor.finding import Finding, Level
from aethermodel.doctor.pinned_memory import PAGE, Registration
from aethermodel.inputs.sizes import memory
from aethermodel.measure.host.system_files import Roots, field_of, holds_capability, text_of

_CAP_IPC_LOCK = 14
UNLIMITED = float("inf")


@dataclass(frozen=True)
class Allowance:
    """What this process may pin.

    Attributes
    ----------
    soft, hard : float
        RLIMIT_MEMLOCK in bytes; infinite where unlimited.
    pinned : int
        Bytes that are pinned already.
    exempt : bool
        Whether CAP_IPC_LOCK lifts the limit. It does so only in the first user namespace:
        root in a rootless container has the bit and not the right.
    """

    soft: float
    hard: float
    pinned: int
    exempt: bool

    @classmethod
    def of(cls, roots: Roots) -> Allowance | None:
        """Read it from ``/proc/self``; None where the limit cannot be read."""
        own = roots.proc / "self"
        for line in (text_of(own / "limits") or "").splitlines():
            if line.startswith("Max locked memory"):
                try:
                    soft, hard = (_limit(word) for word in line.split()[3:5])
                except ValueError:
                    return None
                # A kernel without VmPin counts nothing as pinned either.
                pinned = _kib(field_of(own / "status", "VmPin")) or 0
                return cls(soft, hard, pinned, _exempt(roots))
        return None

    def fits(self, registration: Registration) -> bool:
        """Whether the kernel will let a registration through."""
        return self.exempt or self.pinned + registration.pinned_bytes <= self.soft


def _limit(word: str) -> float:
    return UNLIMITED if word == "unlimited" else int(word)


def _exempt(roots: Roots) -> bool:
    mapped = (text_of(roots.proc / "self/uid_map") or "").split()
    first_namespace = mapped == ["0", "0", "4294967295"]
    return first_namespace and holds_capability(roots, _CAP_IPC_LOCK)


def remedy(needed: int, hard: float = 0) -> tuple[str, ...]:
    """Return how to allow so many pinned bytes, ready to be pasted.

    Parameters
    ----------
    needed : int
        Bytes.
    hard : float
        The hard limit in bytes: a shell may raise the soft one so far by itself.
    """
    kib = -(-needed // 1024)
    shell = (f"this shell: ulimit -l {kib}",) if needed <= hard else ()
    return (
        *shell,
        "/etc/security/limits.d/rdma.conf (PAM reads it at log-in: log in again):",
        "    # RDMA pinning requires unlimited memlock",
        "    * soft memlock unlimited",
        "    * hard memlock unlimited",
        "systemd unit (no PAM there; then systemctl daemon-reload and restart):",
        "    [Service]",
        "    LimitMEMLOCK=infinity",
        "container: --ulimit memlock=-1:-1",
        f"instead of unlimited, at least: limits.d {kib}; LimitMEMLOCK={kib}K; "
        f"--ulimit memlock={kib * 1024}:{kib * 1024}",
    )


def check(roots: Roots, registration: Registration | None = None) -> list[Finding]:
    """Hold the limit, and the memory there is, against a planned registration.

    Parameters
    ----------
    roots : Roots
    registration : Registration, optional
        What is planned; without it only the limit is told.
    """
    allowance = Allowance.of(roots)
    if registration is None:
        return [_limit_line(allowance, remedy(2**30, allowance.hard if allowance else 0))]
    return [
        _limit_line(allowance),
        _plan_line(allowance, registration),
        _memory_line(roots, registration),
    ]


def _limit_line(allowance: Allowance | None, advice: tuple[str, ...] = ()) -> Finding:
    name = "memlock limit"
    if allowance is None:
        return _line(name, "warn", None, "/proc/self/limits cannot be read; see ulimit -l", advice)
    value = "unlimited" if allowance.soft == UNLIMITED else memory(allowance.soft)
    if allowance.soft == UNLIMITED:
        return _line(name, "good", value, "any registration may pin what it needs")
    if allowance.exempt:
        why = "this process has CAP_IPC_LOCK, so the limit does not bind it; others it does"
        return _line(name, "good", value, why)
    why = f"a registration that pins more fails with a bare ENOMEM; {memory(allowance.pinned)} is"
    return _line(name, "warn", value, f"{why} pinned already", advice)


def _plan_line(allowance: Allowance | None, plan: Registration) -> Finding:
    name = "planned registration"
    value = (
        f"{plan.pages:,} pages of {PAGE // 1024} KiB = {memory(plan.pinned_bytes)} "
        f"({plan.buffer_pages:,} of the region, about {plan.queue_pages:,} of "
        f"{plan.queue_pairs:,} queue pairs)"
    )
    if allowance is None:
        return _line(name, "warn", value, "the memlock limit to hold it against cannot be read")
    needed = allowance.pinned + plan.pinned_bytes
    if allowance.exempt:
        return _line(name, "good", value, "CAP_IPC_LOCK: the memlock limit does not bind")
    if allowance.fits(plan):
        return _line(name, "good", value, "within the memlock limit")
    why = (
        f"with {memory(allowance.pinned)} pinned already it needs {memory(needed)}, the limit is "
        f"{memory(allowance.soft)}: ibv_reg_mr will fail with ENOMEM"
    )
    if plan.huge:
        why += "; huge pages count in base pages and spare nothing of it"
    return _line(name, "bad", value, why, remedy(needed, allowance.hard))


def _memory_line(roots: Roots, plan: Registration) -> Finding:
    meminfo = roots.proc / "meminfo"
    if plan.huge:
        return _huge_line(roots, plan)
    available = _kib(field_of(meminfo, "MemAvailable"))
    if available is None:
        return _line("memory to pin", "warn", None, "MemAvailable in /proc/meminfo is not readable")
    value = f"{memory(available)} available"
    if plan.pinned_bytes > available:
        why = "pinned pages cannot be swapped out, and there are not so many"
        return _line("memory to pin", "bad", value, why, ("register less, or free memory first",))
    return _line("memory to pin", "good", value, "enough; pinned pages are never swapped out")


def _huge_line(roots: Roots, plan: Registration) -> Finding:
    meminfo, name = roots.proc / "meminfo", "huge pages"
    size, free = _kib(field_of(meminfo, "Hugepagesize")), field_of(meminfo, "HugePages_Free")
    if not size or free is None or not free.isdigit():
        return _line(name, "warn", None, "/proc/meminfo tells of no huge pages")
    wanted = -(-plan.size // size)
    value = f"{int(free):,} of {memory(size)} free, {wanted:,} wanted"
    if int(free) >= wanted:
        return _line(name, "good", value, "enough; the device's page table stays short")
    total = int(field_of(meminfo, "HugePages_Total") or 0)
    return _line(
        name,
        "bad",
        value,
        "mapping the region in huge pages will fail",
        (f"sysctl -w vm.nr_hugepages={total + wanted - int(free)}",),
    )


def _kib(text: str | None) -> int | None:
    words = (text or "").split()
    return int(words[0]) * 1024 if words and words[0].isdigit() else None


def _line(
    name: str, level: Level, value: str | None, why: str, remedy: tuple[str, ...] = ()
) -> Finding:
    return Finding(area="memory", name=name, level=level, value=value, why=why, remedy=remedy)
