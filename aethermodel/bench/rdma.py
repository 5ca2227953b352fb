"""RDMA benchmark: samples of a designed sweep of the verbs send path."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aethermodel.bench.rdma_design import Designed, design
from aethermodel.calibrate.verbs.cost_samples import SETTING, Row, VerbsSamples
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.host.rdma_devices import usable_device
from aethermodel.measure.probes.verbs import Counted, count
from aethermodel.measure.sampling.sampler import Plan, Point, take_samples

if TYPE_CHECKING:
    import pandas as pd

# As the emulator without hardware help names its processor.
_EMULATED = "TCG"


def sweep(
    settings: int = 96,
    processes: int = 5,
    repeats: int = 5,
    seed: int = 0,
    *,
    sample_seconds: float = 0.005,
    command: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> VerbsSamples:
    """Design, count and sample.

    Parameters
    ----------
    settings, seed
        As in `aethermodel.bench.rdma_design.design`.
    processes, repeats, sample_seconds
        As in `aethermodel.measure.sampling.sampler.Plan`.
    command : str
        What was called, for the record.
    progress : callable, optional
        Called with (samples taken, samples asked for).

    Raises
    ------
    ValueError
        If there is no device, with the reason.
    SamplingError
        If a sampling process fails, or posts and completions are not those of the formulas.
    """
    label = usable_device()
    from cython_core.verbs import Device, ProtectionDomain, QueuePair

    with Device() as device, ProtectionDomain(device) as domain:
        name, mtu = device.name, device.mtu
        with QueuePair(domain, send_depth=16, receive_depth=1, inline=200) as pair:
            inline_limit = pair.max_inline
    chosen = design(settings, seed)
    counts = [count(one.settings) for one in chosen]
    plan = Plan(
        points=tuple(Point(probe="verbs", settings=one.settings.model_dump()) for one in chosen),
        processes=processes,
        repeats=repeats,
        sample_seconds=sample_seconds,
        # A disturbed sample is outvoted by the fastest; repeats serve better than retries.
        retries=0,
        seed=seed,
    )
    samples = take_samples(plan, progress)
    host = this_host()
    return VerbsSamples(
        schema="aethermodel.bench.rdma/1",
        fabric=label,
        host=host.model_dump(),
        emulated=_EMULATED in host.processor,
        device=name,
        kernel=platform.release(),
        mtu=mtu,
        inline_limit=inline_limit,
        created=datetime.now(UTC).date().isoformat(),
        seed=seed,
        command=command,
        rows=rows(chosen, counts, samples),
    )


def rows(chosen: list[Designed], counts: list[Counted], samples: pd.DataFrame) -> tuple[Row, ...]:
    """Put design, counters and samples together, one row a setting."""
    final = samples[samples["final"]]
    made = []
    for index, (one, counted) in enumerate(zip(chosen, counts, strict=True)):
        own = final[final["point"] == index].sort_values(["process", "order"])
        made.append(
            Row(
                **{name: getattr(one.settings, name) for name in SETTING},
                held_out=one.held_out,
                **counted._asdict(),
                samples_seconds=[
                    # Four digits are beyond the noise of any sample.
                    [float(f"{value:.4g}") for value in part]
                    for _, part in own.groupby("process")["seconds"]
                ],
                noisy=int(own["noisy"].sum()),
            )
        )
    return tuple(made)
