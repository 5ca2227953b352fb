"""The doctor on trees that are well, unwell, or hardly there."""

import math
import mmap
import shutil
from pathlib import Path

import pytest
from host_trees import GOOD, tree
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aethermodel.doctor import Finding, Registration, Roots, distance, examine, software, worst
from aethermodel.doctor import clock as clock_check
from aethermodel.measure.host.rdma_ports import find_devices

MEMLOCK = "Max locked memory         {soft}            {hard}            bytes\n"
RDMA = "sys/class/infiniband/mlx5_0/ports/1/"
CPU = "sys/devices/system/cpu/"


@pytest.fixture(autouse=True, scope="module")
def one_look_between_the_cores():
    """The way between this host's cores is measured once: a third of a second, on any tree."""
    check, here = distance.check, distance.check()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "check", lambda trips=None: here if trips is None else check(trips))
        yield


def found(roots, name, registration=None):
    (finding,) = [f for f in examine(registration, roots) if f.name == name]
    return finding


def changed(folder, files):
    return tree(folder, GOOD | files)


def test_a_good_tree_has_nothing_amiss(tmp_path):
    (tmp_path / "shm").mkdir()
    roots = tree(tmp_path, GOOD)
    findings = [f for f in examine(Registration(size=2**30), roots) if f.name != "shared memory"]
    host_dependent = {"timer", "SIMD variant", "checksum variant", "way between the cores"}
    assert [f for f in findings if f.level != "good" and f.name not in host_dependent] == []
    assert worst(findings) in ("good", "warn")


def test_of_a_missing_tree_nothing_is_called_good(tmp_path):
    roots = Roots(tmp_path / "proc", tmp_path / "sys", tmp_path / "shm")
    findings = examine(Registration(size=4096), roots)
    # What the process knows of itself, without any tree.
    own = {"timer", "uvloop", "SIMD variant", "checksum variant", "way between the cores"}
    assert {f.name for f in findings if f.level == "good"} <= own
    unknown = {f.name for f in findings if f.value is None}
    assert {"memlock limit", "governor", "turbo", "two free cores", "isolated cores"} <= unknown
    assert {"NUMA nodes", "virtualisation", "steal time", "clock source"} <= unknown
    assert {"transparent huge pages", "shared memory", "hardware counters"} <= unknown
    assert worst(findings) == "warn"


def test_files_of_nonsense_are_unknown_and_never_good(tmp_path):
    roots = tree(tmp_path, {name: "\x00 gibberish: [" for name in GOOD})
    own = {
        "timer",
        "uvloop",
        "SIMD variant",
        "checksum variant",
        "devices",
        "way between the cores",
    }
    findings = examine(Registration(size=4096), roots)
    assert {f.name for f in findings if f.level == "good"} <= own


def test_what_cannot_be_read_cannot_be_called_good():
    with pytest.raises(ValidationError, match="not good"):
        Finding(area="clock", name="x", level="good", value=None, why="y")


@given(
    size=st.integers(1, 2**30),
    address=st.integers(0, 2**20),
)
def test_the_pages_of_a_region_bound_those_of_any_placement(size, address):
    page = mmap.PAGESIZE
    spanned = len(range(address // page, (address + size - 1) // page + 1))
    planned = Registration(size=size, queue_pairs=0)
    assert spanned <= planned.pages
    # Some placement needs as many.
    start = page - 1
    assert (start + size - 1) // page - start // page + 1 == planned.pages
    aligned = Registration(size=size, queue_pairs=0, huge=True)
    assert aligned.pages == (size + page - 1) // page


@given(st.integers(0, 1000), st.integers(1, 5000))
def test_queues_pin_alike_for_each_queue_pair(queue_pairs, depth):
    one = Registration(size=1, queue_pairs=1, depth=depth).queue_pages
    assert Registration(size=1, queue_pairs=queue_pairs, depth=depth).queue_pages == (
        queue_pairs * one
    )
    assert one * mmap.PAGESIZE >= depth * (128 + 16 + 2 * 64)


@pytest.mark.parametrize(
    ("soft", "pinned", "capability", "uid_map", "level"),
    [
        ("unlimited", 0, 0, "0 0 4294967295", "good"),
        (8 * 2**20, 0, 0, "0 0 4294967295", "bad"),
        (2**30 + 2**20, 0, 0, "0 0 4294967295", "good"),
        (2**30 + 2**20, 2048, 0, "0 0 4294967295", "bad"),  # pinned already
        (8 * 2**20, 0, 1 << 14, "0 0 4294967295", "good"),
        (8 * 2**20, 0, 1 << 14, "0 1000 1", "bad"),  # root of a rootless container
        (8 * 2**20, 0, 1 << 13, "0 0 4294967295", "bad"),
        (8 * 2**20, 0, 1 << 14, "", "bad"),
    ],
)
def test_a_registration_is_held_against_limit_capability_and_what_is_pinned(
    tmp_path, soft, pinned, capability, uid_map, level
):
    roots = changed(
        tmp_path,
        {
            "proc/self/limits": MEMLOCK.format(soft=soft, hard=soft),
            "proc/self/status": f"CapEff:\t{capability:016x}\nVmPin:\t{pinned} kB\n",
            "proc/self/uid_map": uid_map,
        },
    )
    finding = found(roots, "planned registration", Registration(size=2**30, queue_pairs=0))
    assert finding.level == level
    assert finding.value.startswith("262,145 pages")
    assert bool(finding.remedy) == (level == "bad")


def test_the_remedy_is_ready_to_be_pasted(tmp_path):
    roots = changed(
        tmp_path, {"proc/self/limits": MEMLOCK.format(soft=8 * 2**20, hard="unlimited")}
    )
    lines = found(roots, "planned registration", Registration(size=2**20 * 64)).remedy
    text = "\n".join(line.strip() for line in lines)
    assert "/etc/security/limits.d/rdma.conf" in text
    assert "* soft memlock unlimited\n* hard memlock unlimited" in text
    assert "[Service]\nLimitMEMLOCK=infinity" in text
    assert "--ulimit memlock=-1:-1" in text
    planned = Registration(size=2**20 * 64)
    assert f"ulimit -l {planned.pinned_bytes // 1024}" in text


def test_huge_pages_must_be_there_and_spare_nothing_of_the_limit(tmp_path):
    plan = Registration(size=2**30 + 1, queue_pairs=0, huge=True)
    assert found(tree(tmp_path / "a", GOOD), "huge pages", plan).level == "good"
    few = GOOD["proc/meminfo"].replace("HugePages_Free:     1024", "HugePages_Free: 12")
    limits = MEMLOCK.format(soft=2**30, hard=2**30)
    roots = changed(tmp_path / "b", {"proc/meminfo": few, "proc/self/limits": limits})
    finding = found(roots, "huge pages", plan)
    assert finding.level == "bad"
    assert "513 wanted" in finding.value
    assert finding.remedy == ("sysctl -w vm.nr_hugepages=1525",)
    assert found(roots, "planned registration", plan).level == "bad"


def test_more_than_there_is_memory_is_bad(tmp_path):
    roots = tree(tmp_path, GOOD)
    assert found(roots, "memory to pin", Registration(size=2**34)).level == "bad"


def test_ports_and_addresses_are_read_from_sysfs(tmp_path):
    devices = find_devices(tree(tmp_path, GOOD))
    assert devices.source == "sysfs"
    (port,) = devices.ports
    assert (port.device, port.number, port.state) == ("mlx5_0", 1, "ACTIVE")
    assert (port.link_layer, port.node) == ("Ethernet", 0)
    assert [(gid.index, gid.kind) for gid in port.gids] == [(0, "RoCE v1"), (1, "RoCE v2")]
    gid = found(tree(tmp_path, GOOD), "mlx5_0 port 1 GID")
    assert gid.value == "index 1, ::ffff:10.77.0.1, RoCE v2; 2 in the table"


def test_a_port_without_link_is_bad_unless_another_has_one(tmp_path):
    down = {RDMA + "state": "1: DOWN"}
    assert found(changed(tmp_path / "a", down), "mlx5_0 port 1").level == "bad"
    other = {
        name.replace("mlx5_0", "mlx5_1"): text for name, text in GOOD.items() if "mlx5_0" in name
    }
    roots = changed(tmp_path / "b", other | down)
    assert found(roots, "mlx5_0 port 1").level == "warn"
    assert found(roots, "mlx5_1 port 1").level == "good"


@pytest.mark.parametrize(
    ("files", "level", "words"),
    [
        ({RDMA + "gid_attrs/types/1": "IB/RoCE v1"}, "warn", "v1 does not pass routers"),
        ({RDMA + "gids/1": "fe80::1"}, "warn", "link-local"),
        ({RDMA + "gids/0": "::", RDMA + "gids/1": "::"}, "bad", "table is empty"),
        ({RDMA + "link_layer": "InfiniBand"}, "good", "InfiniBand addresses"),
    ],
)
def test_addresses_that_do_not_reach_far(tmp_path, files, level, words):
    finding = found(changed(tmp_path, files), "mlx5_0 port 1 GID")
    assert (finding.level, words in finding.why) == (level, True)


def test_without_a_device_the_reason_is_told_and_nothing_is_bad(tmp_path):
    files = {name: text for name, text in GOOD.items() if "infiniband" not in name}
    finding = found(tree(tmp_path, files), "devices")
    assert finding.level == "warn"
    assert "no RDMA device" in finding.why
    assert any("rdma_rxe" in line for line in finding.remedy)


@pytest.mark.parametrize(
    ("name", "files", "level"),
    [
        ("governor", {CPU + "cpu3/cpufreq/scaling_governor": "powersave"}, "warn"),
        ("turbo", {CPU + "intel_pstate/no_turbo": "0"}, "warn"),
        ("isolated cores", {CPU + "isolated": ""}, "warn"),
        ("isolated cores", {CPU + "isolated": "8-9"}, "warn"),
        ("two free cores", {"proc/self/status": "Cpus_allowed_list:\t0\n"}, "bad"),
        ("two free cores", {"sys/fs/cgroup/cpu.max": "150000 100000"}, "bad"),
        ("two free cores", {"sys/fs/cgroup/cpu.max": "max 100000"}, "good"),
        ("two free cores", {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1"}, "good"),
        ("two free cores", {"proc/loadavg": "2.50 0 0 1/9 9"}, "warn"),
        (
            "two free cores",
            {CPU + f"cpu{n}/topology/thread_siblings_list": "0-3" for n in range(4)},
            "warn",
        ),
        ("virtualisation", {"proc/cpuinfo": "flags: fpu hypervisor\n"}, "warn"),
        ("steal time", {"proc/stat": "cpu  1 0 1 97 0 0 0 1 0 0\n"}, "warn"),
        ("steal time", {"proc/stat": "cpu  1 0 1 48 0 0 0 50 0 0\n"}, "bad"),
        (
            "clock source",
            {"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"},
            "warn",
        ),
        (
            "transparent huge pages",
            {"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never"},
            "warn",
        ),
        ("hardware counters", {"proc/sys/kernel/perf_event_paranoid": "3"}, "warn"),
        ("TCP congestion control", {"proc/sys/net/ipv4/tcp_congestion_control": "bbr\n"}, "warn"),
        ("TCP congestion control", {"proc/sys/net/ipv4/tcp_congestion_control": "bbr3\n"}, "warn"),
        ("TCP congestion control", {"proc/sys/net/ipv4/tcp_congestion_control": "htcp\n"}, "warn"),
        ("TCP congestion control", {"proc/sys/net/ipv4/tcp_congestion_control": "reno\n"}, "good"),
        (
            "NUMA nodes",
            {
                "sys/devices/system/node/node0/cpulist": "0-1",
                "sys/devices/system/node/node1/cpulist": "2-3",
            },
            "warn",
        ),
        ("NUMA nodes", {"sys/devices/system/node/node1/cpulist": "4-7"}, "good"),
    ],
)
def test_what_makes_a_line_change(tmp_path, name, files, level):
    finding = found(changed(tmp_path, files), name)
    assert finding.level == level
    assert finding.why


def test_two_nodes_name_the_one_of_the_device(tmp_path):
    files = {
        "sys/devices/system/node/node0/cpulist": "0-1",
        "sys/devices/system/node/node1/cpulist": "2-3",
        "sys/class/infiniband/mlx5_0/device/numa_node": "1",
    }
    (remedy,) = found(changed(tmp_path, files), "NUMA nodes").remedy
    assert "--cpunodebind=1 --membind=1" in remedy


@pytest.mark.parametrize(("step", "cost", "level"), [(1, 25, "good"), (1, 900, "warn")])
def test_a_dear_clock_is_told(tmp_path, step, cost, level):
    lines = clock_check.check(tree(tmp_path, GOOD), step, cost)
    assert [f.level for f in lines] == ["good", level]


@pytest.mark.parametrize(
    ("trips", "level", "words"),
    [
        ([90e-9, 110e-9, 95e-9], "good", "share a cache"),
        ([90e-9, 380e-9, 95e-9], "warn", "hypervisor moves the cores"),
        ([380e-9, 390e-9], "warn", "share no cache"),
        ([380e-9, math.nan], "warn", "share no cache"),
        ([math.nan], "warn", "two cores for this process"),
        ([], "warn", "two cores for this process"),
    ],
)
def test_the_way_between_the_cores_is_told(trips, level, words):
    (finding,) = distance.check(trips)
    assert (finding.level, words in finding.why) == (level, True)
    assert bool(finding.remedy) == (level != "good")


@pytest.mark.parametrize(
    ("forced", "variants", "chosen", "level", "words"),
    [
        (None, ("baseline", "v3"), "v3", "good", "the widest"),
        ("baseline", ("baseline", "v3"), "baseline", "warn", "AETHER_SIMD=baseline"),
        ("v3", ("baseline", "v3"), "v3", "good", "AETHER_SIMD=v3"),
        (None, ("baseline", "v3", "v4"), "v3", "good", "AETHER_SIMD=v4 asks"),
        (None, ("baseline", "v3", "v4"), "v4", "good", "the widest"),
        (None, ("baseline",), "baseline", "warn", "avx2"),  # GOOD's processor has it
    ],
)
def test_the_variant_is_told_with_its_reason(tmp_path, forced, variants, chosen, level, words):
    environment = {"AETHER_SIMD": forced} if forced else {}
    lines = software.check(tree(tmp_path, GOOD), environment, variants, chosen)
    (finding,) = [f for f in lines if f.name == "SIMD variant"]
    assert (finding.level, words in finding.why) == (level, True)


def test_a_small_shared_memory_is_told(tmp_path, monkeypatch):
    roots = tree(tmp_path, GOOD, shm=Path("/proc"))  # a file system of no size
    assert found(roots, "shared memory").level == "warn"
    free = shutil.disk_usage(tmp_path).free
    roots = tree(tmp_path, GOOD, shm=tmp_path)
    assert (found(roots, "shared memory").level == "good") == (free > 64 * 2**20)
