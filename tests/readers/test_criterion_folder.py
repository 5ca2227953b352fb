"""criterion's folder and perftest's JSON: a file for each size, read as one curve."""

import json
from pathlib import Path

import pytest
from command_line import aether

from aethermodel import read
from aethermodel.inputs.refusals import InputError

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def folder(tmp_path):
    """target/criterion after two runs of three benchmarks and one of a constant name."""
    for run, each in (("base", 9.0), ("new", 3.0)):
        for n in (8, 64, 512):
            place = tmp_path / "criterion" / "sort" / str(n) / run
            place.mkdir(parents=True)
            iters = [float(100 * k) for k in range(1, 11)]
            times = [(20 + each * n) * k for k in iters]
            sample = {"sampling_mode": "Linear", "iters": iters, "times": times}
            (place / "sample.json").write_text(json.dumps(sample))
            about = {"group_id": "sort", "value_str": str(n), "full_id": f"sort/{n}"}
            (place / "benchmark.json").write_text(json.dumps(about))
    return tmp_path / "criterion"


def test_the_newest_samples_of_each_benchmark_are_read(folder):
    found = read(folder)
    (series,) = found.series
    assert (found.format, found.source, found.size_name) == ("criterion", str(folder), "n")
    assert len(series) == 30
    assert series.seconds[series.sizes == 64] == pytest.approx((20 + 3 * 64) * 1e-9)
    assert read(folder / "sort").series[0].sizes.tolist() == series.sizes.tolist()


def test_a_page_of_a_folder_takes_one_command(folder, tmp_path):
    page = tmp_path / "page.html"
    done = aether("report", str(folder), "-o", str(page), "--rate", "1e6")
    assert done.returncode == 0, done.stderr
    assert "<svg" in page.read_text("utf-8")
    (tmp_path / "empty").mkdir()
    done = aether("report", str(tmp_path / "empty"), "-o", str(tmp_path / "other.html"))
    assert done.returncode == 2 and "empty" in done.stderr  # no sweep's store


def test_a_damaged_file_of_a_folder_is_named(folder):
    path = folder / "sort" / "64" / "new" / "sample.json"
    whole = path.read_bytes()
    for content in (whole[:40], b"[1]", b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"64/new/sample\.json: .*run cargo bench again"):
            read(folder)
    path.write_text('{"iters": [1, 2], "times": ["x"]}')
    assert "no samples in a unit of time: left out" in " ".join(read(folder).notes)
    path.write_bytes(whole)
    (path.parent / "benchmark.json").write_text("{}")
    with pytest.raises(InputError, match="no full_id"):
        read(folder)


def test_a_folder_of_anything_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="give a file, or target/criterion"):
        read(tmp_path)


def test_rates_of_perftest_have_the_digits_that_tell_most():
    (series,) = read(SAMPLES / "perftest_write_bw.json").series
    # 0.004167 Mpps has four digits, 4166.67 MB/s six.
    assert series.seconds[-1] == pytest.approx(1048576 / (4166.67 * 2**20), rel=1e-9)
    assert series.resolution[-1] / series.seconds[-1] == pytest.approx(0.01 / 4166.67, rel=1e-3)
    text = (SAMPLES / "perftest_write_bw.json").read_text()
    (lat,) = read(SAMPLES / "perftest_send_lat.json").series
    assert lat.spread[0] == pytest.approx(0.42e-6) and lat.repeats[0] == 1000
    assert text.count("test_info") == 5


@pytest.mark.parametrize("unquoted", [False, True])
def test_a_document_of_perftest_that_is_cut_or_none_is_left_out(tmp_path, unquoted):
    text = (SAMPLES / "perftest_send_lat.json").read_text()
    parts = text.split("\n}\n{\n")
    if unquoted:  # as its first versions wrote it
        parts[1] = parts[1].replace('"MsgSize"', "MsgSize")
    else:
        parts[1] = parts[1][:200]
    file = tmp_path / "lat.json"
    file.write_text("\n}\n{\n".join(parts) if unquoted else parts[0] + "\n}\n{\n" + parts[1])
    found = read(file)
    assert len(found.series[0]) == (4 if unquoted else 1)
    said = "no JSON: left out" if unquoted else "cut off: left out"
    assert said in " ".join(found.notes)
