"""Message sizes in command lines that a log shows before each result."""

from __future__ import annotations

import re

from aethermodel.inputs.sizes import size_of

_OPTION = {
    "sockperf": re.compile(r"(?:\s-m\s*|\s--msg-size[= ]\s*)(\d+)(?!\S)"),
    "ucx_perftest": re.compile(r"\s-s\s*(\d+(?:,\d+)*)(?!\S)"),
    "iperf3": re.compile(r"(?:\s-l\s*|\s--length[= ]\s*)(\d+[KMG]?)(?!\S)"),
}


def size_in_command(line: str, program: str) -> int | None:
    """Return the message size that a command line asks for, such as ``sockperf pp -m 64``.

    Parameters
    ----------
    line : str
        A line of a log, as ``set -x`` shows commands.
    program : str
    """
    if program not in line:
        return None
    found = _OPTION[program].search(line)
    if found is None:
        return None
    return sum(size_of(part) for part in found[1].split(",") if int(part.rstrip("KMG") or 0))
