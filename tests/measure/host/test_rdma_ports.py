"""Devices and ports: asked of pyverbs where it is, else read from the kernel."""

import sys
from types import SimpleNamespace

from aethermodel.measure.host.rdma_ports import find_devices


def test_devices_or_the_reason_why_not():
    found = find_devices()
    assert len(found.table()) == len(found.ports)
    assert found.ports or found.sentence.startswith("No RDMA device here: ")


def test_devices_are_asked_of_pyverbs_where_it_is(monkeypatch):
    gid = SimpleNamespace(gid_index=1, port_num=2, gid_type=2, gid_str=lambda: "::ffff:10.0.0.1")

    class Context:
        def __init__(self, name):
            assert name == "mlx5_0"

        def query_device(self):
            return SimpleNamespace(phys_port_cnt=2)

        def query_port(self, number):
            return SimpleNamespace(state=4, link_layer=2, gid_tbl_len=number - 1)

        def query_gid_table(self, entries):
            return [gid][:entries]

        def close(self):
            pass

    device = SimpleNamespace(
        get_device_list=lambda: [SimpleNamespace(name=b"mlx5_0")],
        Context=Context,
        port_state_to_str=lambda state: {4: "ACTIVE (4)"}[state],
        translate_link_layer=lambda layer: {2: "Ethernet"}[layer],
    )
    monkeypatch.setitem(sys.modules, "pyverbs", SimpleNamespace(device=device))
    found = find_devices()
    assert (found.source, found.sentence) == ("pyverbs", "Found by pyverbs.")
    assert [len(port.gids) for port in found.ports] == [0, 1]
    ports = [("mlx5_0", number, "ACTIVE", "Ethernet", "rdma-nic") for number in (1, 2)]
    assert list(found.table().itertuples(index=False, name=None)) == ports
