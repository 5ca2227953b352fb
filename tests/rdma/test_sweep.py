"""The sweep on a real device: exact counts, an provenance label, and a file that can be judged."""

from __future__ import annotations

from typing import Any

import pytest

from aethermodel.bench.rdma import sweep
from aethermodel.calibrate.verbs.cost_samples import VerbsSamples
from aethermodel.measure.host.rdma_devices import label_of
from aethermodel.measure.host.rdma_ports import find_devices
from aethermodel.measure.probes.verbs import Settings, count, prepare


@pytest.mark.parametrize(
    "setting",
    [
        {"messages": 1},
        {"messages": 64, "list_length": 7, "signal_every": 4, "window": 10},
        {"messages": 256, "list_length": 64, "signal_every": 64, "inline": True},
        {"messages": 16, "list_length": 3, "signal_every": 64, "message_bytes": 4096},
    ],
)
def test_counts_are_those_of_the_formulas(device: Any, setting: dict[str, Any]) -> None:
    settings = Settings(**setting)
    counted = count(settings)
    assert counted[:2] == (settings.posts, settings.completions)
    if label_of(device.name) == "soft-roce":
        # Each message is acknowledged by a packet of its own; a busy guest may send one again.
        packets = -(-settings.message_bytes // device.mtu) + 1
        assert counted.packets is not None
        assert counted.packets >= settings.messages * packets
    # The probe counts every sample itself.
    assert prepare(settings)(3) > 0


def test_a_small_sweep_is_labelled_and_complete(device: Any) -> None:
    swept = sweep(12, 1, 2, sample_seconds=0.001)
    assert swept.fabric == label_of(device.name)
    assert swept.device == device.name
    assert swept.mtu == device.mtu
    assert all(len(values) == 2 for row in swept.rows for values in row.samples_seconds)
    assert VerbsSamples.model_validate_json(swept.text()) == swept


def test_the_device_is_found(device: Any) -> None:
    found = find_devices()
    assert device.name in list(found.table()["device"])
    assert found.source in {"pyverbs", "sysfs"}
