"""Record sizes on the command line: calibrated, in between, and refused in a line."""

import asyncio
import json
from dataclasses import replace

import pytest
from command_line import aether, quickly
from synthetic_calibration import TRUE, synthetic_calibration

from aethermodel.bench.pipeline.measurement import PipelineBench
from aethermodel.bench.pipeline.prediction import term_plan
from aethermodel.bench.pipeline.rows import Row, opened
from aethermodel.json_documents import write_document
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.probes import PROBES


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Calibrations at records of 64 and 1,024 bytes, as arguments of `predict`."""
    folder, arguments = tmp_path_factory.mktemp("sizes"), ["--foreign"]
    for size in (64, 1024):
        known = synthetic_calibration(noise=0.005, t_event=TRUE["t_event"] * (size / 64) ** 0.5)
        known = replace(known, conditions=replace(known.conditions, record_bytes=size))
        path = folder / f"sizes-{size}.json"
        write_document(known.to_json(), str(path))
        arguments += ["-c", str(path)]
    return arguments


def predicted(*arguments):
    done = aether("predict", *arguments, "-n", "1,5000", "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_size_that_was_calibrated_is_predicted_as_measured(files):
    for size in (64, 1024):
        content = predicted(*files, "--record-bytes", str(size))
        assert content["origin"] == "measured"
        assert content["conditions"]["record_bytes"] == size


def test_a_size_in_between_and_one_beyond_are_marked(files):
    between = predicted(*files, "--record-bytes", "256")
    beyond = predicted(*files, "--record-bytes", "4096")
    assert (between["origin"], beyond["origin"]) == ("interpolated", "extrapolated")
    assert between["warnings"][0] == (
        "records of 256 B were never measured: interpolated from those of 64 and 1,024 B"
    )
    few, many = (row["seconds"] for row in between["rows"])
    assert many == pytest.approx(few + 5000 * 2 * TRUE["t_event"], rel=0.15)
    shown = aether("predict", *files, "--record-bytes", "256", "-n", "100")
    assert "16 topics, records of 256 B [loopback, interpolated]" in shown.stdout
    assert "records of 256 B were never measured: interpolated" in shown.stdout
    assert "log T_batch linear in log bytes between 64 and 1024 B" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--record-bytes", "12"), "8 to 65,536, a multiple of 8, not 12"),
        (("--record-bytes", "256", "--optimum"), "256 was not calibrated; only -n is answered"),
        ((), "calibrated at records of 64, 1024 bytes: say which"),
    ],
)
def test_what_cannot_be_predicted_is_said_in_a_line(files, arguments, words):
    done = aether("predict", *files, *arguments)
    assert done.returncode == 2 and words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bench", "kernel", "--record-bytes", "7"), "multiple of 8, not 7"),
        (("bench", "kernel", "--record-bytes", "many"), "whole numbers separated by commas"),
        (("bench", "kernel", "--record-bytes", "65536", "-n", "1e5"), "smaller --batch-size"),
        (("calibrate", "--record-bytes", "64,256", "--json", "-"), "written to files"),
        (
            ("validate", "--record-bytes", "65536", "--fabric", "shm", "-n", "3000"),
            "a batch of 3000 records of 65536 bytes is larger than 64 MiB",
        ),
        (("bench", "pipeline", "--record-bytes", "256", "--rows", "naive"), "naive: only messages"),
        (("bench", "pipeline", "--record-bytes", "256", "--peers"), "--peers carry messages of 64"),
        (
            ("bench", "pipeline", "--record-bytes", "65536", "--rows", "shm", "-n", "1e5"),
            "larger than 64 MiB: take a smaller batch_size",
        ),
    ],
)
def test_sizes_that_cannot_be_measured_are_refused_in_a_line(arguments, words):
    done = aether(*arguments)
    assert done.returncode == 2 and words in " ".join(done.stderr.split())


def test_a_campaign_of_records_keeps_its_pool_small_and_says_the_size_to_every_probe():
    campaign = Campaign(record_bytes=4096)
    assert campaign.batch_sizes == (1, 10, 100, 1_000, 10_000)
    assert {p.settings["record_bytes"] for p in campaign.plan().points} == {4096}
    assert {p.settings["record_bytes"] for p in Campaign().plan().points} == {64}
    with pytest.raises(ValueError, match="larger than 1,024 MiB"):
        Campaign(record_bytes=65_536, batch_sizes=(10_000,))


@pytest.mark.parametrize("size", [8, 16, 256])
def test_every_probe_of_a_campaign_runs_with_records(size):
    for name in ("loop", "refill", "ffi", "kernel", "fabric", "pipeline", "bandwidth", "checksum"):
        probe = PROBES[name]
        settings = probe.settings(batch_size=40, topics=4, pool=2, record_bytes=size)
        assert probe.prepare(settings)(2) > 0


@pytest.mark.parametrize("size", [8, 4096])
@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_every_probe_of_a_campaign_across_processes_runs_with_records(fabric, size):
    campaign = Campaign(fabric=fabric, record_bytes=size, topics=4, batch_sizes=(40,))
    points = {point.probe: point for point in campaign.plan().points}
    assert {"bus_loop", "refill", "fabric", "send", "pipeline", "in_place"} <= set(points)
    for point in points.values():
        assert point.settings["record_bytes"] == size
        probe = PROBES[point.probe]
        assert probe.prepare(probe.settings(**point.settings))(2) > 0


def test_terms_in_place_are_of_the_records_that_were_asked_for():
    """They were of 64 bytes, whatever the pipeline carried."""
    probe = PROBES["in_place"]
    timer = probe.prepare(probe.settings(batch_size=40, topics=4, record_bytes=4096))
    assert {batch.dtype.itemsize for batch in timer._pool} == {4096}


@pytest.mark.slow(reason="two rows in processes of their own, warmed up")
def test_the_pipeline_bench_carries_records():
    done = aether(
        *("bench", "pipeline", "--record-bytes", "4096", "-n", "50", "--topics", "4"),
        *("--repeats", "1", "--run-seconds", "0.02", "--loops", "asyncio", "--no-predict"),
        *("--rows", "loopback,shm", "--json", "-"),
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["bench"]["record_bytes"] == 4096
    assert [row["kind"] for row in content["rows"]] == ["loopback", "shm"]
    assert all(row["throughput_per_second"] > 0 for row in content["rows"])


@pytest.mark.parametrize("size", [8, 4096])
@pytest.mark.parametrize("kind", ["loopback", "shm", "tcp"])
def test_a_row_of_the_pipeline_bench_carries_records(kind, size):
    row = Row(kind=kind, event_loop="asyncio", batch_size=50, topics=4, record_bytes=size)

    async def main():
        async with opened(row) as (move, _):
            return await move(7, 0)

    moved = asyncio.run(main())
    assert moved.messages == 350 and moved.seconds > 0
    assert moved.latency_ns.count == (7 if size > 8 else 0)


def test_a_pipeline_bench_of_records_has_the_fabrics_rows_and_terms_of_that_size():
    bench = PipelineBench(record_bytes=8)
    assert {"loopback", "shm", "tcp"} <= set(bench.kinds) <= {"loopback", "shm", "tcp", "verbs"}
    assert {point.settings.get("record_bytes") for point in term_plan(bench).points} == {8}


@pytest.mark.slow(reason="one sample of every term of a calibration across processes")
def test_a_calibration_of_records_from_another_process_predicts(tmp_path):
    path = tmp_path / "c.json"
    done = quickly(
        *("calibrate", "--fabric", "shm", "--record-bytes", "4096", "--topics", "4"),
        *("--processes", "1", "--repeats", "1", "--seconds", "0.1", "--json", str(path)),
    )
    assert done.returncode == 0, done.stderr
    content = predicted("-c", str(path), "--record-bytes", "4096")
    assert content["origin"] == "measured" and content["conditions"]["record_bytes"] == 4096
    assert content["conditions"]["fabric"] == "shared-memory"


def test_the_ring_between_processes_carries_records():
    probe = PROBES["crossing"]
    common = {"batch_size": 50, "topics": 4, "pool": 2}
    timed = probe.prepare(probe.settings(transport="ring", record_bytes=256, **common))
    assert timed(20) > 0
    for given, words in (
        ({"transport": "ring", "record_bytes": 16}, "24 bytes or more"),
        ({"transport": "pyzmq", "record_bytes": 256}, "carries events of 64 bytes"),
    ):
        with pytest.raises(ValueError, match=words):
            probe.settings(**common, **given)
