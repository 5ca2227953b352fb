"""The instruments as others read them."""

import asyncio
import contextlib
import socket
import threading
import time
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aethermodel.bus import Bus
from aethermodel.bus.prometheus import prometheus_text, serve
from aethermodel.measure.harness.batch_pool import make_batch


def used_bus():
    bus = Bus(["md.trade", "md.quote"])
    bus.on("md.trade")(lambda batch, indices: None)
    for i in range(3):
        bus.tick(make_batch(100, 2, i))
    bus.instruments.waiting_events.record(7)
    bus.instruments.tick_ns.clear()
    for ns in (900, 1000, 1001, 2_500_000, 7_000_000_000):
        bus.instruments.tick_ns.record(ns)
    return bus


def samples(text):
    return {
        (s.name, *sorted(s.labels.values())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_prometheus_text_says_what_the_table_says():
    instruments = used_bus().instruments
    read = samples(prometheus_text(instruments))
    table = instruments.table()
    for topic in table.index:
        assert read["aether_bus_handled_events_total", topic] == table.loc[topic, "events"]
        assert read["aether_bus_handler_calls_total", topic] == table.loc[topic, "calls"]
        assert read["aether_bus_handler_failures_total", topic] == 0
    assert read["aether_bus_copied_bytes_total",] == 0
    assert read["aether_bus_sequence_gaps_total",] == 0
    assert read["aether_bus_batch_events_sum",] == 300
    assert read["aether_bus_tick_seconds_count",] == 5
    assert read["aether_bus_tick_seconds_bucket", "1e-06"] <= 2
    assert read["aether_bus_tick_seconds_bucket", "2e-06"] == 3
    assert read["aether_bus_tick_seconds_bucket", "5"] == 4
    assert read["aether_bus_tick_seconds_bucket", "+Inf"] == 5


def test_served_on_loopback_until_closed():
    bus = used_bus()
    port, close = serve(bus.instruments)
    with urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        assert (
            samples(response.read().decode()).keys()
            >= samples(prometheus_text(bus.instruments)).keys()
        )
    close()
    with pytest.raises(OSError):
        urlopen(f"http://127.0.0.1:{port}/metrics")


def test_a_request_is_bounded_as_a_whole_and_their_number_too():
    """Clients that say a byte now and then, or nothing, do not hold the server."""
    before = threading.active_count()
    port, close = serve(used_bus().instruments, timeout=2.0)
    slow = socket.create_connection(("127.0.0.1", port))
    slow.settimeout(60)

    def drip():
        with contextlib.suppress(OSError):
            while True:
                slow.sendall(b"G")
                time.sleep(0.02)

    dripping = threading.Thread(target=drip)
    dripping.start()
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
        assert b"aether_bus_handled_events_total" in response.read()
    with contextlib.suppress(ConnectionError):
        assert slow.recv(1) == b""  # hung up on, though each byte was in time
    dripping.join(60)
    for connection in silent:
        connection.settimeout(60)
        with contextlib.suppress(ConnectionError):
            assert connection.recv(1) == b""
        connection.close()
    slow.close()
    close()
    deadline = time.monotonic() + 60
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(ValueError, match="time limit"):
        serve(used_bus().instruments, timeout=0)


def test_cleared_instruments_start_from_zero():
    instruments = used_bus().instruments
    instruments.clear()
    summary = instruments.summary()
    assert summary["events"] == summary["ticks"] == summary["handler_calls"] == 0
    assert instruments.table()["events"].sum() == 0


def test_a_widget_follows_the_bus():
    pytest.importorskip("ipywidgets")
    from aethermodel.report.figures.live import live

    async def main():
        bus = used_bus()
        widget = live(bus.instruments, 0.1)
        before = widget.value
        assert "md.quote" in before
        bus.tick(make_batch(100, 2, 9))
        while widget.value == before:
            await asyncio.sleep(0.05)
        assert widget.stop()
        with pytest.raises(ValueError, match=r"at most every 0\.1 s"):
            live(bus.instruments, 0.01)

    asyncio.run(asyncio.wait_for(main(), 120))
