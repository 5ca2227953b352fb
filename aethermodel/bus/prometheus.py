"""Prometheus endpoint of a bus, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.bus.instruments import Instruments
from cython_core import Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS = tuple(m * 10.0**e for e in range(-6, 1) for m in (1, 2, 5))
_EVENTS = tuple(4.0**e for e in range(13))


class InstrumentsCollector:
    """Reads the instruments when Prometheus asks, and costs nothing in between.

    Parameters
    ----------
    instruments : Instruments
    """

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def collect(self) -> Iterator[Any]:
        """Yield the metric families; the names carry SI units."""
        from prometheus_client.core import CounterMetricFamily

        seen = self._instruments
        by_topic = (
            ("handled_events", "Events shown to handlers", seen.handled, 1.0),
            ("handler_calls", "Handler calls", seen.calls, 1.0),
            ("handler_failures", "Handler calls that raised", seen.failed, 1.0),
            ("handler_seconds", "Seconds in handlers", seen.handler_ns, 1e-9),
        )
        for name, meaning, values, unit in by_topic:
            family = CounterMetricFamily(f"aether_bus_{name}", meaning, labels=["topic"])
            for topic, value in zip(seen.topics, values, strict=True):
                family.add_metric([topic], value * unit)
            yield family
        for name, meaning, value in (
            ("refused_events", "Events of batches that could not be routed", seen.refused),
            ("dropped_events", "Events dropped by back-pressure", seen.dropped),
            ("lost_events", "Events not handled to the end", seen.lost),
            (
                "lost_streams",
                "Receivers that ended in disorder",
                seen.streams_lost,
            ),
            ("interruptions", "Cancellations of the bus's tasks from outside", seen.interruptions),
            ("sequence_gaps", "Batches with an event that was not the next", seen.gaps),
            ("copied_bytes", "Event bytes copied before handlers saw them", seen.copied_bytes),
        ):
            yield CounterMetricFamily(f"aether_bus_{name}", meaning, value=value)
        for name, meaning, histogram, bounds, unit in (
            ("tick_seconds", "Time of a tick", seen.tick_ns, _SECONDS, 1e-9),
            ("batch_events", "Events a batch", seen.batch_events, _EVENTS, 1.0),
            ("waiting_events", "Events that wait", seen.waiting_events, _EVENTS, 1.0),
        ):
            yield _family(f"aether_bus_{name}", meaning, histogram, bounds, unit)


def _family(
    name: str, meaning: str, histogram: Histogram, bounds: tuple[float, ...], unit: float
) -> Any:
    from prometheus_client.core import HistogramMetricFamily

    largest, counts = histogram.buckets()
    upto = np.concatenate([[0], np.cumsum(counts)])
    at = np.searchsorted(largest * unit, np.array(bounds) * (1 + 1e-12), side="right")
    buckets = [(f"{bound:g}", float(upto[i])) for bound, i in zip(bounds, at, strict=True)]
    buckets.append(("+Inf", float(histogram.count)))
    return HistogramMetricFamily(name, meaning, buckets, sum_value=histogram.total * unit)


def registry_of(instruments: Instruments) -> CollectorRegistry:
    """Return a Prometheus registry that holds these instruments and nothing else."""
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(InstrumentsCollector(instruments))
    return registry


def prometheus_text(instruments: Instruments) -> str:
    """Return the instruments in Prometheus' text format."""
    from prometheus_client import generate_latest

    text: str = generate_latest(registry_of(instruments)).decode()
    return text


def serve(
    instruments: Instruments, port: int = 0, *, timeout: float = 5.0
) -> tuple[int, Callable[[], None]]:
    """Answer Prometheus on loopback, from threads of its own.

    Parameters
    ----------
    instruments : Instruments
    port : int
        0 for a free one.
    timeout : float
        Seconds that one request may take from its connection to its last byte; then it is hung up
        on. At most 16 are answered at a time; of more the oldest is hung up on.

    Returns
    -------
    (int, callable)
        The port, and what closes it.

    Raises
    ------
    OSError
        If the port is taken.
    ValueError
        If the time limit is not above 0.
    """
    if not 0 < timeout < float("inf"):
        raise ValueError(f"a time limit is above 0 seconds, not {timeout!r}")
    from prometheus_client import make_wsgi_app

    from aethermodel.bus.prometheus_server import ScrapeServer

    server = ScrapeServer(port, timeout)
    server.set_app(make_wsgi_app(registry_of(instruments)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return server.server_port, close
