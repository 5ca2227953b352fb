"""Private memory of a process, as the kernel accounts it."""

from __future__ import annotations

from pathlib import Path

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
