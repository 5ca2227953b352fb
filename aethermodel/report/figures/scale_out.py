"""Figures of scale-out: measured speedups, and the model beyond them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aethermodel.model.scaling.scale_out import CORES_A_PAIR, WAYS, Way
from aethermodel.report import style
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.provenance import provenance
from aethermodel.report.readable_table import REST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aethermodel.calibrate.predict.scenario import Scenario
    from aethermodel.calibrate.term_fit.scaling_fit import ScalingFit
    from aethermodel.model.scaling.scale_out import ScaleOut
    from aethermodel.published.interconnects import Interconnect

_NAMES = {
    "threads": "threads share one batch",
    "route": "each core routes its own",
    "copy": "each core copies its own",
}
_DASHES: tuple[Any, ...] = (":", "-.", (0, (5, 3)))
_COLOURS = {
    "threads": style.MODEL,
    "route": style.TERM_COLOURS["kernel"],
    "copy": style.QUIET,
    "pairs": style.TERM_COLOURS["fabric"],
}


def turns_figure(turns: pd.DataFrame, overlaps: int, workers: int) -> ReportFigure:
    """Draw when each point ran on which host.

    Parameters
    ----------
    turns : pandas.DataFrame
        ``host``, ``begin``, ``end`` (seconds), ``point``.
    overlaps : int
        Points that ran while another one did, on the same host.
    workers : int
        That were ready to run points.
    """
    hosts = list(dict.fromkeys(turns["host"]))
    probes = list(dict.fromkeys(turns["point"]))
    with style.styled():
        figure = style.new_figure(height=1.3 + 0.6 * len(hosts))
        axes = figure.subplots()
        for index, probe in enumerate(probes):
            part = turns[turns["point"] == probe]
            axes.barh(
                [hosts.index(host) for host in part["host"]],
                part["end"] - part["begin"],
                left=part["begin"],
                height=0.7,
                color=(style.MODEL, style.TERM_COLOURS["kernel"])[index % 2],
                edgecolor=style.PAPER,
                linewidth=0.8,
                label=f"probe {probe}",
            )
        axes.set_yticks(range(len(hosts)), [f"host {host[:6]}" for host in hosts])
        axes.set_xlabel("seconds since the first point began")
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper left", ncols=len(probes))
        style.settle(figure)
    host = "host" if len(hosts) == 1 else "hosts"
    words = (
        f"{len(turns)} points on {len(hosts)} {host}, handed out to {workers} "
        f"{'worker' if workers == 1 else 'workers'}: {overlaps} ran while another one did on the "
        "same host."
    )
    return ReportFigure(
        figure,
        turns,
        "One measurement at a time on each host",
        f"{words} Each box is a point in a process of its own. Label: loopback.",
        alt=words,
        units={"begin": "s", "end": "s"},
    )


def speedup_figure(fits: Mapping[str, ScalingFit], samples: pd.DataFrame) -> ReportFigure:
    """Draw the measured speedup of each way of using cores, with its law.

    Parameters
    ----------
    fits : mapping of str to ScalingFit
        By work: ``threads``, ``route``, ``copy``.
    samples : pandas.DataFrame
        ``work``, ``cores``, ``seconds``.
    """
    most = max(max(fit.counts) for fit in fits.values())
    from matplotlib.ticker import MaxNLocator

    drawn = np.linspace(1, max(2, 2 * most), 61)
    rows: list[dict[str, Any]] = []
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        axes.plot(drawn, drawn, ":", color=style.INK, linewidth=1, label="ideal")
        for index, (work, fit) in enumerate(fits.items()):
            mean, low, high = fit.speedup(drawn)
            colour = _COLOURS[work]
            axes.fill_between(drawn, low, high, color=colour, alpha=0.15, linewidth=0)
            seen = drawn <= most
            axes.plot(drawn[seen], mean[seen], color=colour)
            axes.plot(drawn[~seen], mean[~seen], "--", color=colour)
            middle = samples[samples["work"] == work].groupby("cores")["seconds"].median()
            times = middle[1] / middle
            measured = times if work == "threads" else times * middle.index
            marker = style.MARKERS[index]
            axes.plot(middle.index, measured, marker, color=colour, label=_NAMES[work], zorder=3)
            rows += [
                {"work": work, "cores": cores, "speedup": speed, "law": float(law)}
                for (cores, speed), law in zip(
                    measured.items(), fit.law.speedup(middle.index), strict=True
                )
            ]
        axes.axvline(most, color=style.QUIET, linewidth=0.8)
        axes.annotate(
            " measured up to here", (most, 0.98), xycoords=("data", "axes fraction"),
            va="top", fontsize=8, color=style.QUIET,
        )  # fmt: skip
        axes.set(xlabel="cores at work", ylabel="times one core", xlim=(1, drawn[-1]))
        axes.set_ylim(0, drawn[-1])
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper left")
        style.settle(figure)
    table = pd.DataFrame(rows)
    words = "; ".join(f"{_NAMES[work]}: {fit.finding}" for work, fit in fits.items())
    words = words[0].upper() + words[1:]
    return ReportFigure(
        figure,
        table,
        "Speedup with more cores, measured",
        f"{words}. Points: medians; lines with 95 % bands: the fitted law, dashed where nothing "
        "was measured. Label: loopback.",
        alt=". ".join(
            f"{_NAMES[row['work']]}, {row['cores']} cores: {row['speedup']:.2f} times one core"
            for row in rows
        )
        + ".",
    )


def scale_out_figure(
    model: ScaleOut, scenario: Scenario, here: int, up_to: int, card: Interconnect | None = None
) -> ReportFigure:
    """Draw events a second over the cores of one host, by threads and by pairs of processes.

    Parameters
    ----------
    model : ScaleOut
    scenario : Scenario
        That the model's terms are from.
    here : int
        Cores of the host that was measured; beyond them the model extrapolates.
    up_to : int
        Cores of the largest host drawn.
    card : Interconnect, optional
        A published network card, drawn as the ceiling of what one host can be sent.
    """
    cores = np.arange(1, max(2, up_to) + 1)
    names: dict[Way, str] = {"threads": "threads of one process", "pairs": "pairs of processes"}
    rates = {way: model.rates(way, cores) for way in WAYS}
    # What this host's cores copy is no ceiling of a host with more of them.
    memory = "memory: as many cores copy"
    ceilings = {"interpreter lock, one process (measured)": model.interpreter_per_second}
    if card is not None:
        ceilings[f"{card.name} (published)"] = card.bytes_per_second / 64
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    with style.styled():
        figure = style.new_figure(height=4.6)
        axes = figure.subplots()
        for way, rate in rates.items():
            # Half a pair does nothing: only whole ones are points of their line.
            whole = cores % (CORES_A_PAIR if way == "pairs" else 1) == 0
            seen, beyond = whole & (cores <= here), whole & (cores >= here)
            line: dict[str, Any] = {"color": _COLOURS[way], "markersize": 4}
            # Hollow throughout: every one is computed, none was run as a whole.
            line |= {"marker": "o", "markerfacecolor": style.PAPER}
            axes.plot(cores[seen], rate[seen], label=names[way], linewidth=2.4, **line)
            axes.plot(cores[beyond], rate[beyond], linestyle="--", **line)
        copies, few = model.copies(cores), cores <= here
        paint: dict[str, Any] = {"color": style.QUIET, "linewidth": 1.2}
        axes.plot(cores[few], copies[few], label=f"{memory} (measured)", **paint)
        if not few.all():
            more = cores >= here
            name = f"{memory} (simulated)"
            axes.plot(cores[more], copies[more], linestyle=_DASHES[2], label=name, **paint)
        for (name, ceiling), dashes in zip(ceilings.items(), _DASHES, strict=False):
            axes.axhline(ceiling, linewidth=1.2, color=style.QUIET, linestyle=dashes, label=name)
        axes.axvline(here, color=style.INK, linewidth=0.8)
        axes.annotate(
            f" this host: {here} cores; dashed: simulated", (here, 0.98), va="top",
            xycoords=("data", "axes fraction"), fontsize=8,
            bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1},
        )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="cores of one host", ylabel="events a second")
        axes.set_ylim(bottom=0.6 * min(float(np.nanmin(rate)) for rate in rates.values()))
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: engineering(y, "1/s", 1)))
        axes.yaxis.set_minor_locator(NullLocator())
        ticks = [2**i for i in range(int(np.log2(cores[-1])) + 1)]
        axes.set_xticks(ticks, [count(tick) for tick in ticks])
        axes.set_xlim(1, cores[-1])
        figure.legend(loc="outside upper left", ncols=2)
        style.settle(figure)
    table = pd.DataFrame({"cores": cores} | {names[way]: rate for way, rate in rates.items()})
    ends = "; ".join(
        f"{names[way]}: {engineering(float(rate[-1]), 'events/s')} with {cores[-1]} cores, where "
        f"{_bound(model.binds(way, int(cores[-1])))} binds"
        for way, rate in rates.items()
    )
    return ReportFigure(
        figure,
        table,
        f"What more cores would bring at N = {count(model.n)}",
        f"{ends[0].upper()}{ends[1:]}. Lines are the model of terms and slowdowns measured apart; "
        f"points are hollow, since no pair was run as a whole. Label: loopback up to {here} cores, "
        "simulated beyond: caches as of this host, memory by the law of what its cores copied "
        f"together. Terms: {provenance(scenario)}",
        alt=f"{ends}. Ceilings: "
        + "; ".join(
            f"{name} {engineering(rate, 'events/s')}"
            for name, rate in ({memory: float(copies[-1])} | ceilings).items()
        )
        + ".",
        view=table[np.isin(cores, ticks)],
        units={REST: "events/s", "cores": ""},
    )


def binding_table(model: ScaleOut, up_to: int) -> pd.DataFrame:
    """Return rate and what binds, by way and cores, as text for reading."""
    rows = {}
    for cores in (2**i for i in range(int(np.log2(max(2, up_to))) + 1)):
        row = {}
        for way in WAYS:
            possible = way == "threads" or cores >= CORES_A_PAIR
            rate = engineering(float(model.rates(way, cores)), "events/s") if possible else "–"
            row[f"{way}: rate"] = rate
            row[f"{way}: binds"] = _bound(model.binds(way, cores)) if possible else "–"
        rows[cores] = row
    return pd.DataFrame(rows).T.rename_axis("cores")


def _bound(term: str) -> str:
    return "memory bandwidth" if term == "memory" else f"the {style.TERM_NAMES[term]}"
