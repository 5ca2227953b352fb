"""Placement and topology: cores of the loop, the producer and the consumer."""

import os
from pathlib import Path

import pytest
from command_line import aether
from synthetic_calibration import synthetic_calibration

from aethermodel.measure.campaign.placed import Place, each_distance
from aethermodel.measure.harness.processes.child_processes import call
from aethermodel.measure.host import affinity
from aethermodel.measure.host.affinity import Placement
from aethermodel.measure.host.system_files import Roots
from aethermodel.measure.host.topology import best_pair, pairs, topology

CPU = "sys/devices/system/cpu/"
ALLOWED = sorted(os.sched_getaffinity(0))


def host(folder: Path, allowed="0-7", isolated="", device=None):
    """Two NUMA nodes of two cores of two threads: 0 and 4, 1 and 5; 2 and 6, 3 and 7."""
    files = {
        "proc/self/status": f"Cpus_allowed_list:\t{allowed}\n",
        CPU + "isolated": isolated,
        "sys/devices/system/node/node0/cpulist": "0-1,4-5",
        "sys/devices/system/node/node1/cpulist": "2-3,6-7",
    }
    for core in range(8):
        files[CPU + f"cpu{core}/topology/thread_siblings_list"] = f"{core % 4},{core % 4 + 4}"
        shared = "0-1,4-5" if core % 4 < 2 else "2-3,6-7"
        files[CPU + f"cpu{core}/cache/index3/level"] = "3"
        files[CPU + f"cpu{core}/cache/index3/shared_cpu_list"] = shared
    if device is not None:
        files["sys/class/infiniband/mlx5_0/device/numa_node"] = str(device)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Roots(folder / "proc", folder / "sys")


def test_distances_between_cores(tmp_path):
    cores = topology(host(tmp_path))
    assert [cores[0].distance(cores[n]) for n in (4, 1, 2)] == ["thread", "cache", "remote"]
    found = {name: (a.number, b.number) for name, (a, b) in pairs(cores.values()).items()}
    assert found == {"thread": (0, 4), "cache": (0, 1), "remote": (0, 2)}


@pytest.mark.parametrize(
    ("given", "pin"),
    [
        ({}, (2, 3)),  # interrupts go to core 0 first
        ({"device": 0}, (0, 1)),  # but the device's memory is near
        ({"isolated": "1,5,6,7"}, (6, 7)),
        ({"allowed": "0,4"}, (0, 4)),
        ({"allowed": "1-2"}, (1, 2)),
    ],
)
def test_the_best_pair(tmp_path, given, pin):
    where = host(tmp_path, **given)
    one, other = best_pair(topology(where), given.get("device"))
    assert (one.number, other.number) == pin


def test_the_doctor_recommends_it(tmp_path):
    from aethermodel.doctor import pinning

    (finding,) = pinning.check(host(tmp_path / "two"))
    assert (finding.level, finding.value) == ("good", "--pin 2:3")
    (finding,) = pinning.check(host(tmp_path / "threads", allowed="0,4"))
    assert finding.level == "warn" and "threads of one core" in finding.why
    (finding,) = pinning.check(host(tmp_path / "one", allowed="3"))
    assert finding.level == "warn" and "one core only" in finding.why


def test_parts_of_a_placement(tmp_path):
    roots = host(tmp_path)
    placed = Placement.of("2:0-1,4:node1", roots)
    assert (placed.loop, placed.producer) == ({2}, {0, 1, 4})
    assert placed.consumer == {2, 3, 6, 7}
    alone = Placement.of("node0", roots)
    assert alone.loop == alone.producer == alone.consumer == {0, 1, 4, 5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cores are a list"),
        ("a", "cores are a list"),
        ("0:", "cores are a list"),
        ("0:0:0:0", "LOOP:PRODUCER:CONSUMER"),
        ("node77", "no NUMA node 77"),
        ("node", "no NUMA node"),
        ("4095", "may not use core 4095"),
    ],
)
def test_what_is_no_placement_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        Placement.of(text)


@pytest.mark.parametrize(
    "command", [("validate",), ("bench", "ring"), ("bench", "pipeline"), ("bench", "latency")]
)
def test_a_core_that_is_not_there_is_one_line(command):
    done = aether(*command, "--pin", "0:4095")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("aethermodel: this process may not use core 4095")


def _of_a_child():
    return sorted(os.sched_getaffinity(0)), os.environ[affinity.VARIABLE]


@pytest.mark.skipif(len(ALLOWED) < 2, reason="one core only: there is nowhere to place")
def test_each_process_takes_the_cores_of_its_part(monkeypatch):
    loop, producer = ALLOWED[:2]
    monkeypatch.setenv(affinity.VARIABLE, f"{loop}:{producer}")
    assert call(_of_a_child) == ([loop], f"{loop}:{producer}")
    assert affinity.usable_cores() == [loop, producer]
    assert sorted(os.sched_getaffinity(0)) == ALLOWED  # of who called nothing has changed
    assert call(_crossing_cores) == ([loop], [producer])


def _crossing_cores():
    """Open a crossing, and look where its two processes may run once they work."""
    import asyncio

    from aethermodel.measure.harness.processes.producer_process import Crossing

    async def main():
        crossing = await Crossing.open("shm", 64, 4)
        try:
            crossing.order(1, 64)
            await crossing.receiver.receive()
            producer = sorted(os.sched_getaffinity(crossing.pid))
            return sorted(os.sched_getaffinity(0)), producer
        finally:
            crossing.close()

    return asyncio.run(main())


@pytest.mark.skipif(len(ALLOWED) < 2, reason="one core only: there is nowhere to place")
def test_a_sweep_has_placement_as_an_axis(tmp_path):
    from aethermodel.sweep.plan import Sweep
    from aethermodel.sweep.run import run
    from aethermodel.sweep.store import Store

    one, two = ALLOWED[:2]
    axis = [f"{one}:{two}", f"{two}:{one}", one]
    sweep = Sweep(
        probe="pipeline",
        parameters={"batch_size": [64], "fabric": ["shm"], "pin": axis},
        samples=1,
        sample_seconds=0.001,
        noise_gate=1,
    )
    summary = run(sweep, Store(tmp_path / "s"))
    assert summary.states == {"done": 3}
    assert [p["pin"] for p in sweep.points] == [f"{one}:{two}", f"{two}:{one}", str(one)]
    with pytest.raises(ValueError, match="may not use core 4095"):
        Sweep(probe="pipeline", parameters={"pin": ["4095"]})


def test_a_calibration_has_a_place_for_each_distance_of_its_host(tmp_path):
    places = each_distance(topology(host(tmp_path)))
    assert places == [Place("0:4", "thread"), Place("0:1", "cache"), Place("0:2", "remote")]
    for core in range(8):  # a cache of its own
        own = f"{core % 4},{core % 4 + 4}"
        (tmp_path / CPU / f"cpu{core}/cache/index3/shared_cpu_list").write_text(own)
    apart = each_distance(topology(Roots(tmp_path / "proc", tmp_path / "sys")))
    assert [place.distance for place in apart] == ["thread", "node", "remote"]
    alone = host(tmp_path / "alone", allowed="3")
    assert each_distance(topology(alone)) == []


def test_a_calibration_says_where_it_was_taken():
    taken = Place("0:2", "remote").noted(synthetic_calibration())
    assert taken.warnings[-1] == (
        "taken with loop and producer on cores 0:2: two cores of different NUMA nodes"
    )
    assert Place().noted(taken) is taken
