"""Options of the commands of `aethermodel sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aethermodel.cli.shared import options

Source = Annotated[
    Path | None,
    typer.Argument(
        **options.READ,
        help="a sweep file (.toml, .yaml), or the folder of a store",
        show_default=False,
    ),
]
Probe = Annotated[str | None, typer.Option(help="time this probe at each point")]
Notebook = Annotated[
    str | None,
    typer.Option(**options.READ, help="execute this notebook at each point"),
]
Axes = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--parameter",
        help="NAME=VALUE,VALUE,...; points are all combinations [default: the file's, or the "
        "probe's own: aethermodel sweep probes]",
    ),
]
Into = Annotated[
    Path | None,
    typer.Option("--store", **options.READ, help="folder of the results [default: sweeps/NAME]"),
]
Repeats = Annotated[int | None, typer.Option(help="how often each point is run [default: 1]")]
Samples = Annotated[int | None, typer.Option(help="samples at each point, of a probe [default: 5]")]
SampleSeconds = Annotated[
    float | None, typer.Option(help="least duration of a sample [default: 0.005]")
]
Timeout = Annotated[
    float | None, typer.Option(help="seconds that one point may take [default: 300]")
]
NoiseGate = Annotated[
    float | None,
    typer.Option(help="largest share of a point that the system may disturb [default: 0.4]"),
]
Retries = Annotated[
    int | None, typer.Option(help="how often a noisy point is run again [default: 2]")
]
Reuse = Annotated[
    str,
    typer.Option(help="what must be unchanged for a finished point to count: params, code, strict"),
]
Wait = Annotated[bool, typer.Option(help="wait while another measurement holds the host")]
BackendName = Annotated[str, typer.Option("--backend", help="local or dask")]
Summarise = Annotated[
    bool,
    typer.Option(
        "--summary/--no-summary", help="at the end of a probe's sweep, write STORE/summary.ipynb"
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="a Dask scheduler, tls://HOST:PORT or tcp://HOST:PORT; it can run code as you, and "
        "without TLS so can whoever reaches it [default: within this process, no port open]"
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option("--tls-ca", help="PEM file: who signed a tls:// scheduler's key [default: none]"),
]
TlsCert = Annotated[
    Path | None,
    typer.Option("--tls-cert", help="PEM file: your certificate for it [default: none]"),
]
TlsKey = Annotated[
    Path | None, typer.Option("--tls-key", help="PEM file: your key for it [default: none]")
]
