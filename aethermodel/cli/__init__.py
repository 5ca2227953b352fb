"""The command `aethermodel`."""

from __future__ import annotations

from typing import Annotated

import typer

from aethermodel.bench_aether_extreme import command as bench_extreme
from aethermodel.cli.bench import kernel as bench_kernel
from aethermodel.cli.bench.benchmark_list import short_help
from aethermodel.cli.bench.cluster import command as bench_cluster
from aethermodel.cli.bench.dispatch import command as bench_dispatch
from aethermodel.cli.bench.fabric import command as bench_fabric
from aethermodel.cli.bench.latency import command as bench_latency
from aethermodel.cli.bench.model import command as bench_model
from aethermodel.cli.bench.optimum import command as bench_optimum
from aethermodel.cli.bench.pipeline import command as bench_pipeline
from aethermodel.cli.bench.rdma import command as bench_rdma
from aethermodel.cli.bench.soak import command as bench_soak
from aethermodel.cli.bench.tables import command as bench_tables
from aethermodel.cli.bound import command as bound
from aethermodel.cli.calibrate import command as calibrate
from aethermodel.cli.cluster import command as cluster
from aethermodel.cli.diff import app as report
from aethermodel.cli.diff import diff
from aethermodel.cli.doctor import command as doctor
from aethermodel.cli.init import command as init
from aethermodel.cli.lab import command as lab
from aethermodel.cli.laws.fit import command as fit
from aethermodel.cli.laws.gate import command as gate
from aethermodel.cli.laws.history import app as history
from aethermodel.cli.laws.recommend import command as recommend
from aethermodel.cli.predict import command as predict
from aethermodel.cli.sweep.commands import app as sweep
from aethermodel.cli.validate import command as validate
from aethermodel.console import run_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # which would swallow the [default: ...] of an option's help
    help="Say how many messages a second a design carries, and which term sets the limit.",
)
bench = typer.Typer(
    no_args_is_help=True, help="Measure this host compared with its peers and ceilings."
)
app.add_typer(bench, name="bench", short_help="measure this host beside its peers")
app.add_typer(sweep, name="sweep", short_help="run a probe or a notebook at many points")
app.add_typer(report, name="report", short_help="write one HTML file of what was found")
app.add_typer(history, name="history", short_help="keep laws by commit, show what moved")

app.command("bound", short_help="upper bound of a budget on paper")(bound)
app.command("calibrate", short_help="measure this host term by term")(calibrate)
app.command("predict", short_help="batch time and rate at any size; what if")(predict)
app.command("validate", short_help="predict the pipeline, measure it, compare")(validate)
app.command("fit", short_help="law of measurements of your own")(fit)
app.command("recommend", short_help="batch size and wait for a latency target")(recommend)
app.command("gate", short_help="did a change make it slower?")(gate)
app.command("cluster", short_help="what binds a cluster of hosts, and its P99")(cluster)
app.command("diff", short_help="compare two runs, hosts or commits")(diff)
app.command("doctor", short_help="check the settings of this host")(doctor)
app.command("lab", short_help="open the notebooks in JupyterLab")(lab)
app.command("init", short_help="begin a pipeline of your own in a folder")(init)
bench.command("extreme", short_help=short_help("extreme"))(bench_extreme)
bench.command("kernel", short_help=short_help("kernel"))(bench_kernel.kernel)
bench.command("ffi", short_help=short_help("ffi"))(bench_kernel.ffi)
bench.command("ring", short_help=short_help("ring"))(bench_kernel.ring)
bench.command("pipeline", short_help=short_help("pipeline"))(bench_pipeline)
bench.command("dispatch", short_help=short_help("dispatch"))(bench_dispatch)
bench.command("soak", short_help=short_help("soak"))(bench_soak)
bench.command("latency", short_help=short_help("latency"))(bench_latency)
bench.command("model", short_help=short_help("model"))(bench_model)
bench.command("tables", short_help=short_help("tables"))(bench_tables)
bench.command("optimum", short_help=short_help("optimum"))(bench_optimum)
bench.command("rdma", short_help=short_help("rdma"))(bench_rdma)
bench.command("fabric", short_help=short_help("fabric"))(bench_fabric)
bench.command("cluster", short_help=short_help("cluster"))(bench_cluster)


def _version(wanted: bool) -> None:
    if wanted:
        from aethermodel import __version__

        typer.echo(f"aethermodel {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    run_app(app)
