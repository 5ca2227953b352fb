"""Verbs without a device: availability, names of faults, what a peer may tell."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)
from hypothesis import given
from hypothesis import strategies as st

import cython_core
from cython_core import verbs
from cython_core.verbs import errors
from cython_core.verbs.endpoint import PACKED_BYTES, Endpoint


def test_availability_comes_with_a_reason() -> None:
    available, reason = cython_core.rdma_available()
    devices = list(Path("/sys/class/infiniband").glob("*"))
    assert devices or not available  # one that may not be opened is none
    assert "\n" not in reason and len(reason) > 10


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (1, errors.LocalLengthError),
        (2, errors.LocalOperationError),
        (4, errors.LocalProtectionError),
        (5, errors.FlushedError),
        (9, errors.RemoteInvalidRequestError),
        (10, errors.RemoteAccessError),
        (11, errors.RemoteOperationError),
        (12, errors.RetryExceededError),
        (13, errors.ReceiverNotReadyError),
        (21, errors.CompletionError),
    ],
)
def test_each_status_has_its_exception(status: int, kind: type[Exception]) -> None:
    error = errors.completion_error(status, "words", 0x77, 42, "send")
    assert type(error) is kind
    assert (error.status, error.vendor_error, error.position) == (status, 0x77, 42)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (0, errors.CompletionQueueOverrunError),
        (1, errors.QueuePairFatalError),
        (8, errors.DeviceRemovedError),
        (10, errors.PortDownError),
        (9, type(None)),
    ],
)
def test_each_event_has_its_exception(event: int, kind: type) -> None:
    assert type(errors.event_error(event, "words")) is kind


@given(st.integers(0, 2**48), st.integers(1, 2**32))
def test_pages_spanned(address: int, length: int) -> None:
    pages = {address // errors.PAGE, (address + length - 1) // errors.PAGE}
    assert errors.pages_spanned(address, length) == max(pages) - min(pages) + 1


ENDPOINTS = st.builds(
    Endpoint,
    number=st.integers(0, 2**24 - 1),
    psn=st.integers(0, 2**24 - 1),
    gid=st.binary(min_size=16, max_size=16),
    lid=st.integers(0, 2**16 - 1),
    mtu=st.sampled_from([256, 512, 1024, 2048, 4096]),
    address=st.integers(0, 2**64 - 1),
    length=st.integers(0, 2**64 - 1),
    key=st.integers(0, 2**32 - 1),
    delivered=st.integers(-1, 2**63 - 1),
)


@given(ENDPOINTS)
def test_endpoint_survives_the_wire(endpoint: Endpoint) -> None:
    assert Endpoint.from_bytes(endpoint.to_bytes()) == endpoint


def test_keys_stay_out_of_repr() -> None:
    secret = replace(Endpoint(1, 2, bytes(16), 0, 1024), key=987654321, credit_key=987654322)
    assert "98765432" not in repr(secret)


@given(st.binary(min_size=PACKED_BYTES - 1, max_size=PACKED_BYTES + 1))
def test_a_peer_cannot_tell_nonsense(packed: bytes) -> None:
    """Whatever comes is an endpoint whose numbers are in range, or refused."""
    try:
        endpoint = Endpoint.from_bytes(packed)
    except ValueError:
        return
    assert endpoint.to_bytes() == packed
    assert max(endpoint.number, endpoint.psn) < 2**24
    assert endpoint.mtu < 2**13 and endpoint.delivered >= -1


@pytest.mark.parametrize(
    ("name", "value"), [("number", 2**24), ("psn", 2**24), ("mtu", 2**13), ("delivered", -2)]
)
def test_a_number_out_of_range_is_refused(name: str, value: int) -> None:
    wrong = replace(Endpoint(1, 2, bytes(16), 0, 1024), **{name: value})
    with pytest.raises(ValueError, match=f"{name} is out of range"):
        Endpoint.from_bytes(wrong.to_bytes())


@pytest.mark.parametrize(
    "kind",
    [
        verbs.Device,
        verbs.ProtectionDomain,
        verbs.RdmaBuffer,
        verbs.CompletionQueue,
        verbs.QueuePair,
        verbs.SendStream,
        verbs.ReceiveStream,
        verbs.BatchStream,
    ],
)
def test_what_was_never_opened_refuses_everything(kind: Any) -> None:
    unopened = kind.__new__(kind)
    for name in dir(unopened):
        if name.startswith("__") and name not in ("__len__", "__repr__", "__enter__", "__exit__"):
            continue
        for arguments in ((), (1,), (1, 1, 1), (unopened,), (None,)):
            with contextlib.suppress(Exception):  # whatever it is, it is no crash
                found = getattr(unopened, name)
                found(*arguments) if callable(found) else None
    with pytest.raises(Exception, match=r"closed|None|no attribute"):
        getattr(unopened, {"Device": "check", "QueuePair": "endpoint"}.get(kind.__name__, "poll"))()
