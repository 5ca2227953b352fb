"""Verbs probe: N writes through one queue pair, first post to last completion."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter, sleep
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from aethermodel.measure.probes.settings import setting

if TYPE_CHECKING:
    from cython_core.verbs import Device, SendStream

#: Work requests that the send queue holds: the largest window.
DEPTH = 256
# As the rxe driver names it under hw_counters.
_SENT = "sent_pkts"


class Settings(BaseModel):
    """One setting of the send path.

    Attributes
    ----------
    messages : int
        N, the messages of one batch.
    message_bytes : int
        b, the bytes of each.
    list_length, signal_every, window : int
        p, k and W, with W from p + k - 1 to 256; one of N and k divides the other, so that
        every batch asks for exactly ceil(N/k) completions.
    inline : bool
        Whether requests carry the bytes themselves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: int = setting(1024, "N, messages of one batch", "messages", ge=1, le=2**20)
    message_bytes: int = setting(64, "b, bytes of each", "B", ge=1, le=2**20)
    list_length: int = setting(
        16, "p, work requests posted by one call", "messages", ge=1, le=DEPTH
    )
    signal_every: int = setting(
        16, "k, messages that share one completion", "messages", ge=1, le=DEPTH
    )
    window: int = setting(DEPTH, "W, most messages on their way", "messages", ge=1, le=DEPTH)
    inline: bool = setting(False, "requests carry the bytes themselves")

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        least = self.list_length + self.signal_every - 1
        if self.window < least:
            raise ValueError(
                f"window must be at least list_length + signal_every - 1 = {least}, "
                f"not {self.window}"
            )
        if DEPTH % self.signal_every:
            raise ValueError(f"signal_every must divide {DEPTH}, not {self.signal_every}")
        n, k = self.messages, self.signal_every
        if n % k and k % n:
            raise ValueError(f"one of messages {n} and signal_every {k} must divide the other")
        return self

    @property
    def posts(self) -> int:
        """Doorbells a batch: ceil(N/p)."""
        return -(-self.messages // self.list_length)

    @property
    def completions(self) -> int:
        """Completions a batch: ceil(N/k)."""
        return -(-self.messages // self.signal_every)


class MiscountError(RuntimeError):
    """The send path posted or completed otherwise than the formulas say."""


def prepare(settings: Settings) -> Callable[[int], float]:
    """Connect two queue pairs of one device; all messages share one place in memory.

    Returns
    -------
    callable
        ``loops -> seconds``. It counts: a post or completion more or fewer than
        ceil(N/p) and ceil(N/k) a batch is a MiscountError.

    Raises
    ------
    ImportError, RdmaError
        If there is no device.
    ValueError
        If the device carries fewer bytes inline.
    """
    stream = _connected(settings, _OPEN)

    def timed(loops: int) -> float:
        before = stream.counters
        start = perf_counter()
        for _ in range(loops):
            stream.send(settings.messages, timeout=60)
            stream.drain(timeout=60)
        seconds = perf_counter() - start
        after = stream.counters
        for name, each in (("posts", settings.posts), ("completions", settings.completions)):
            if (found := after[name] - before[name]) != loops * each:
                raise MiscountError(f"{found} {name} of {loops} batches, not {loops * each}")
        return seconds

    return timed


class Counted(NamedTuple):
    """What one batch took.

    Attributes
    ----------
    posts, completions : int
    packets : int or None
        Sent by the device, acknowledgements of its other end included; None where the driver
        does not tell.
    """

    posts: int
    completions: int
    packets: int | None


def count(settings: Settings) -> Counted:
    """Send one batch and return the posts, completions and packets that it took.

    Raises
    ------
    ImportError, RdmaError
        If there is no device.
    """
    with ExitStack() as stack:
        stream = _connected(settings, stack)
        device = stream.queue_pair.domain.device
        before = _sent(device)
        stream.send(settings.messages, timeout=60)
        stream.drain(timeout=60)
        after = _sent(device)
        packets = None if before is None or after is None else after - before
        return Counted(stream.counters["posts"], stream.counters["completions"], packets)


def _sent(device: Device) -> int | None:
    """Read how many packets the driver sent, once its figure is no older than this call."""
    counters = device.counters()
    if _SENT not in counters:
        return None
    # The kernel renews the figures only when they are older than so many milliseconds.
    sleep(2e-3 * counters.get("lifespan", 10))
    return device.counters()[_SENT]


def _connected(settings: Settings, stack: ExitStack) -> SendStream:
    """Make a stream of writes to another queue pair of this process.

    Both ends on one device: what a network adds is missing, on hardware as in software.
    """
    import numpy as np

    from cython_core.verbs import Device, ProtectionDomain, QueuePair, RdmaBuffer, SendStream

    device = stack.enter_context(Device())
    near_domain = stack.enter_context(ProtectionDomain(device))
    far_domain = stack.enter_context(ProtectionDomain(device))
    size = settings.message_bytes
    near_memory = RdmaBuffer(near_domain, np.zeros(size, np.uint8))
    far_memory = RdmaBuffer(far_domain, np.zeros(size, np.uint8), remote_write=True)
    inline = size if settings.inline else 0
    near = QueuePair(near_domain, send_depth=DEPTH, receive_depth=1, inline=inline)
    far = QueuePair(far_domain, send_depth=1, receive_depth=1)
    stream = SendStream(
        near,
        near_memory,
        kind="write",
        size=size,
        slots=DEPTH,
        stride=0,
        list_length=settings.list_length,
        signal_every=settings.signal_every,
        window=settings.window,
        inline=settings.inline,
    )
    # Memory is let go after the stream that reads it, and both after the queue pairs.
    for closing in (near_memory, far_memory, stream, far, near):
        stack.callback(closing.close)
    remote = far.endpoint(far_memory)
    far.connect(near.endpoint())
    near.connect(remote)
    stream.aim(remote)
    return stream


# What sends and what answers live as long as the process that samples.
_OPEN = ExitStack()
