"""Exceptions of verbs, each with its remedy."""

from __future__ import annotations

import resource
from pathlib import Path

PAGE = resource.getpagesize()


class RdmaError(RuntimeError):
    """Base of everything that verbs report.

    Attributes
    ----------
    delivered : int
        What is known to have reached the peer, or come from it, where this ended a stream:
        messages, or the events of a fabric.
    """

    delivered = 0


class NoDeviceError(RdmaError):
    """There is no RDMA device, no such device, or none with an active port."""


class UnreachableError(RdmaError):
    """There is no way from one port to the other: no route, or a GID that fits no more."""


class MemlockError(RdmaError, MemoryError):
    """Registering would pin more pages than RLIMIT_MEMLOCK allows."""


class PartialPostError(RdmaError):
    """The device took only the first requests of a list; those are live.

    Attributes
    ----------
    posted : int
        Requests of the list that the device took.
    """

    def __init__(self, message: str, posted: int = 0) -> None:
        super().__init__(message)
        self.posted = posted


class CompletionError(RdmaError):
    """A work request ended in an error; the queue pair is in the error state.

    Attributes
    ----------
    status : int
        ``enum ibv_wc_status``.
    vendor_error : int
        The device's own code.
    position : int
        Stream position of the request that failed; all before it succeeded.
    """

    def __init__(
        self, message: str, status: int = 0, vendor_error: int = 0, position: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.vendor_error = vendor_error
        self.position = position


class LocalOperationError(CompletionError):
    """A request of this side cannot be carried out.

    Soft-RoCE says no more than this, also where a NIC would tell the length from the
    protection.
    """


class LocalLengthError(LocalOperationError):
    """A message was longer than the receive that took it."""


class LocalProtectionError(LocalOperationError):
    """A request names local memory that its registration does not allow."""


class FlushedError(CompletionError):
    """The request was still queued when the queue pair entered the error state."""


class RemoteInvalidRequestError(CompletionError):
    """The peer refused a request that it cannot serve, as a message too long for its receive."""


class RemoteAccessError(CompletionError):
    """The peer's registration does not allow the access: key, range or right."""


class RemoteOperationError(CompletionError):
    """The peer could not complete the request, for a fault on its own side."""


class RetryExceededError(CompletionError):
    """No acknowledgement within timeout x (retries + 1): peer gone or path cut."""


class ReceiverNotReadyError(CompletionError):
    """The peer had no receive posted for longer than the retries allow."""


class CompletionQueueOverrunError(RdmaError):
    """More completions than the queue holds: entries were lost."""


class QueuePairFatalError(RdmaError):
    """The device moved the queue pair to the error state by itself."""


class PortDownError(RdmaError):
    """The port lost its link."""


class DeviceRemovedError(RdmaError):
    """The device is gone or in a fatal state."""


class PeerDiedError(RdmaError):
    """The peer's process ended without closing the connection; see `delivered`."""

    def __init__(self, message: str, delivered: int = 0) -> None:
        super().__init__(message)
        self.delivered = delivered


# enum ibv_wc_status
_BY_STATUS: dict[int, type[CompletionError]] = {
    1: LocalLengthError,
    2: LocalOperationError,
    4: LocalProtectionError,
    5: FlushedError,
    8: LocalProtectionError,
    9: RemoteInvalidRequestError,
    10: RemoteAccessError,
    11: RemoteOperationError,
    12: RetryExceededError,
    13: ReceiverNotReadyError,
}
# enum ibv_event_type; events that need no action (a port that came up) are absent.
_BY_EVENT: dict[int, type[RdmaError]] = {
    0: CompletionQueueOverrunError,
    1: QueuePairFatalError,
    2: QueuePairFatalError,
    3: QueuePairFatalError,
    8: DeviceRemovedError,
    10: PortDownError,
}


def completion_error(
    status: int, words: str, vendor_error: int, position: int, side: str
) -> CompletionError:
    """Return the exception for a failed completion.

    Parameters
    ----------
    status : int
        ``enum ibv_wc_status``.
    words : str
        What libibverbs calls it.
    vendor_error : int
        The device's own code.
    position : int
        Stream position of the request.
    side : str
        ``"send"`` or ``"receive"``.

    Returns
    -------
    CompletionError
        Of the subclass for the status, else of the base class.
    """
    kind = _BY_STATUS.get(status, CompletionError)
    return kind(
        f"{side} {position}: {words} (vendor code {vendor_error:#x})",
        status=status,
        vendor_error=vendor_error,
        position=position,
    )


def event_error(event: int, words: str) -> RdmaError | None:
    """Return the exception for an asynchronous event, or None where it is no fault."""
    kind = _BY_EVENT.get(event)
    return kind(words) if kind else None


def pages_spanned(address: int, length: int) -> int:
    """Return how many pages a registration of `length` bytes at `address` pins."""
    return (address + length - 1) // PAGE - address // PAGE + 1


def memlock_error(address: int, length: int) -> MemlockError:
    """Explain the bare ENOMEM of a registration, with what it wants and how to allow it."""
    pages = pages_spanned(address, length)
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    status = Path("/proc/self/status").read_text()
    pinned = next((int(line.split()[1]) for line in status.splitlines() if "VmPin" in line), 0)
    allowed = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit // 1024} KiB"
    return MemlockError(
        f"registering {length} bytes pins {pages} pages ({pages * PAGE // 1024} KiB) on top of "
        f"{pinned} KiB, and the memlock limit is {allowed}: raise it by '* - memlock unlimited' in "
        "/etc/security/limits.d/rdma.conf (log in again), LimitMEMLOCK=infinity (systemd unit) "
        "or --ulimit memlock=-1 (container)"
    )
