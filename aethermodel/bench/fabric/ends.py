"""Ends of a trial: the host that listens and answers, and the one that calls and measures.

The caller measures and fits, and says the result to the other side: both have the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aethermodel.bench.fabric.exchange_rounds import FabricPlan, Progress, Round, Sample, batches_of
from aethermodel.bench.fabric.exchanges import Framing
from aethermodel.bench.fabric.overhead import Overhead, mean_overhead, overhead_here
from aethermodel.bench.fabric.session import Address, Door, Session, call
from aethermodel.bench.fabric.transports import Carrier, Tcp, Transport, Verbs
from aethermodel.bus.fabrics.key_exchange import SharedKey
from aethermodel.fabrics import FabricLabel
from aethermodel.json_documents import strict_values
from aethermodel.measure.host.fingerprint import this_host

#: Of a document of the result.
SCHEMA = "aethermodel.bench.fabric/1"
#: Version of what the two sides say to each other.
VERSION = 2
# Of an order, which the other side answers at once; a fit, or a host that swaps, is longer.
_SOON, _LATER = 30.0, 600.0
#: Said where the transport does not tell what it sent again.
UNCOUNTED = "the device does not count what it sends again: a loss is not told from a delay"


class Collected(NamedTuple):
    """What a caller has measured.

    Attributes
    ----------
    samples : list of Sample
    framing : Framing
    overhead : Overhead or None
        Mean of both hosts.
    damaged : int
        Batches whose checksum was wrong.
    here, there : dict
        Fingerprints of the host that connected, and of the one that listened.
    fabric : str
        Label of what carried the batches.
    notes : list of str
        What is to be said of how it did.
    """

    samples: list[Sample]
    framing: Framing
    overhead: Overhead | None
    damaged: int
    here: dict[str, Any]
    there: dict[str, Any]
    fabric: FabricLabel = "kernel-tcp"
    notes: tuple[str, ...] = ()


def transport_of(
    carrier: Carrier, address: Address, device: str | None = None, *, listening: bool
) -> Transport:
    """Return what is to carry the batches, as this host has it.

    Parameters
    ----------
    carrier : {"tcp", "verbs"}
    address : Address
        Of the host that listens.
    device : str, optional
        For verbs; by default the one with the address that listens, or from which it is called.
    listening : bool
        Whether this is the host that listens.

    Raises
    ------
    ValueError
        If there is no such device.
    OSError
        If there is no way to the address.
    """
    if carrier == "tcp":
        return Tcp()
    from aethermodel.bench.fabric.host_address import own_address

    return Verbs(device, None if device else own_address(*address, listening=listening))


def listen(
    address: Address,
    key: SharedKey,
    ready: Callable[[Address], None] = lambda _: None,
    transport: Transport | None = None,
) -> dict[str, Any]:
    """Serve one trial, and return its result as the caller has it.

    Parameters
    ----------
    address : Address
        Of this host.
    key : SharedKey
    ready : callable
        Told where it listens, once it does.
    transport : Transport, optional
        What carries the batches; TCP by default.

    Raises
    ------
    OSError
        If the address is not this host's or taken, or the caller leaves before the end.
    """
    transport = transport or Tcp()
    overhead = overhead_here(transport)
    with Door(address, key) as door:
        ready(door.address)
        with door.session() as session:
            return _served(door, session, overhead, transport)


def _served(
    door: Door, session: Session, overhead: Overhead | None, transport: Transport
) -> dict[str, Any]:
    while True:
        order = session.hear(_LATER)
        match order.get("order"):
            case "greet":
                if order.get("version") != VERSION:
                    why = f"this host speaks version {VERSION} of bench fabric"
                    session.say({"error": why})
                    raise ConnectionError(f"the other host has another version; {why}")
                if (other := order.get("carrier")) != transport.name:
                    why = f"this host measures {transport.name}, and the other one {other}"
                    session.say({"error": f"{why}: give both the same --fabric"})
                    raise ConnectionError(f"{why}: give both the same --fabric")
                session.say({"host": this_host().model_dump(mode="json"), "overhead": overhead})
            case "answer":
                answered = transport.answer(door, session, order)
                session.say(answered._asdict())
            case "result":
                session.say({})
                return dict(order["result"])
            case other:
                raise ConnectionError(f"the other host ordered {other!r}, which there is not")


def connect(
    address: Address,
    key: SharedKey,
    plan: FabricPlan,
    progress: Progress | None = None,
    transport: Transport | None = None,
) -> dict[str, Any]:
    """Run a trial with a host that listens, and return its document.

    Parameters
    ----------
    address : Address
        Of the other host.
    key : SharedKey
    plan : FabricPlan
    progress : callable, optional
        Called with (sizes done, sizes in all rounds).
    transport : Transport, optional
        What carries the batches, at the other host as well; TCP by default.

    Raises
    ------
    PeerRefused
        If the other host does not know the key.
    OSError
        If nobody listens there, or the connection breaks.
    ValueError
        If the link loses too much for a law.
    """
    transport = transport or Tcp()
    own = overhead_here(transport)
    with call(address, key) as session:
        collected = collect(address, key, session, plan, own, progress, transport)
        document = document_of(address, plan, collected)
        session.say({"order": "result", "result": document})
        session.hear(_SOON)
    return document


def collect(
    address: Address,
    key: SharedKey,
    session: Session,
    plan: FabricPlan,
    own: Overhead | None,
    progress: Progress | None = None,
    transport: Transport | None = None,
) -> Collected:
    """Exchange what a plan asks for."""
    transport = transport or Tcp()
    session.say({"order": "greet", "version": VERSION, "carrier": transport.name})
    greeting = session.hear(_SOON)
    theirs = greeting["overhead"]
    overhead = mean_overhead(Overhead(*theirs) if theirs else None, own)
    batches, samples, damaged = batches_of(plan.sizes), list[Sample](), 0
    framing = Framing(0, 0)
    for number in range(plan.rounds):
        caller = transport.call(address, key, session, max(plan.sizes))
        try:
            framing, sizes = caller.framing, set[int]()
            for sample in Round(caller, plan, number, batches).samples():
                samples.append(sample)
                if progress and sample.events not in sizes:
                    sizes.add(sample.events)
                    progress(number * len(plan.sizes) + len(sizes), plan.rounds * len(plan.sizes))
        finally:
            caller.close()
        damaged += int(session.hear(_LATER)["damaged"])
    here = this_host().model_dump(mode="json")
    notes = () if transport.counts_resends else (UNCOUNTED,)
    there = greeting["host"]
    return Collected(samples, framing, overhead, damaged, here, there, transport.label, notes)


def document_of(address: Address, plan: FabricPlan, collected: Collected) -> dict[str, Any]:
    """Fit and judge what was collected; return the document of the result."""
    from aethermodel.bench.fabric.trial import FabricTrial

    samples, framing, overhead, damaged, here, there, fabric, notes = collected
    trial = FabricTrial.of(
        samples,
        plan,
        framing,
        overhead,
        source=f"bench fabric, {fabric} to {address}",
        damaged=damaged,
        notes=notes,
    )
    return dict(
        strict_values(
            {
                "schema": SCHEMA,
                "host": here,
                "fabric": fabric,
                "hosts": {"connects": here, "listens": there},
                "address": str(address),
                "framing": framing._asdict(),
                **trial.figures(),
            }
        )
    )
