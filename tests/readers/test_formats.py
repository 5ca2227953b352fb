"""Formats: a sample of every program, recognised by content and read to the right figures."""

from pathlib import Path

import numpy as np
import pytest

from aethermodel.inputs.refusals import InputError
from aethermodel.readers.file_content import Document
from aethermodel.readers.read import measurements_of, read

SAMPLES = Path(__file__).parent / "samples"

# ruff: noqa: E501 - a table of one line a file
# File: asked, format, size name, kind of time, rows by series, a (size, seconds) of the first.
EXPECTED = {
    "asv.json": ({}, "asv", "n", "per operation", {"param2=list": 24, "param2=tuple": 18}, (10, 9.136e-7)),
    "cargo_criterion.jsonl": ({}, "criterion", "n", "per operation", {"": 30}, (16, 5.589e-8)),
    "criterion.csv": ({}, "criterion", "n", "per operation", {"": 40}, (16, 4.2011919506e-8)),
    "criterion.txt": ({}, "criterion", "n", "per operation", {"name=sort/stable": 4, "name=sort/unstable": 4}, (16, 137.98e-9)),
    "extra_p.json": ({"unit": "s"}, "extra-p", "p", "per operation", {"": 8}, (4, 5.0)),
    "extra_p.jsonl": ({"unit": "ms", "size": "p"}, "extra-p", "p", "per operation", {"": 24}, None),
    "extra_p.txt": ({"unit": "s"}, "extra-p", "p", "per operation", {"region=main": 25, "region=main->solve": 25}, None),
    "google_benchmark.csv": ({"size": "n"}, "google-benchmark", "n", "per operation", {"": 12}, (8, 22.6177e-9)),
    "google_benchmark.json": ({"size": "bytes"}, "google-benchmark", "bytes", "per operation", {"align=8": 3, "align=16": 3}, None),
    "google_benchmark.txt": ({"size": "bytes", "time": "cpu_time"}, "google-benchmark", "bytes", "per operation", {"align=8": 3, "align=16": 3}, (64, 0.002e-6)),
    "hyperfine.csv": ({}, "hyperfine", "n", "per operation", {"name={tool} {n}, tool=seq": 3, "name=seq {n}, tool=jot": 3}, (100, 0.0028495143333)),
    "hyperfine.json": ({}, "hyperfine", "n", "per operation", {"": 16}, (1, 0.001983036)),
    "imb.txt": ({}, "imb", "bytes", "one way / per operation", {"op=PingPong, processes=2": 14, "op=Allreduce, processes=2": 14, "op=Allreduce, processes=4": 14}, (0, 1.2e-6)),
    "iperf3.json": ({}, "iperf3", "bytes", "per operation", {"": 6}, None),
    "jmh.csv": ({}, "jmh", "size", "per operation", {"impl=array": 3, "impl=linked": 3}, None),
    "jmh.json": ({}, "jmh", "size", "per operation", {"impl=array": 24, "impl=linked": 24}, (100, 6.07729e-7)),
    "jmh.txt": ({}, "jmh", "size", "per operation", {f"impl={i}, mode={m}": 3 for m in ("avgt", "thrpt") for i in ("array", "linked")}, (100, 0.599e-6)),
    "nccl_all_reduce.txt": ({}, "nccl-tests", "bytes", "per operation", {"place=out-of-place": 10, "place=in-place": 10}, (8, 9.62e-6)),
    "netpipe.out": ({}, "netpipe", "bytes", "one way", {"": 82}, (1, 7.05e-6)),
    "netpipe.txt": ({}, "netpipe", "bytes", "one way", {"": 82}, (1, 7.05e-6)),
    "osu_allreduce.txt": ({}, "osu", "bytes", "per operation", {"": 11}, (4, 3.60e-6)),
    "osu_bw.txt": ({}, "osu", "bytes", "per operation", {"": 13}, (1, 1 / 0.83e6)),
    "osu_latency.txt": ({}, "osu", "bytes", "one way", {"": 14}, (0, 1.2e-6)),
    "osu_mbw_mr.txt": ({}, "osu", "bytes", "per operation", {"": 13}, (1, 1 / 1666327.64)),
    "perftest_send_lat.json": ({}, "perftest", "bytes", "one way", {"": 5}, (2, 5.37e-6)),
    "perftest_write_bw.json": ({}, "perftest", "bytes", "per operation", {"": 5}, (64, 1.9e-6)),
    "perftest_read_lat.txt": ({}, "perftest", "bytes", "round trip", {"": 23}, (2, 35.09e-6)),
    "perftest_send_bw_gbits.txt": ({}, "perftest", "bytes", "per operation", {"": 23}, (2, 1 / 0.007206e6)),
    "perftest_send_lat.txt": ({}, "perftest", "bytes", "one way", {"": 22}, (2, 9429.65e-6)),
    "perftest_write_bw.txt": ({"time": "time"}, "perftest", "bytes", "per operation", {"": 23}, (2, 1 / 0.008468e6)),
    "pyperf.json": ({}, "pyperf", "n", "per operation", {"name=sorted": 24, "name=sum": 24}, (10, 6.83852661e-7)),
    "pytest_benchmark.json": ({}, "pytest-benchmark", "n", "per operation", {"name=test_sort": 4, "name=test_sum, kind=list": 3, "name=test_sum, kind=tuple": 3}, (10, 1.62532314e-7)),
    "pytest_benchmark_data.json": ({}, "pytest-benchmark", "n", "per operation", {"": 45}, (10, 1.64449993e-7)),
    "semicolons.csv": ({}, "delimited", "n", "per operation", {"host=a": 5, "host=b": 5}, (1, 10.01e-6)),
    "sockperf.txt": ({}, "sockperf", "bytes", "one way", {"": 4}, (16, 12.848e-6)),
    "ucx.txt": ({}, "ucx", "bytes", "one way", {"": 4}, None),
    "ucx_batch.csv": ({}, "ucx", "bytes", "one way / per operation", {"test=lat, kind=one way": 4, "test=bw, kind=per operation": 2}, (8, 223.757e-6)),
    "ucx_batch.txt": ({}, "ucx", "bytes", "one way / per operation", {"test=lat, kind=one way": 4, "test=bw, kind=per operation": 2}, (8, 177.506e-6)),
}  # fmt: skip


def test_every_sample_is_tried():
    assert {path.name for path in SAMPLES.iterdir()} - {"SOURCES.md"} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_read(name):
    asked, format, size, kind, rows, first = EXPECTED[name]
    found = read(SAMPLES / name, **asked)
    assert (found.format, found.size_name, found.time_kind) == (format, size, kind)
    assert {series.name: len(series) for series in found.series} == rows
    assert found.size_unit == ("B" if size == "bytes" else "")
    if first:
        series = found.series[0]
        assert series.sizes[0] == first[0]
        assert series.seconds[0] == pytest.approx(first[1], rel=1e-6)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_name_tells_nothing_and_its_format_may_be_asked_for(name, tmp_path):
    asked, format, *_ = EXPECTED[name]
    hidden = tmp_path / "x"
    hidden.write_bytes((SAMPLES / name).read_bytes())
    found = read(hidden, format=format, **asked)
    assert found == type(found)(**{**vars(found), "format": format})
    assert [len(s) for s in found.series] == list(EXPECTED[name][4].values())


def test_runs_are_processes_and_spread_is_kept():
    runs = read(SAMPLES / "pyperf.json").select(name="sorted").series[0]
    assert len({*runs.process[runs.sizes == 10]}) > 1 and runs.spread is None
    means = read(SAMPLES / "pytest_benchmark.json").select(name="test_sort").series[0]
    assert (means.spread > 0).all() and (means.repeats >= 3).all()
    forks = read(SAMPLES / "jmh.json").series[0]
    assert {*forks.process} == {"1", "2"}


def test_rounding_is_said_where_it_matters():
    latency = read(SAMPLES / "osu_latency.txt").series[0]
    assert latency.resolution == pytest.approx(np.full(14, 1e-8))
    rate = read(SAMPLES / "perftest_write_bw.txt").series[0]
    # 0.000002 Mpps says less than 12.14 MB/s of 8 MiB.
    assert rate.seconds[-1] == pytest.approx(8 / 12.14, rel=1e-6)
    assert rate.resolution[-1] / rate.seconds[-1] == pytest.approx(0.01 / 12.14, rel=1e-3)
    assert read(SAMPLES / "pyperf.json").series[0].resolution is None


def test_a_statistic_may_be_asked_for():
    least = read(SAMPLES / "pytest_benchmark.json", time="min").select(name="test_sort")
    mean = read(SAMPLES / "pytest_benchmark.json").select(name="test_sort")
    assert (least.series[0].seconds < mean.series[0].seconds).all()
    assert least.series[0].spread is None, "the standard deviation is the mean's"
    typical = read(SAMPLES / "perftest_send_lat.txt", time="t_typical")
    assert typical.series[0].seconds[0] == pytest.approx(9989.46e-6)


def test_a_further_parameter_is_the_second_variable():
    found = read(SAMPLES / "extra_p.jsonl", unit="s", size="size")
    (series,) = found.series
    assert series.second.keys() == {"p"} and {*series.second["p"]} == {4, 8, 16, 32}
    threads = read(SAMPLES / "google_benchmark.json", size="bytes", group="name")
    assert threads.series[0].second["align"].tolist() == [8, 8, 8, 16, 16, 16]


def test_what_was_left_out_is_noted():
    notes = "\n".join(read(SAMPLES / "google_benchmark.txt", size="bytes").notes)
    assert "failed: 'no device': left out" in notes
    assert "Barrier has no sizes" in "\n".join(read(SAMPLES / "imb.txt").notes)
    assert "n=10000, param2=tuple: no result" in "\n".join(read(SAMPLES / "asv.json").notes)


def test_a_unit_that_is_not_written_is_asked_for():
    with pytest.raises(InputError, match=r"line 7: in what unit is 'time'\? give --unit s, ms"):
        read(SAMPLES / "extra_p.txt")
    with pytest.raises(InputError, match="'value' is in s, not in ms"):
        read(SAMPLES / "pyperf.json", unit="ms")


def test_several_sizes_are_asked_about():
    with pytest.raises(InputError, match=r"which column is the size\? .* n, bytes, align"):
        read(SAMPLES / "google_benchmark.json")


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(InputError, match="no format 'osuu'; there are pyperf, pytest-benchmark"):
        read(SAMPLES / "osu_bw.txt", format="osuu")


def test_another_format_is_refused_in_one_line():
    data = (SAMPLES / "osu_bw.txt").read_bytes()
    for format in ("pyperf", "iperf3", "parquet", "hyperfine", "jmh", "asv", "nccl-tests"):
        with pytest.raises(InputError, match=r"^x: "):
            measurements_of(Document("x", data), format=format)
