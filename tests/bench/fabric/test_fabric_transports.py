"""Transports of timed batches: which device, which sizes, and both hosts of one mind."""

import threading

import pytest

from aethermodel.bench.fabric.device_counters import Resends
from aethermodel.bench.fabric.ends import connect, listen
from aethermodel.bench.fabric.exchange_rounds import FabricPlan
from aethermodel.bench.fabric.exchanges import Framing
from aethermodel.bench.fabric.host_address import device_at, own_address
from aethermodel.bench.fabric.session import Address
from aethermodel.bench.fabric.transports import Tcp
from aethermodel.bus.fabrics.key_exchange import SharedKey
from aethermodel.measure.host.system_files import Roots


class Other(Tcp):
    """TCP under another name."""

    name = "verbs"


@pytest.fixture
def devices(tmp_path):
    """Write what the kernel shows of two devices."""
    gids = {"rxe1": "0000:0000:0000:0000:0000:ffff:0a4e:0001", "rxe2": "fd00:" + "0000:" * 6 + "2"}
    for name, gid in gids.items():
        port = tmp_path / "class/infiniband" / name / "ports" / "1"
        (port / "gids").mkdir(parents=True)
        (port / "gids" / "0").write_text("0000:0000:0000:0000:0000:0000:0000:0000\n")
        (port / "gids" / "1").write_text(gid + "\n")
        (port / "hw_counters").mkdir()
        for counter, value in {"sent_pkts": 900, "rcvd_seq_err": 2, "lifespan": 10}.items():
            (port / "hw_counters" / counter).write_text(f"{value}\n")
    return tmp_path / "class/infiniband"


def test_hosts_that_measure_different_fabrics_say_so_on_both_sides():
    key, told, where = SharedKey.fresh(), [], threading.Event()

    def far():
        try:
            listen(Address("127.0.0.1", 0), key, lambda at: [told.append(at), where.set()].clear())
        except ConnectionError as error:
            told.append(str(error))

    listening = threading.Thread(target=far)
    listening.start()
    assert where.wait(60)
    with pytest.raises(ConnectionError, match="this host measures tcp, and the other one verbs"):
        connect(told[0], key, FabricPlan(), transport=Other())
    listening.join(60)
    assert "give both the same --fabric" in told[1]


def test_the_device_is_the_one_that_has_the_address(devices):
    roots = Roots(sys=devices.parents[1])
    assert device_at("10.78.0.1", roots) == "rxe1"
    assert device_at("fd00::2", roots) == "rxe2"
    assert device_at("10.78.0.9", roots) is None
    assert own_address("127.0.0.1", 7, listening=True) == "127.0.0.1"
    assert own_address("127.0.0.1", 7, listening=False) == "127.0.0.1"
    with pytest.raises(ConnectionError, match="cannot be reached"):
        own_address("no.such.host.invalid", 7, listening=False)


def test_what_a_device_sent_again_is_counted_and_how_soon_that_is_known(devices):
    resends = Resends("rxe1", devices=devices)
    assert resends.known and resends.count() == 2
    assert 0.010 < resends.fresh_seconds < 0.02
    (devices / "rxe1/ports/1/hw_counters/rcvd_seq_err").write_text("5\n")
    assert resends.count() == 5
    resends.close()
    none = Resends("absent", devices=devices)
    assert not none.known and none.count() == 0 and none.fresh_seconds == 0


def test_bytes_of_a_message_written_by_rdma():
    """A packet of RoCE has 58 bytes of headers over IPv4; a message an address and an immediate."""
    framing = Framing(1024, 58, 20)
    assert framing.wire_bytes(64) == 64 + 58 + 20
    assert framing.wire_bytes(2048) == 2048 + 2 * 58 + 20


@pytest.mark.parametrize(("most", "fitted", "held"), [(None, 16_384, 8192), (1024, 1024, 512)])
def test_a_plan_keeps_to_what_the_transport_carries_at_the_pace_of_the_wire(most, fitted, held):
    plan = FabricPlan.within(most, rounds=2)
    assert (plan.batch_sizes[-1], plan.held_out[-1], plan.rounds) == (fitted, held, 2)
