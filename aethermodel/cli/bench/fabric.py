"""`aethermodel bench fabric`: latency and gap of the wire between two hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import announced, measuring

if TYPE_CHECKING:
    from aethermodel.bench.fabric.session import Address
    from aethermodel.bus.fabrics.key_exchange import SharedKey
    from aethermodel.laws.law_group import Laws

Carrier = Literal["tcp", "verbs"]
_NO_SECRET = (
    "both hosts need one secret: --secret-file FILE, or AETHER_FABRIC_KEY_FILE; to make one: "
    "(umask 077; head -c 32 /dev/urandom | base64 > FILE)"
)

Listen = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS[:PORT]",
        help="wait on this address of this host, for one other host [default: none; port 18520]",
    ),
]
Connect = Annotated[
    str | None,
    typer.Option(
        metavar="HOST[:PORT]",
        help="measure the way to a host that listens [default: none; port 18520]",
    ),
]
Carried = Annotated[
    Carrier,
    typer.Option(
        "--fabric",
        help="tcp; or verbs, where the device of one host writes into the ring of the other: the "
        "same on both",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        help="RDMA device of this host, for verbs [default: the one that has the address of this "
        "host]",
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        **options.READ,
        help="file with what both hosts know, which its owner alone may open [default: "
        "AETHER_FABRIC_KEY_FILE]",
    ),
]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        callback=options.writing("JSON"),
        help="law file to write, for predict and report [default: none]",
    ),
]


def command(
    listen: Listen = None,
    connect: Connect = None,
    secret_file: SecretFile = None,
    fabric: Carried = "tcp",
    device: Device = None,
    batch_sizes: Annotated[
        str | None,
        typer.Option(
            "--batch-sizes",
            "-n",
            help="batch sizes to fit; those half-way between are predicted "
            "[default: 1,4,16,...,16384; to 64 packets on Soft-RoCE]",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="fresh connections")] = 3,
    seconds: Annotated[
        float, options.budget("time for the exchanges, about; each size is sent 15 times")
    ] = SECONDS["fabric"],
    seed: options.Seed = None,
    output: Output = None,
    force: options.Force = False,
    json: options.Json = None,
) -> None:
    """Measure the fabric between two hosts: one listens, the other connects; both get the result.

    Example: aethermodel bench fabric --listen 10.0.0.2 --secret-file secret

    Example: aethermodel bench fabric --connect 10.0.0.2 --secret-file secret -o law.json

    Example: aethermodel bench fabric --listen 10.0.0.2 --secret-file secret --fabric verbs

    Batches of events go there, and a record comes back: the time one way, its latency and its
    gap a byte, each with an interval, and the sizes that were held out predicted. Over verbs the
    ring of one host goes into the ring of the other, by RDMA write. Who listens is reached from
    that address alone, and serves one host that knows the secret. Nothing is encrypted. Exit
    status: 0 the mean error on held-out sizes is at most 5 % or in doubt, 1 it is more, 2 bad
    input.
    """
    given: dict[str, Any] = {"rounds": rounds, "seconds": seconds, "seed": seed or 0}
    sizes = options.numbers("--batch-sizes", batch_sizes) if batch_sizes is not None else None
    two_hosts(
        listen,
        connect,
        secret_file,
        (fabric, device),
        (sizes, given),
        output,
        force=force,
        json=json,
    )


def two_hosts(
    listen: str | None,
    connect: str | None,
    secret_file: Path | None,
    carried: tuple[Carrier, str | None],
    planned: tuple[list[int] | None, dict[str, Any]],
    output: Path | None = None,
    *,
    force: bool = False,
    json: str | None = None,
) -> NoReturn:
    """Measure between two hosts, as the options of either command say, and end.

    Parameters
    ----------
    listen, connect, secret_file, output, force, json
        As the command's.
    carried : tuple
        What carries the batches, and the RDMA device.
    planned : tuple
        Batch sizes to fit, None for the usual ones, and what else a plan has.
    """
    from aethermodel.bench.fabric import ends
    from aethermodel.bench.fabric.exchange_rounds import FabricPlan
    from aethermodel.bench.fabric.session import Address
    from aethermodel.cli.shared.outputs import refuse_existing
    from aethermodel.console import progress
    from aethermodel.json_documents import write_document

    if (listen is None) == (connect is None):
        raise ValueError("wanted: --listen ADDRESS on one host, --connect HOST on the other")
    if output is not None:
        refuse_existing([output], force=force)
    address, (carrier, device) = Address.of(listen or connect or ""), carried
    if carrier == "tcp" and device is not None:
        raise ValueError("--device is of verbs, and this measures tcp: --fabric verbs")
    key = _secret(secret_file)
    transport = ends.transport_of(carrier, address, device, listening=listen is not None)
    if listen is not None:
        document = ends.listen(address, key, _tell_where, transport)
    else:
        sizes, given = planned
        if sizes is None:
            plan = FabricPlan.within(transport.batch_most, **given)
        else:
            plan = FabricPlan.between(sizes, **given)
        with measuring(), progress("measuring") as advance:
            told = announced(advance, plan.seconds)
            document = ends.connect(address, key, plan, told, transport)
    laws = _noted(document)
    if output is not None:
        laws.save(output)
    if json:
        document["laws"] = [law.document() for law in laws.values()]
        write_document(document, json)
    if json != "-":
        show_fabric(document)
        if output is not None:
            typer.echo(output)
    raise typer.Exit(1 if document["verdict"]["outcome"] == "fail" else 0)


def _tell_where(address: Address) -> None:
    typer.echo(f"listening on {address} for one host", err=True)


def _secret(file: Path | None) -> SharedKey:
    from aethermodel.bus.fabrics.key_exchange import SharedKey

    key = SharedKey.from_file(file) if file is not None else SharedKey.from_environment()
    if key is None:
        raise ValueError(_NO_SECRET)
    return key


def _noted(document: dict[str, Any]) -> Laws:
    """Return the laws of a trial, with what it found as their notes: pages of them say it."""
    from dataclasses import replace

    from aethermodel.laws.law import Law
    from aethermodel.laws.law_group import Laws

    # The law need not hold for its predictions to be good.
    figures = (" ".join(line.split()) for line in _figures(document))
    notes = (_verdict(document), *figures, *document["notes"])
    laws = [replace(Law.from_document(law), notes=notes) for law in document["laws"]]
    return Laws({law.name: law for law in laws})


def show_fabric(document: dict[str, Any]) -> None:
    """Print what a trial between two hosts found."""
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering
    from aethermodel.text.percentages import percent

    title = f"{document['address']} [{document['fabric']}], one way"
    headings = ("N", "bytes", "measured", "5 to 95 %", "predicted", "error", "")
    table = Table(title, headings, text=("",))
    for row in document["rows"]:
        table.add(
            f"{row['n']:,}",
            f"{row['bytes']:,}",
            engineering(row["seconds"], "s"),
            " to ".join(engineering(row[f"{end}_seconds"], "s") for end in ("low", "high")),
            engineering(row["predicted_seconds"], "s"),
            percent(row["error"]),
            "held out" if row["held_out"] else "",
        )
    show(table)
    for line in _figures(document):
        typer.echo(line)
    clock, ways = document["clock_offset"], document["one_way_seconds"]
    asymmetry = engineering(clock["most_asymmetry_seconds"], "s")
    say(
        [
            "one event by both clocks: "
            + ", ".join(f"{name.upper()} {engineering(s, 's')}" for name, s in ways.items())
            + f"; if one way is longer than the other this is off by half of that, {asymmetry} at "
            "most",
            *document["notes"],
            _verdict(document),
        ]
    )


#: Figures of a link, and what each is.
_FIGURES = {
    "latency": "one way of an empty batch, both hosts included",
    "overhead": "of it, what both hosts take (LogGP's o)",
    "delay": "the rest, which is the wire's (LogGP's L)",
    "gap": "of a byte on the wire (LogGP's G)",
    "rate": "what the wire carries, 1 / G",
}


def _figures(document: dict[str, Any]) -> Iterator[str]:
    from aethermodel.report.engineering_notation import engineering

    for name, what in _FIGURES.items():
        figure = document["link"][name]
        if figure is None:
            continue
        value, low, high = (
            # JSON knows no infinity: the end of an interval that reaches up to no end.
            "unbounded" if figure[end] is None else engineering(figure[end], figure["unit"])
            for end in ("value", "low", "high")
        )
        yield f"{name:9} {value:>14}  ({low} to {high}): {what}"


def _verdict(document: dict[str, Any]) -> str:
    from aethermodel.text.percentages import percentage

    verdict = document["verdict"]
    if verdict["mean_error"] is None:
        return "no size was held out: nothing is judged"
    held = sum(row["held_out"] for row in document["rows"])
    resent, tail = document["resent_share"], ""
    if resent:
        tail = f"; in {percentage(resent)} of the exchanges a packet was sent again, and P99 is "
        tail += "outside the model"
    return (
        f"{verdict['outcome']}: {held} held-out sizes, predicted from the others with a mean error "
        f"of {percentage(verdict['mean_error'])}; allowed is {percentage(verdict['limit'])}{tail}"
    )
