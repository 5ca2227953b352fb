"""`aethermodel sweep`: a probe or a notebook at many points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import tell_who_measures, words
from aethermodel.cli.sweep.options import (
    Axes,
    BackendName,
    Into,
    NoiseGate,
    Notebook,
    Probe,
    Repeats,
    Retries,
    Reuse,
    Samples,
    SampleSeconds,
    Scheduler,
    Source,
    Summarise,
    Timeout,
    TlsCa,
    TlsCert,
    TlsKey,
    Wait,
)
from aethermodel.cli.sweep.sweep_choice import sweep_and_store

if TYPE_CHECKING:
    from aethermodel.sweep.plan import Sweep
    from aethermodel.sweep.run import Backend, Summary
    from aethermodel.sweep.store import State, Store

app = typer.Typer(no_args_is_help=True, help="Run a probe or a notebook at many points.")


@app.command("plan", short_help="check the points; say what would run, and how long")
def plan(
    source: Source = None,
    probe: Probe = None,
    notebook: Notebook = None,
    pipeline: pipeline_choice.Option = None,
    parameter: Axes = None,
    store: Into = None,
    repeats: Repeats = None,
    samples: Samples = None,
    sample_seconds: SampleSeconds = None,
    timeout: Timeout = None,
    noise_gate: NoiseGate = None,
    retries: Retries = None,
    seed: options.Seed = None,
    reuse: Reuse = "strict",
    json: options.Json = None,
) -> None:
    """Check every point and say what would run, and for how long; nothing is started.

    Example: aethermodel sweep plan --probe kernel -p batch_size=1,10,100 -p topics=4,16
    """
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.json_documents import document, write_document

    given = dict(locals())
    sweep, into = sweep_and_store(given)
    figures, left = _state_of(sweep, into, reuse)
    if json:
        write_document(document("aethermodel.sweep.plan/1", "loopback", figures), json)
    if json != "-":
        _print_state(sweep, figures)
        for job in left[:10]:
            say(f"  {job.order:>5}  repeat {job.repeat}  {sweep.describe(job.parameters)}")
        if len(left) > 10:
            say(f"  ... and {len(left) - 10:,} more")


@app.command("run", short_help="run the points that the store does not have")
def run(
    source: Source = None,
    probe: Probe = None,
    notebook: Notebook = None,
    pipeline: pipeline_choice.Option = None,
    parameter: Axes = None,
    store: Into = None,
    repeats: Repeats = None,
    samples: Samples = None,
    sample_seconds: SampleSeconds = None,
    timeout: Timeout = None,
    noise_gate: NoiseGate = None,
    retries: Retries = None,
    seed: options.Seed = None,
    reuse: Reuse = "strict",
    wait: Wait = True,
    backend: BackendName = "local",
    scheduler: Scheduler = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    summary: Summarise = True,
    json: options.Json = None,
) -> None:
    """Run what the store does not have yet. Stopped at any moment, the same command goes on.

    Example: aethermodel sweep run --probe kernel -p batch_size=1,10,100 --store sweeps/mine

    Example: aethermodel sweep run --pipeline orders.py -p term=decode,whole -p batch_size=1,100

    With --backend dask each host of --scheduler has one point under way at a time. A host is a
    running system; what else is to count as one, such as a container with cores of its own, has
    a name in the environment variable AETHER_HOST of its worker.

    Exit status: 0 every point is done, 1 some failed or timed out, 2 bad input.
    """
    given = dict(locals())
    sweep, into = sweep_and_store(given)
    _run(sweep, into, reuse, frozenset(), _backend(given), summary, json)


@app.command("retry", short_help="run failed points again")
def retry(
    source: Source = None,
    store: Into = None,
    timeout: Timeout = None,
    noise_gate: NoiseGate = None,
    retries: Retries = None,
    reuse: Reuse = "strict",
    wait: Wait = True,
    backend: BackendName = "local",
    scheduler: Scheduler = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    summary: Summarise = True,
    json: options.Json = None,
) -> None:
    """Run the points that failed or timed out again, and those that have not run yet.

    Example: aethermodel sweep retry sweeps/mine --timeout 600

    Exit status: as of run.
    """
    from aethermodel.sweep.run import UNSUCCESSFUL

    given = dict(locals())
    sweep, into = sweep_and_store(given)
    _run(sweep, into, reuse, UNSUCCESSFUL, _backend(given), summary, json)


@app.command("status", short_help="say what is done, failed and left")
def status(
    source: Source = None,
    store: Into = None,
    reuse: Reuse = "strict",
    json: options.Json = None,
) -> None:
    """Say how many points are done, failed, timed out and left, and how long the rest takes.

    Example: aethermodel sweep status sweeps/mine --json -
    """
    from aethermodel.json_documents import document, write_document

    given = dict(locals())
    sweep, into = sweep_and_store(given)
    figures, _ = _state_of(sweep, into, reuse)
    if json:
        write_document(document("aethermodel.sweep.status/1", "loopback", figures), json)
    if json != "-":
        _print_state(sweep, figures)


@app.command("probes", short_help="list the probes and their parameters")
def probes(
    name: Annotated[
        str | None,
        typer.Argument(help="of one probe: its parameters", show_default=False),
    ] = None,
    json: options.Json = None,
) -> None:
    """List the probes that a sweep can time, or the parameters of one.

    Example: aethermodel sweep probes pipeline
    """
    from aethermodel.cli.sweep.probe_tables import print_probes, probe_figures
    from aethermodel.json_documents import document, write_document

    figures = probe_figures(name)
    if json:
        content = document("aethermodel.sweep.probes/1", None, figures, measured=False)
        write_document(content, json)
    if json != "-":
        print_probes(figures)


def _state_of(sweep: Sweep, store: Store, reuse: Any) -> tuple[dict[str, Any], list[Any]]:
    from collections import Counter

    from aethermodel.sweep.identity import conditions_of
    from aethermodel.sweep.run import remaining_seconds
    from aethermodel.sweep.store import finished

    records, jobs = store.records(), sweep.jobs()
    known = finished(records, sweep, [conditions_of(sweep)], reuse)
    left = [job for job in jobs if job.order not in known]
    seconds, most, source = remaining_seconds(sweep, records, len(left))
    states = Counter(record.outcome.state for record in known.values())
    figures = {
        "sweep": sweep.model_dump(),
        "store": str(store.folder),
        "points": len(sweep.points),
        "jobs": len(jobs),
        "states": dict(states),
        "left": len(left),
        "left_seconds": seconds,
        "left_seconds_most": most,
        "left_seconds_from": source,
        "stored_for_other_conditions": len(records) - len({r.key for r in known.values()}),
        "failures": [_failure(r) for r in known.values() if r.outcome.state != "done"],
    }
    return figures, left


def _failure(record: Any) -> dict[str, Any]:
    return {
        "key": record.key,
        "parameters": record.parameters,
        "repeat": record.repeat,
        "state": record.outcome.state,
        "error": record.outcome.error,
    }


def _print_state(sweep: Sweep, figures: dict[str, Any]) -> None:
    from aethermodel.cli.shared.terminal_tables import say

    states = (
        ", ".join(f"{n:,} {state}" for state, n in figures["states"].items()) or "none finished"
    )
    repeats = figures["jobs"] // figures["points"]
    say(
        f"{figures['store']}: {figures['points']:,} points x {repeats} = {figures['jobs']:,} runs; "
        f"{states}; {figures['left']:,} left"
    )
    if others := figures["stored_for_other_conditions"]:
        say(f"{others:,} more stored for other parameters, code or host")
    if figures["left"]:
        say(f"time for the rest: {_rest(figures)} ({figures['left_seconds_from']})")
    for failure in figures["failures"][:10]:
        where = sweep.describe(failure["parameters"])
        say(f"  {failure['state']}: {where} repeat {failure['repeat']}: {failure['error']}")


def _rest(figures: dict[str, Any]) -> str:
    if figures["left_seconds"] is None:
        return "unknown"
    least, most = (words(figures[name]) for name in ("left_seconds", "left_seconds_most"))
    return f"about {least}" + f", {most} if every point is disturbed" * (most != least)


def _backend(given: dict[str, Any]) -> Backend:
    from aethermodel.sweep.run import LocalBackend

    name, scheduler = given["backend"], given["scheduler"]
    files = [given[option] for option in ("tls_ca", "tls_cert", "tls_key")]
    if name == "local" and scheduler is None and not any(files):
        return LocalBackend(given["wait"], tell_who_measures)
    if name == "dask":
        from aethermodel.sweep.dask_cluster import Credentials, DaskBackend

        if any(files) and not all(files):
            raise ValueError("--tls-ca, --tls-cert and --tls-key go together")
        backend = DaskBackend(scheduler, Credentials(*files) if all(files) else None)
        if backend.risk:
            typer.echo(backend.risk, err=True)
        return backend
    if name == "local":
        raise ValueError("--scheduler and --tls-... are for --backend dask")
    raise ValueError(f"--backend is local or dask, not {name!r}")


def _run(
    sweep: Sweep,
    store: Store,
    reuse: Any,
    redo: frozenset[State],
    backend: Backend,
    summarise: bool,
    json: str | None,
) -> None:
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.sweep.run import run as run_sweep

    try:
        with progress(f"sweep {store.folder.name}") as advance:
            summary = run_sweep(
                sweep, store, backend=backend, reuse=reuse, redo=redo, progress=advance
            )
    except KeyboardInterrupt:
        typer.echo(f"stopped; what has finished is kept in {store.folder}", err=True)
        raise
    if json:
        figures = _summary_figures(sweep, store, summary)
        write_document(document("aethermodel.sweep.run/1", "loopback", figures), json)
    if json != "-":
        _print_summary(sweep, store, summary)
    # Executed notebooks speak for themselves; samples want one to show them.
    if summarise and sweep.probe and summary.ran:
        _summarise(store)
    raise typer.Exit(1 if summary.failures else 0)


def _summarise(store: Store) -> None:
    from aethermodel.console import progress
    from aethermodel.execute.notebooks import execute

    into, asked = store.folder / "summary.ipynb", {"store": str(store.folder.resolve())}
    with progress("summary") as advance:
        execute("80_sweep_summary.ipynb", into, asked, advance)
    typer.echo(f"{into}; as HTML: aethermodel report {store.folder}", err=True)


def _summary_figures(sweep: Sweep, store: Store, summary: Summary) -> dict[str, Any]:
    return {
        "sweep": sweep.model_dump(),
        "store": str(store.folder),
        **{name: value for name, value in vars(summary).items() if name != "failures"},
        "failures": [_failure(record) for record in summary.failures],
    }


def _print_summary(sweep: Sweep, store: Store, summary: Summary) -> None:
    from aethermodel.cli.shared.terminal_tables import say

    states = ", ".join(f"{n:,} {state}" for state, n in summary.states.items())
    say(
        f"{store.folder}: {summary.jobs:,} runs: {states}; {summary.reused:,} were there, "
        f"{summary.ran:,} ran in {summary.seconds:.1f} s, {summary.requeued:,} noisy tries repeated"
    )
    if summary.kinds > 1:
        say(f"hosts of {summary.kinds} kinds of hardware: each has every point of its own")
    for record in summary.failures[:10]:
        what, why = sweep.describe(record.parameters), record.outcome.error
        say(f"  {record.outcome.state}: {what}: {why}")
