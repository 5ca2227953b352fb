"""`aethermodel bench rdma`: the verbs send path, with a fit judged on held-out settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel import thresholds
from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.bench.fabric import Connect, Device, Listen, Output, SecretFile, two_hosts
from aethermodel.cli.shared.measuring import tell_duration
from aethermodel.cli.shared.options import READ, Force, Json, refuse_options
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    from aethermodel.calibrate.verbs.cost_fit import HeldOut, VerbsFit
    from aethermodel.calibrate.verbs.cost_samples import VerbsSamples

#: Options that say something between two hosts as well.
_BETWEEN_HOSTS = frozenset(
    {"listen", "connect", "secret_file", "device", "output", "force", "json"}
)

Settings = Annotated[int, typer.Option(min=12, help="settings to send in")]
Processes = Annotated[int, typer.Option(min=1, max=100, help="fresh processes to sample in")]
Repeats = Annotated[
    int, typer.Option(min=1, max=1000, help="samples of each setting in each process")
]
Seed = Annotated[
    int, typer.Option(help="seed of the design, of the held-out split and of the order")
]
Given = Annotated[
    Path | None,
    typer.Option("--samples", **READ, help="judge the samples of this file [default: measure]"),
]


def command(
    ctx: typer.Context,
    settings: Settings = 96,
    processes: Processes = 5,
    repeats: Repeats = 5,
    seed: Seed = 0,
    samples: Given = None,
    listen: Listen = None,
    connect: Connect = None,
    secret_file: SecretFile = None,
    device: Device = None,
    output: Output = None,
    force: Force = False,
    json: Json = None,
) -> None:
    """Send batches over verbs in many settings, fit T_fabric on some, predict the others.

    The JSON holds every sample: the notebook 50_rdma and --samples read it. Both ends are on
    one device. Exit status: 0 the median error on held-out settings is at most 10 %, 1 it is
    not, 2 bad input.

    With --listen on one host and --connect on another it is `bench fabric --fabric verbs`, with
    the usual plan: the way from the ring of one into the ring of the other.

    Example: aethermodel bench rdma --settings 96 --processes 5 --json sweep.json

    Example: aethermodel bench rdma --listen 10.0.0.2 --secret-file secret
    """
    if listen is not None or connect is not None:
        why = "is of the sweep on one host; between two: bench fabric --fabric verbs"
        refuse_options(ctx, _BETWEEN_HOSTS, why)
        two_hosts(
            listen,
            connect,
            secret_file,
            ("verbs", device),
            (None, {"seconds": SECONDS["fabric"]}),
            output,
            force=force,
            json=json,
        )
    if secret_file is not None or device is not None or output is not None or force:
        raise ValueError("--secret-file, --device, -o and --force go with --listen or --connect")
    from aethermodel.calibrate.verbs.cost_fit import fit_verbs, judge_verbs
    from aethermodel.calibrate.verbs.cost_samples import VerbsSamples
    from aethermodel.console import progress

    if samples:
        swept = VerbsSamples.load(samples)
    else:
        from aethermodel.bench.rdma import sweep

        called = (
            f"aethermodel bench rdma --settings {settings} --processes {processes} "
            f"--repeats {repeats} --seed {seed}"
        )
        tell_duration(SECONDS["rdma"] * settings * processes * repeats / (96 * 25))
        with progress("measuring") as advance:
            swept = sweep(settings, processes, repeats, seed, command=called, progress=advance)
        if json and json != "-":
            _write(swept, json)  # whatever becomes of the fit
    fit = fit_verbs(swept)
    judged = judge_verbs(fit, swept)
    if json:
        _write(swept.model_copy(update={"result": judged.figures(fit)}), json)
    if json != "-":
        _print(swept, fit, judged)
    raise typer.Exit(0 if judged.met else 1)


def _write(swept: VerbsSamples, target: str) -> None:
    from aethermodel.json_documents import write_out
    from aethermodel.output_files import write_whole

    if target == "-":
        write_out(swept.text())
    else:
        write_whole(Path(target), swept.text())


def _print(swept: VerbsSamples, fit: VerbsFit, judged: HeldOut) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering, interval

    headings = (
        "N",
        "bytes",
        "in a list",
        "signal every",
        "window",
        "inline",
        "measured",
        "predicted",
        "error",
        "",
    )
    table = Table(f"held-out settings [{swept.label}]", headings, text=("",), keys=6)
    for row in judged.table[judged.table["held_out"]].itertuples():
        table.add(
            *(str(n) for n in (row.messages, row.message_bytes, row.list_length)),
            *(str(n) for n in (row.signal_every, row.window, "yes" if row.inline else "")),
            engineering(row.seconds, "s"),
            engineering(row.predicted_seconds, "s"),
            percent(row.error),
            "" if row.covered else "outside its interval",
        )
    show(table)
    costs = Table("costs fitted", ("symbol", "value", "95 % interval"), text=("symbol",))
    for name, found in fit.parameters.items():
        costs.add(
            name,
            engineering(found.value, found.unit),
            interval(found.low, found.high, found.unit),
        )
    show(costs)
    say(
        f"{judged.settings} held-out settings: median error "
        f"{percentage(judged.median_error)}, worst {percentage(judged.worst_error)}, "
        f"{percentage(judged.coverage, 0)} inside their 95 % intervals; wanted is a median of at "
        f"most {percentage(thresholds.VERBS_ERROR, 0)}: {'met' if judged.met else 'NOT met'}"
    )
