"""Every campaign, by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tools.torture.fault_campaign import Campaign


def _in(module: str, name: str = "prepare") -> Callable[..., Any]:
    """Return a function that is imported where it is called: in the process of the trials."""

    def call(*args: Any) -> Any:
        return getattr(import_module(f"tools.torture.{module}"), name)(*args)

    return call


def _no_device() -> str | None:
    from cython_core import rdma_available

    available, reason = rdma_available()
    return None if available else " ".join(reason.split())


def _no_atheris() -> str | None:
    return None if find_spec("atheris") else "atheris is not installed: pip install atheris"


_ALL = (
    Campaign(
        "ring-kills",
        "signal 9 to either end of a ring, also with forked kin that holds or closes it",
        unit="kills",
        share=3,
        prepare=_in("ring_kills"),
        short=150,
        fabric="shared-memory",
    ),
    Campaign(
        "bus-kills",
        "signal 9 to a producer or to the bus, joined by a ring",
        unit="kills",
        share=2,
        prepare=_in("bus_kills", "over_shm"),
        short=60,
        fabric="shared-memory",
    ),
    Campaign(
        "tcp-kills",
        "signal 9 to a producer or to the bus, joined by TCP over loopback",
        unit="kills",
        share=3,
        prepare=_in("bus_kills", "over_tcp"),
        short=60,
        fabric="kernel-tcp",
    ),
    Campaign(
        "tcp-streams",
        "streams spoiled on their way: flipped, cut, reordered, repeated, dripped",
        unit="streams",
        share=7,
        prepare=_in("spoiled_streams"),
        short=40,
        fabric="kernel-tcp",
    ),
    Campaign(
        "files",
        "mutated files, for every reader of a file",
        unit="inputs",
        share=16,
        prepare=_in("inputs", "files"),
        short=1500,
        warm_up=6,
        again=_in("inputs", "file_again"),
    ),
    Campaign(
        "coverage",
        "inputs for the readers of files that coverage guides, where atheris is installed",
        unit="inputs",
        share=2,
        prepare=_in("guided_fuzzing"),
        short=1,
        limit=200,
        blocked=_no_atheris,
        again=_in("inputs", "file_again"),
    ),
    Campaign(
        "frames",
        "mutated frames: ring greetings and headers, Arrow capsules, handshakes, recordings",
        unit="inputs",
        share=4,
        prepare=_in("inputs", "frames"),
        short=6000,
        again=_in("inputs", "frame_again"),
    ),
    Campaign(
        "schedules",
        "threads that close what others use, forks, batches that change, cancelled sends",
        unit="schedules",
        share=2,
        prepare=_in("schedules"),
        short=60,
    ),
    Campaign(
        "sweep-kills",
        "signal 9 to a sweep or to a process below it; then it is run to its end",
        unit="kills",
        share=3,
        prepare=_in("sweep_kills"),
        short=1,
        limit=2400,
    ),
    Campaign(
        "limits",
        "commands short of memory, disk, descriptors or shared memory, or interrupted",
        unit="commands",
        share=2,
        prepare=_in("resource_limits"),
        short=4,
        limit=900,
    ),
    Campaign(
        "verbs-kills",
        "signal 9 to a producer or to the bus, joined by an RDMA device",
        unit="kills",
        share=2,
        prepare=_in("bus_kills", "over_verbs"),
        short=4,
        fabric="soft-roce",
        limit=600,
        blocked=_no_device,
    ),
)
CAMPAIGNS: dict[str, Campaign] = {campaign.name: campaign for campaign in _ALL}
