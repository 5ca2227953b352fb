"""Counts of the fuzzed readers: drawn again alike, resumed, and a finding is one."""

import json

import pytest

from aethermodel.readers import registry
from tools import fuzz_readers
from tools.torture.inputs.measurement_readers import samples, shortened


def test_every_reader_has_a_sample():
    assert {sample.format for sample in samples()} == {*registry.BUILT_IN}


def test_a_shortened_sample_is_one_of_its_format_and_no_longer():
    for sample in samples():
        assert len(shortened(sample).data) <= len(sample.data)
        assert shortened(sample).format == sample.format


def test_an_input_is_drawn_again_alike():
    one, other = (fuzz_readers.fuzzers(["osu"], seed)["osu"] for seed in (0, 1))
    again = fuzz_readers.fuzzers(["osu"], 0)["osu"]
    assert [one.input(n)[0] for n in range(20)] == [again.input(n)[0] for n in range(20)]
    assert [one.input(n)[0] for n in range(20)] != [other.input(n)[0] for n in range(20)]


def test_counts_are_written_and_a_run_goes_on(tmp_path, capsys):
    file = str(tmp_path / "counts.json")
    asked = ("--only", "osu", "--only", "delimited", "--json", file)
    assert fuzz_readers.main([*asked, "--inputs", "20"]) == 0
    first = json.loads((tmp_path / "counts.json").read_text())
    assert first["verdict"] == "pass" and first["inputs"] == 40
    assert fuzz_readers.main([*asked, "--inputs", "40", "--resume", file]) == 0
    both = json.loads((tmp_path / "counts.json").read_text())
    assert {one["inputs"] for one in both["readers"].values()} == {40}
    for one in both["readers"].values():
        assert one["read"] + one["refused"] == 40
    one = ("--only", "osu", "--json", file, "--resume", file)
    assert fuzz_readers.main([*one, "--inputs", "40"]) == 0
    assert json.loads((tmp_path / "counts.json").read_text())["readers"] == both["readers"]
    assert fuzz_readers.main(["--show", file]) == 0
    assert "| osu | 40 |" in capsys.readouterr().out


def test_a_traceback_is_found_and_is_gone_once_it_is_mended(tmp_path, capsys, monkeypatch):
    file = str(tmp_path / "counts.json")
    asked = ("--only", "osu", "--json", file)
    reader = registry.built_in("osu")
    parse = reader.parse

    def breaks(document, asked):
        return parse(document, asked) if document.name != "FILE" else 1 / 0

    with monkeypatch.context() as broken:
        broken.setattr(reader, "parse", breaks)
        assert fuzz_readers.main([*asked, "--inputs", "20"]) == 1
    assert "ZeroDivisionError at" in capsys.readouterr().out
    found = json.loads((tmp_path / "counts.json").read_text())
    assert found["found"] >= 10 and found["verdict"] == "fail"
    assert fuzz_readers.main([*asked, "--inputs", "20", "--resume", file]) == 0
    mended = json.loads((tmp_path / "counts.json").read_text())
    assert mended["readers"]["osu"]["mended"] == found["found"]


def test_an_unknown_format_is_refused(capsys):
    assert fuzz_readers.main(["--only", "osq"]) == 2
    assert "no reader osq" in capsys.readouterr().err


def test_a_hang_is_a_finding(monkeypatch):
    monkeypatch.setattr(fuzz_readers, "HANG_SECONDS", 0.2)
    fuzzer = fuzz_readers.fuzzers(["osu"], 0)["osu"]

    def endless(*_):
        while True:
            pass

    monkeypatch.setattr(registry.built_in("osu"), "parse", endless)
    with fuzz_readers.hear_signals():
        assert "Hang at" in fuzzer.outcome(1)


@pytest.mark.parametrize("cell", ["1e400", "1e-400", "-1e9999"])
def test_a_number_beyond_a_double_leaves_out_its_row_alone(cell):
    from aethermodel.readers.column_choice import Asked
    from aethermodel.readers.file_content import Document
    from aethermodel.readers.read import measurements_of

    text = f"n,time_us\n1,2.0\n2,{cell}\n3,4.0\n"
    found = measurements_of(Document("FILE", text.encode()), Asked())
    assert found.series[0].sizes.tolist() == [1, 3]
    assert "line 3" in " ".join(found.notes)
