"""Sentences on a cluster: what it carries, what binds, what more of it would bring."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aethermodel.clusters.analysis import NAMES
from aethermodel.model.cluster.incast import most_bytes, overflow
from aethermodel.report.engineering_notation import engineering
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.clusters.analysis import Analysis


def sentences(found: Analysis) -> Iterator[str]:
    """Yield what a reader of an analysis wants to know first."""
    yield throughput_words(found)
    yield latency_words(found)
    yield growth_words(found)
    yield hot_topic_words(found)
    yield from incast_words(found)
    yield from simulation_words(found)


def throughput_words(found: Analysis) -> str:
    """Say what is carried, and what binds."""
    told = found.told
    carried = engineering(told.events_per_second, "events/s")
    most = engineering(found.capacity, "events/s")
    doubt = "" if told.throughput_told else " (not sure within 3 %: few batches are in flight)"
    if math.isinf(found.cluster.offered):
        return f"Carries {carried}{doubt}: {_binding(found)}."
    return (
        f"Carries {carried} of {_offered(found)} offered{doubt}; at most {most}, where "
        f"{_binding(found)}."
    )


def _binding(found: Analysis) -> str:
    """Return what binds, with its verb."""
    if found.binding == "credits":
        return "credits bind"
    # A node has a name of its own by its number: consumer 3.
    own = found.binding.startswith(("consumer ", "producer "))
    return f"{'' if own else 'the '}{found.binding} binds"


def _offered(found: Analysis) -> str:
    return engineering(found.cluster.offered * found.cluster.producers.batch, "events/s")


def latency_words(found: Analysis) -> str:
    """Say P50 and P99 from commit to the end of handling, or why they are not told."""
    told = found.told
    if told.latency is not None:
        p50, p99 = (engineering(told.latency.quantile(share), "s") for share in (0.5, 0.99))
        return f"From commit to handled a batch takes {p50} (P50), {p99} (P99)."
    mean = ""
    if math.isfinite(told.mean_seconds):
        mean = f"; its mean is {engineering(told.mean_seconds, 's')}"
    instead = "" if found.simulated is None else "; simulated below"
    return f"P99 is not told: {told.untold}{mean}{instead}."


def growth_words(found: Analysis) -> str:
    """Say where more consumers stop paying."""
    last, here = found.enough, found.cluster.consumers.count
    rate = engineering(last.events_per_second, "events/s")
    if last is found.steps[-1]:
        return (
            f"More consumers still pay at {last.consumers:,} ({last.hosts:,} hosts), the most that "
            f"was tried: {rate}."
        )
    where = f"{last.hosts:,} hosts, {'more' if last.consumers > here else 'no more'} than there are"
    bound = "credits bind" if last.binds == "credits" else f"the {NAMES[last.binds]} binds"
    return f"More consumers stop paying at {last.consumers:,} ({where}): {rate}, {bound} then."


def hot_topic_words(found: Analysis) -> str:
    """Say what the most popular topic costs."""
    hot = found.hot
    if found.cluster.topics.routing == "round-robin":
        return "Batches go to all consumers in turn: no topic is hot."
    return (
        f"The busiest consumer gets {percentage(hot.share)} of all batches where an even share is "
        f"{percentage(hot.even)}: that costs {percentage(max(hot.lost, 0.0), 0)} of what even "
        "topics would carry."
    )


def incast_words(found: Analysis) -> Iterator[str]:
    """Say whether the buffer of a port can overflow."""
    buffer = found.cluster.switches.buffer_bytes
    if buffer is None:
        return
    share = overflow(found.told)
    if most_bytes(found.cluster) <= buffer:
        yield "Incast: all that credits let out fits into the buffer of one port."
    elif math.isnan(share):
        yield "Incast: credits let out more than the buffer of one port holds; losses not told."
    else:
        words = "less than 1 in a million" if share < 1e-6 else f"{share:.2g}"
        yield (
            f"Incast: share of the batches that find the busiest port's buffer full: {words}. What "
            "is lost and sent again is outside the model."
        )


def simulation_words(found: Analysis) -> Iterator[str]:
    """Say what the simulation saw."""
    seen = found.simulated
    if seen is None:
        return
    if not seen.latencies.size:
        yield f"Simulated {engineering(seen.seconds, 's')}: no batch was handled; take longer."
        return
    rate = engineering(seen.batches_per_second * found.cluster.producers.batch, "events/s")
    p50, p99 = (engineering(seen.quantile(share), "s") for share in (0.5, 0.99))
    yield (
        f"Simulated {engineering(seen.seconds, 's')}, {seen.latencies.size:,} batches after the "
        f"warm-up: {rate}, P50 {p50}, P99 {p99}."
    )
    if found.cluster.topics.routing == "round-robin" and found.cluster.producers.rate is None:
        yield (
            "Producers that take turns as fast as they can may keep the order in which they began: "
            "another --seed shows another beginning."
        )
