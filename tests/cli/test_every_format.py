"""A newcomer's way: from a file of every format to law, picture, batch size and page."""

import json
from pathlib import Path

import pytest
from test_bad_input import call

__all__ = ["call"]

SAMPLES = Path(__file__).parents[1] / "readers" / "samples"
#: A sample of each format: its curves, the ends of the first, and what its one line asks for.
FORMATS = {
    "asv.json": (2, 10, 10_000),
    "cargo_criterion.jsonl": (1, 16, 256),
    "extra_p.jsonl": (1, 4, 32, "--unit", "s", "--size", "p", "--second", "size"),
    "google_benchmark.json": (1, 8, 4096, "--size", "n"),
    "hyperfine.json": (1, 1, 4),
    "imb.txt": (3, 0, 4096),
    "iperf3.json": (1, 1024, 131_072),
    "jmh.json": (2, 100, 10_000),
    "nccl_all_reduce.txt": (2, 8, 4096),
    "netpipe.out": (1, 1, 65_539),
    "osu_latency.txt": (1, 0, 4096),
    "perftest_write_bw.txt": (1, 2, 8_388_608),
    "pyperf.json": (2, 10, 10_000),
    "pytest_benchmark.json": (3, 10, 10_000),
    "semicolons.csv": (2, 1, 10_000),
    "sockperf.txt": (1, 16, 16_384),
    "ucx.txt": (1, 8, 16_384),
}
NO_LAW = {"none", "interpolation"}


@pytest.mark.slow(reason="a law and a page of every format: 20 s")
@pytest.mark.parametrize("file", FORMATS)
def test_law_picture_batch_size_and_page_take_one_command_each(call, file):
    curves, smallest, largest, *options = FORMATS[file]
    sample = str(SAMPLES / file)
    wanted = ("--rate", "1e3", "--p99", "1s", "--json", "laws.json")
    status, said, told = call("fit", sample, *options, *wanted)
    assert status == 0, told
    laws = json.loads(Path("laws.json").read_text("utf-8"))["laws"]
    assert len(laws) == curves
    assert (laws[0]["sizes"][0], laws[0]["sizes"][-1]) == (smallest, largest)
    # A law, or that there is none; of one to four curves a picture.
    assert said.count("T = ") == sum(law["family"] not in NO_LAW for law in laws)
    assert ("no law" in said) == any(law["family"] in NO_LAW for law in laws)
    assert all(min(law["seconds"]) > 0 for law in laws)
    assert "+---" in said
    if "--second" not in options:
        assert "at least 1,000" in said and "best rate" in said
    status, said, told = call("report", sample, *options, "-o", "page.html")
    assert status == 0, told
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 1 and "<script" not in page
    assert all(law["name"] in page for law in laws)
