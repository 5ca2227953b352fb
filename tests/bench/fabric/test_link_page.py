"""The page of a link measured over verbs: its label, its verdict and its figures in words."""

import json
import re
import sys
from html import unescape

import pytest
from test_trial import FRAMING, OWN, samples

from aethermodel.bench.fabric import ends
from aethermodel.bench.fabric.exchange_rounds import FabricPlan
from aethermodel.bench.fabric.overhead import Overhead
from aethermodel.cli import main
from aethermodel.measure.host.fingerprint import this_host


class Device:
    """What a transport tells of a Soft-RoCE device, without one."""

    name, label, batch_most, counts_resends = "verbs", "soft-roce", 4096, True


def link(address, plan, lost):
    """The document of a wire of 200 us and 1 Gbit/s that sends some packets again."""
    made = samples(plan, 200e-6, 1e9, lost=lost, count=20)
    host = this_host().model_dump(mode="json")
    own = Overhead(OWN, OWN, OWN)
    collected = ends.Collected(made, FRAMING, own, 0, host, host, "soft-roce")
    return ends.document_of(address, plan, collected)


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Runs the command line with such a link: (exit status, standard output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "secret").write_text("a" * 44)
    (tmp_path / "secret").chmod(0o600)
    monkeypatch.setattr(ends, "transport_of", lambda *_, **__: Device())
    monkeypatch.setattr(ends, "connect", lambda to, key, plan, *_: link(to, FabricPlan(), 0.1))

    def run(line):
        monkeypatch.setattr(sys, "argv", ["aethermodel", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


MEASURE = "bench rdma --connect 10.0.0.2 --secret-file secret -o law.json --json link.json"


def test_bench_rdma_between_two_hosts_writes_a_law_and_report_its_page(call, tmp_path):
    status, said, complained = call(MEASURE)
    assert status == 0, complained
    assert "[soft-roce], one way" in said
    found = json.loads((tmp_path / "link.json").read_text())
    assert found["fabric"] == "soft-roce"
    assert call("report law.json -o law.html")[0] == 0
    html = (tmp_path / "law.html").read_text()
    page = unescape(re.sub(r"<[^>]*>", "", html)).replace("\N{NO-BREAK SPACE}", " ")
    assert "soft-roce to 10.0.0.2:18520" in page
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", html) == ["Law", "Answers", "Notes", "Source"]
    notes = page[page.rindex("Notes") :]
    # The verdict comes first: a law may not hold, and its sizes be predicted well.
    held = sum(row["held_out"] for row in found["rows"])
    assert f"Pass: {held} held-out sizes, predicted from the others with a mean error" in notes
    assert "Delay 200 µs" in notes or "Delay 201 µs" in notes
    assert re.search(
        r"Rate (1\.0\d Gbit|99\d Mbit)/s \(.*?\): what the wire carries, 1 / G\.", notes
    )
    assert "Note:" not in page


@pytest.mark.parametrize("file", ["law.json", "link.json"])
def test_law_file_and_document_have_the_same_page(call, file, tmp_path):
    """Of the document of `--json` a page was refused, in a line that named its schema alone."""
    assert call(MEASURE)[0] == 0
    status, said, complained = call(f"report {file} -o page.html")
    assert (status, complained) == (0, "") and "one curve" in said
    page = unescape(re.sub(r"<[^>]*>", "", (tmp_path / "page.html").read_text()))
    notes = page[page.rindex("Notes") :]
    assert "held-out sizes, predicted from the others with a mean error" in notes
    assert "what the wire carries" in notes
    assert call(f"predict {file} -n 100")[0] == 0


def test_the_heading_of_a_link_breaks_within_no_name(call, tmp_path):
    call(MEASURE)
    call("report law.json -o law.html")
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", (tmp_path / "law.html").read_text())[1]
    assert '<span class="ae-whole">soft-roce</span>' in heading


def test_shares_of_a_trial_have_no_sign(call):
    """A mean error was +0.2 %, of at most +5.0 %."""
    said = " ".join(call(MEASURE)[1].split())
    verdict = said[said.index("pass: ") :]
    assert re.search(r"with a mean error of \d\.\d %; allowed is 5\.0 %", verdict)
    assert re.search(r"in (\d|1\d)\.\d % of the exchanges a packet was sent again", verdict)


@pytest.mark.parametrize("words", ["-o law.json", "--force"])
def test_a_sweep_on_one_host_has_no_law_file(call, words, tmp_path):
    status, _, complained = call(f"bench rdma {words}")
    assert status == 2
    assert "go with --listen or --connect" in complained
    assert not (tmp_path / "law.json").exists()
