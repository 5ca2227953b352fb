"""A newcomer's way: from a file of every format to law, picture, batch size and page."""

from pathlib import Path

import pytest
from test_bad_input import call

__all__ = ["call"]

SAMPLES = Path(__file__).parents[1] / "readers" / "samples"
#: A sample of each format, and what its one line asks for.
FORMATS = {
    "asv.json": (),
    "cargo_criterion.jsonl": (),
    "extra_p.jsonl": ("--unit", "s", "--size", "p", "--second", "size"),
    "google_benchmark.json": ("--size", "n"),
    "hyperfine.json": (),
    "imb.txt": (),
    "iperf3.json": (),
    "jmh.json": (),
    "nccl_all_reduce.txt": (),
    "netpipe.out": (),
    "osu_latency.txt": (),
    "perftest_write_bw.txt": (),
    "pyperf.json": (),
    "pytest_benchmark.json": (),
    "semicolons.csv": (),
    "sockperf.txt": (),
    "ucx.txt": (),
}


@pytest.mark.slow(reason="a law and a page of every format: 20 s")
@pytest.mark.parametrize("file", FORMATS)
def test_law_picture_batch_size_and_page_take_one_command_each(call, file):
    sample, options = str(SAMPLES / file), FORMATS[file]
    status, said, told = call("fit", sample, *options, "--rate", "1e3", "--p99", "1s")
    assert status == 0, told
    # A law, or that there is none; of one to four curves a picture.
    assert "T = " in said or "no law" in said or "law" in said.split("\n")[0]
    assert "+---" in said or said.count("\n") > 5
    if "--second" not in options:
        assert "at least 1,000" in said and "best rate" in said
    status, said, told = call("report", sample, *options, "-o", "page.html")
    assert status == 0, told
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<svg" in page and "<script" not in page
