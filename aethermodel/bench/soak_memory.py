"""Private memory of a process, as the kernel accounts it, and how much of it a soak may grow."""

from __future__ import annotations

from pathlib import Path

#: Allocators keep some slack: less than this over a whole soak is no growth.
MOST_GROWN_BYTES = 2**20
# Pages of files come and go with what else the host does, and are not a process's own.
_OWN = ("RssAnon:", "RssShmem:", "VmSwap:")


def own_bytes(pid: int) -> int:
    """Return anonymous and shared memory in RAM, and what of it was swapped out, in bytes.

    Parameters
    ----------
    pid : int

    Raises
    ------
    OSError
        If there is no such process.

    Notes
    -----
    From ``/proc/PID/status``, see proc_pid_status(5).
    """
    lines = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace").splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(_OWN))
