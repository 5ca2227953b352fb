"""Every campaign, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tools.torture.fault_campaign import Campaign


@dataclass(frozen=True)
class FunctionIn:
    """A function that is imported where it is called: in the process of the trials.

    Attributes
    ----------
    module : str
        Below this package.
    name : str
    """

    module: str
    name: str = "prepare"

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        found: Callable[..., Any] = getattr(
            import_module(f"{__package__}.{self.module}"), self.name
        )
        return found

    def __call__(self, *args: Any) -> Any:
        """Import and call it."""
        return self.function(*args)


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
        prepare=FunctionIn("kills.ring_kills"),
        short=150,
        fabric="shared-memory",
    ),
    Campaign(
        "bus-kills",
        "signal 9 to a producer or to the bus, joined by a ring",
        unit="kills",
        share=2,
        prepare=FunctionIn("kills.bus_kills", "over_shm"),
        short=60,
        fabric="shared-memory",
    ),
    Campaign(
        "tcp-kills",
        "signal 9 to a producer or to the bus, joined by TCP over loopback",
        unit="kills",
        share=3,
        prepare=FunctionIn("kills.bus_kills", "over_tcp"),
        short=60,
        fabric="kernel-tcp",
    ),
    Campaign(
        "tcp-streams",
        "streams spoiled on their way: flipped, cut, reordered, repeated, dripped",
        unit="streams",
        share=7,
        prepare=FunctionIn("streams.spoiled_streams"),
        short=40,
        fabric="kernel-tcp",
    ),
    Campaign(
        "files",
        "mutated files, for every reader of a file",
        unit="inputs",
        share=16,
        prepare=FunctionIn("inputs.fuzzed_inputs", "files"),
        short=1500,
        warm_up=6,
        again=FunctionIn("inputs.fuzzed_inputs", "file_again"),
    ),
    Campaign(
        "coverage",
        "inputs for the readers of files that coverage guides, where atheris is installed",
        unit="inputs",
        share=2,
        prepare=FunctionIn("inputs.guided_fuzzing"),
        short=1,
        limit=200,
        blocked=_no_atheris,
        again=FunctionIn("inputs.fuzzed_inputs", "file_again"),
    ),
    Campaign(
        "frames",
        "mutated frames: ring greetings and headers, Arrow capsules, handshakes, recordings",
        unit="inputs",
        share=4,
        prepare=FunctionIn("inputs.fuzzed_inputs", "frames"),
        short=6000,
        again=FunctionIn("inputs.fuzzed_inputs", "frame_again"),
    ),
    Campaign(
        "schedules",
        "threads that close what others use, forks, batches that change, cancelled sends",
        unit="schedules",
        share=2,
        prepare=FunctionIn("kills.schedules"),
        short=60,
    ),
    Campaign(
        "sweep-kills",
        "signal 9 to a sweep or to a process below it; then it is run to its end",
        unit="kills",
        share=3,
        prepare=FunctionIn("kills.sweep_kills"),
        short=1,
        limit=2400,
    ),
    Campaign(
        "limits",
        "commands short of memory, disk, descriptors or shared memory, or interrupted",
        unit="commands",
        share=2,
        prepare=FunctionIn("limits.resource_limits"),
        short=4,
        limit=900,
    ),
    Campaign(
        "verbs-kills",
        "signal 9 to a producer or to the bus, joined by an RDMA device",
        unit="kills",
        share=2,
        prepare=FunctionIn("kills.bus_kills", "over_verbs"),
        short=4,
        fabric="soft-roce",
        limit=600,
        blocked=_no_device,
    ),
)
CAMPAIGNS: dict[str, Campaign] = {campaign.name: campaign for campaign in _ALL}
