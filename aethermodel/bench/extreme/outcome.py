"""Settings and result of the specification's stress test (section 3)."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from aethermodel.bench.extreme.stress import Design, Stress
from aethermodel.fabrics import FabricLabel
from aethermodel.text.times import microseconds

ADVICE = (
    "change the batch size (--batch-size): larger batches spread the loop's cost thinner",
    "make fewer objects on the Python side: reuse batches and results, pass handles",
    "profile the event loop and the queue's contention",
)


class Settings(Design):
    """What the stress test runs.

    Attributes
    ----------
    batches : int
        Batches in all.
    core, batch_size, queue_depth, topics, event_loop
        As in `aethermodel.bench.extreme.stress.Design`.
    """

    batches: int = Field(2_000, ge=2, le=10**7)

    @property
    def design(self) -> Design:
        """The same without how long it runs."""
        return Design(**self.model_dump(exclude={"batches"}))


class Result(BaseModel):
    """What came out.

    Attributes
    ----------
    throughput_per_second : float
        Messages handled over the time from the first send to the last one handled, whatever
        disturbed them.
    share_left_out : float
        Of the batches: none, where other figures are of what the host does undisturbed.
    latency_p50_seconds, latency_p99_seconds : float
        From a batch's send to the return of its last handler. The producer never
        rests, so this is the latency of a full queue, not that of a light load.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: Settings
    label: FabricLabel
    messages: int
    seconds: float
    throughput_per_second: float
    share_left_out: float = 0.0
    latency_p50_seconds: float
    latency_p99_seconds: float
    threshold_per_second: float
    ready: bool
    advice: tuple[str, ...]


def run(settings: Settings) -> Result:
    """Run the stress test once, after a warm-up of a tenth of it.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Result

    Raises
    ------
    LostEventsError
        If the handlers were shown another number of events than were sent.
    """
    from aethermodel.published.specification import load_specification

    stress = Stress(settings.design)
    stress.run(max(1, settings.batches // 10))
    passage = stress.run(settings.batches)
    threshold = load_specification().threshold_per_second
    ready = passage.per_second > threshold
    p50, p99 = np.percentile(passage.done - passage.sent, [50, 99])
    return Result(
        settings=settings,
        label=settings.label,
        messages=passage.messages,
        seconds=passage.seconds,
        throughput_per_second=passage.per_second,
        latency_p50_seconds=float(p50),
        latency_p99_seconds=float(p99),
        threshold_per_second=threshold,
        ready=ready,
        advice=() if ready else ADVICE,
    )


def describe(result: Result) -> str:
    """Return the result in words and figures, with the specification's verdict."""
    s = result.settings
    what = "mocked core, simulated" if result.label == "simulated" else "Cython core, loopback"
    lines = [
        f"{s.batches:,} batches of {s.batch_size:,} messages, {s.topics} topics, "
        f"{s.event_loop}, queue of {s.queue_depth} [{what}]",
        f"  throughput     {result.throughput_per_second / 1e6:10.2f} million msg/s",
        f"  batch latency  {microseconds(result.latency_p50_seconds, 1):>13} P50",
        f"                 {microseconds(result.latency_p99_seconds, 1):>13} P99",
    ]
    threshold = f"{result.threshold_per_second:,.0f} msg/s"
    if result.ready:
        lines.append(f"Above {threshold}, which the specification asks for.")
    else:
        lines += [f"Below {threshold}. The specification advises:"]
        lines += [f"  - {advice}" for advice in result.advice]
    return "\n".join(lines)
