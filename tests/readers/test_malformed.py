"""Malformed files: each gives a right answer with a note, or one line with its place and remedy."""

import bz2
import gzip
import lzma

import numpy as np
import pytest

from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.read import measurements_of
from aethermodel.readers.series import UnreadableMeasurements

OSU = "# OSU MPI Latency Test v7.2\n# Size       Avg Latency(us)\n"
PERFTEST = (
    "                    Send Latency Test\n"
    " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]\n"
)


def measured(text, **asked):
    data = text if isinstance(text, bytes) else text.encode()
    return measurements_of(Document("FILE", data), Asked(**asked))


def refusal(text, **asked):
    with pytest.raises(UnreadableMeasurements) as caught:
        measured(text, **asked)
    said = str(caught.value)
    assert said.startswith("FILE: ") and said.isprintable()
    return said


def curve(found):
    (series,) = found.series
    return series.sizes.tolist(), series.seconds.tolist()


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("n,time_us\n1,2.5\n10,3.5\n", {}),
        ("n\ttime_us\n1\t2.5\n10\t3.5\n", {}),
        ("n;time_us\n1;2,5\n10;3,5\n", {}),
        ("n\ttime_us\n1\t2,5\n10\t3,5\n", {}),
        ("n  time_us\n1 \t 2.5\n10\t 3.5\n", {}),
        ("| n | time_us |\n|---|---|\n| 1 | 2.5 |\n| 10 | 3.5 |\n", {}),
        ("# n time_us\n1 2.5\n10 3.5\n", {}),
        ("n, time (us)\n1, 2.5\n10, 3.5", {}),
        ('"n","time"\n"1","2.5us"\n"10","0.0035 ms"\n', {}),
        ("n,time\n1,2.5\n10,3.5\n", {"unit": "us"}),
        ("1 2.5\n10 3.5\n", {"size": "column1", "time": "column2", "unit": "us"}),
        ("n,time_us\r\n1,2.5\r\n10,3.5\r\n", {}),
        ("\ufeffn,time_us\n1,2.5\n10,3.5\n", {}),
        ("n,time_us\n1,2.5\n10,3.5\n".encode("utf-16"), {}),
        ("n,time_\u00b5s\n1,2.5\n10,3.5\n".encode("cp1252"), {}),
        ("n,time_us\n1,2.5\n\n# later\n10,3.5\n", {}),
        ('{"n": 1, "time_us": 2.5}\n{"n": 10, "time_us": 3.5}\n', {}),
        ('[{"n": 1, "time_us": 2.5}, {"n": 10, "time_us": 3.5}]', {}),
        ('{"n": [1, 10], "time_us": [2.5, 3.5]}', {}),
        ('{"columns":["n","time_us"],"index":[0,1],"data":[[1,2.5],[10,3.5]]}', {}),
        (OSU + "1    2.50\n10    3.50\n", {}),
        (
            "".join(f"[1,0]<stdout>:{line}\n" for line in (OSU + "1  2.50\n10  3.50").split("\n")),
            {},
        ),
        (PERFTEST + " 1 100 2.5 2.5 2.5 2.5\n 10 100 3.5 3.5 3.5 3.5\n", {}),
    ],
)
def test_the_same_curve_in_many_forms(text, asked):
    sizes, seconds = curve(measured(text, **asked))
    assert sizes == [1, 10]
    assert seconds == pytest.approx([2.5e-6, 3.5e-6])


def test_chatter_before_and_between_is_noted_by_its_lines():
    found = measured("mpirun: one host is down\nWarning: slow\n" + OSU + "1  2.50\noops\n10 3.50\n")
    assert curve(found)[0] == [1, 10]
    assert found.notes == ("lines 1-2, 6: no row of a table: left out",)
    found = measured("srun: job 7 queued\n\nn,time_us\n1,2.5\n10,3.5\n")
    assert curve(found)[0] == [1, 10] and "line 1: no row of the table" in found.notes[0]


@pytest.mark.parametrize("cell", ["nan", "NaN", "-1", "OOM", "N/A", "inf", "", "failed", "-nan"])
def test_a_row_without_a_time_is_left_out_and_noted(cell):
    found = measured(f"n,time_us\n1,2.5\n10,{cell}\n100,4\n")
    assert curve(found)[0] == [1, 100]
    assert any("line 3: " in note and "left out" in note for note in found.notes)


def test_a_time_of_zero_is_below_the_last_digit():
    found = measured(OSU + "1  0.00\n10  0.01\n")
    assert curve(found) == ([10], [1e-8])
    assert "line 3: a time of 0, below its last digit: left out" in found.notes
    assert found.series[0].resolution.tolist() == [1e-8]


def test_sizes_of_zero_one_size_and_near_equal_sizes_are_kept():
    assert curve(measured(OSU + "0  1.00\n1  1.10\n"))[0] == [0, 1]
    assert curve(measured(OSU + "8  1.00\n"))[0] == [8]
    assert curve(measured("n,time_us\n1000,1\n1000.5,1\n1001,1\n"))[0] == [1000, 1000.5, 1001]


def test_a_table_cut_off():
    found = measured(OSU + "1  2.50\n10  3.50\n100")
    assert curve(found)[0] == [1, 10] and "line 5: 1 of 2 cells: left out" in found.notes
    found = measured(OSU + "1  2.50\n10  3.50\n100  4.")
    assert curve(found)[0] == [1, 10] and "cut off in its last cell" in found.notes[0]
    found = measured("n,host,time_us\n1,a,2.5\n10,a,3.5\n100,a")
    assert "line 4: 2 of 3 cells: left out" in found.notes
    said = refusal('{"benchmarks": [{"name": "x", "stats": {"mean": 1.0')
    assert "line 1" in said and "write it again" in said


def test_two_tables_of_one_test_are_runs_if_they_agree():
    found = measured(OSU + "1  2.50\n10  3.50\n" + OSU + "1  2.55\n10  3.45\n")
    (series,) = found.series
    assert series.process.tolist() == ["1", "1", "2", "2"]
    assert "line 7: a further table of one test: its rows are runs" in found.notes[0]


def test_two_tables_of_one_test_are_kept_apart_if_they_differ():
    found = measured(OSU + "1  2.50\n10  3.50\n" + OSU + "1  9.55\n10  9.45\n")
    assert [series.name for series in found.series] == ["table=1", "table=2"]
    assert "kept apart" in found.notes[0]


def test_lines_before_two_tables_of_one_test_name_them():
    perftest = PERFTEST.replace("                    Send Latency Test\n", "")
    rows = " 1 100 2.5 2.5 2.5 2.5\n 10 100 3.5 3.5 3.5 3.5\n"
    found = measured(f"to the local host\n{perftest}{rows}to the remote host\n{perftest}{rows}")
    assert [s.name for s in found.series] == ["table=to the local host", "table=to the remote host"]
    found = measured(f"at 10:31\n{perftest}{rows}at 10:32\n{perftest}{rows}")
    assert len(found.series) == 1 and {*found.series[0].process} == {"1", "2"}


def test_a_decimal_comma_of_jmh_is_one():
    text = (
        "Benchmark   (n)  Mode  Cnt  Score   Error  Units\n"
        "Sort.sol     10  avgt   10  0,020 ± 0,001  ms/op\n"
        "Sort.sol    100  avgt   10  2,319 ± 0,061  ms/op\n"
    )
    found = measured(text)
    assert curve(found) == ([10, 100], pytest.approx([0.02e-3, 2.319e-3]))
    assert found.series[0].repeats.tolist() == [10, 10]


def test_a_score_of_zero_of_jmh_is_below_its_last_digit():
    found = measured(
        "Benchmark   (n)  Mode  Cnt  Score   Error  Units\n"
        "Sort.sol     10  avgt   10  0.000 ± 0.001  ms/op\n"
        "Sort.sol    100  avgt   10  2.319 ± 0.061  ms/op\n"
    )
    assert curve(found)[0] == [100]
    assert "line 2: a time of 0, below its last digit: left out" in found.notes


def test_an_indented_log():
    text = OSU + "1    2.50\n10    3.50\n"
    assert curve(measured("".join(f"    {line}\n" for line in text.split("\n"))))[0] == [1, 10]


def test_two_tables_of_other_tests_are_two_curves():
    other = OSU.replace("Latency Test", "Allreduce Latency Test")
    found = measured(OSU + "1  2.50\n10  3.50\n" + other + "1  9.55\n10  9.45\n")
    assert [s.axes["op"] for s in found.series] == ["MPI Latency", "MPI Allreduce Latency"]
    assert found.time_kind == "one way / per operation"


def test_a_table_joined_to_another_of_the_same_header_goes_on():
    found = measured("n,time_us\n1,2.5\n10,3.5\nn,time_us\n1,2.6\n")
    assert curve(found)[0] == [1, 10, 1]
    assert "line 4: the header once more" in found.notes[0]


def test_a_second_table_with_other_columns_is_refused():
    said = refusal("n,time_us\n1,2.5\n10,3.5\nsize,rate,host\n1,2.6,a\n2,3,a\n")
    assert "line 4: a second table with other columns: split the file" in said


@pytest.mark.parametrize(
    "text",
    [
        "bash: line 1: osu_latency: command not found\n",
        "Couldn't connect to 10.0.0.1:18515\nUnable to open file descriptor\n",
        "Traceback (most recent call last):\n  File x\nValueError: no device\n",
        "<html><body>502 Bad Gateway</body></html>",
        '{"error": "unable to connect to server: Connection refused"}',
    ],
)
def test_an_error_message_saved_as_a_result(text):
    said = refusal(text)
    assert "formats: pyperf" in said or "no reader knows" in said


def test_an_empty_file():
    assert "line 1: an empty file" in refusal("")
    assert "line 1: an empty file" in refusal("\n  \n")


def test_a_header_without_rows():
    assert "run it again" in refusal(OSU)


def test_headers_with_more_names_than_columns():
    assert curve(measured("Message size   Latency (us)\n1  2.5\n10  3.5\n", size="Message size"))
    assert curve(measured("size latency (us)\n1 2.5\n10 3.5\n"))[1] == pytest.approx(
        [2.5e-6, 3.5e-6]
    )
    said = refusal("n,time_us,comment\n1,2.5\n10,3.5\n")
    assert "line 1: 3 names above 2 columns" in said
    # R writes no name above the names of its rows.
    assert curve(measured('"n","time_us"\n"1",1,2.5\n"2",10,3.5\n'))[0] == [1, 10]


def test_a_comma_that_means_two_things_is_asked_about():
    said = refusal("n;time_us\n1,024;2.5\n2,048;3.5\n")
    assert "line 2: n: '1,024' is one thousand or a fraction" in said
    assert curve(measured("n;time_us\n1,024;2.5\n1,048,576;3.5\n"))[0] == [1024, 1048576]
    assert curve(measured("n;time_us\n1,5;2.5\n2,048;3.5\n"))[0] == [1.5, 2.048]
    assert curve(measured("n;time_us\n1.024,5;2,5\n"))[0] == [1024.5]


def test_sizes_with_binary_units():
    assert curve(measured("size,time_us\n512,1\n4K,2\n64KiB,3\n1 MiB,4\n"))[0] == [
        512, 4096, 65536, 2**20,
    ]  # fmt: skip
    found = measured("size,time_us\n512,1\n4KB,2\n")
    assert "line 3: '4KB' is no size: left out" in found.notes


def test_in_place_and_out_of_place():
    text = (
        "# nThread 1 nGpus 2 minBytes 8 maxBytes 16 step: 2(factor) warmup iters: 5 iters: 20\n"
        "#       size         count      type   redop     time   algbw   busbw  error     time   "
        "algbw   busbw  error\n"
        "           8             2   float     sum    12.33    0.00    0.00  0e+00    N/A    0.00"
        "    0.00  0e+00\n"
        "          16             4   float     sum    12.35    0.00    0.00  0e+00    11.31   0.00"
        "    0.00  0e+00\n"
    )
    found = measured(text)
    apart, inside = found.series
    assert apart.axes == {"place": "out-of-place"} and apart.sizes.tolist() == [8, 16]
    assert apart.repeats.tolist() == [20, 20]
    assert inside.sizes.tolist() == [16] and "line 3: 'N/A' is no time: left out" in found.notes


def test_curves_are_told_apart_by_columns_of_words():
    found = measured("host,n,time_us\na,1,1\na,10,2\nb,1,3\nb,10,4\n")
    assert [s.name for s in found.series] == ["host=a", "host=b"]
    assert any("grouped by host" in note for note in found.notes)
    by_host = measured("host,n,time_us\n1,1,1\n1,10,2\n2,1,3\n2,10,4\n", size="n", group=("host",))
    assert [s.name for s in by_host.series] == ["host=1", "host=2"]


def test_columns_that_are_missing_or_ask_to_be_named():
    text = "a,b,c\n1,2,3\n4,5,6\n"
    assert "which column is the time? give --time COLUMN" in refusal(text)
    assert "no column 'x'; it has a, b, c" in refusal(text, time="x")
    assert "which column is the size?" in refusal(text, time="b", unit="s")
    assert "in what unit is 'b'? give --unit" in refusal(text, size="a", time="b")
    assert "no unit of time 'days'" in refusal(text, size="a", time="b", unit="days")
    assert curve(measured(text, size="a", time="b", unit="ms"))[1] == [0.002, 0.005]


def test_no_row_with_a_time():
    said = refusal("n,time_us\n1,-1\n10,-1\n")
    assert "no row holds a size and a time (lines 2-3: '-1' is no time: left out)" in said


def test_a_result_without_its_message_size():
    said = refusal("sockperf: == version #3.7\nsockperf: ====> avg-latency=13.9 (std-dev=2.1)\n")
    assert "line 2: a result without its message size" in said and "set -x" in said


def test_iperf_runs_that_failed_are_noted():
    good = (
        '{\n"start": {"test_start": {"blksize": 8}},\n"intervals": [],\n'
        '"end": {"sum_received": {"bits_per_second": 64}}\n}\n'
    )
    bad = '{\n"start": {},\n"intervals": [],\n"end": {},\n"error": "refused"\n}\n'
    found = measured("warning: x\n" + good + bad)
    assert curve(found) == ([8], [1.0])
    assert any("failed: 'refused'" in note for note in found.notes)
    assert any("cut off" in note for note in measured(good + good[:60]).notes)


def test_a_plain_binary_file():
    assert "neither text nor Parquet: give" in refusal(b"\x7fELF\0\0\0\1" * 9)


def test_compressed_files_and_spreadsheets_are_named():
    table = b"batch,seconds\n" + b"".join(b"%d,0.%d\n" % (n, n) for n in range(1, 9))
    for packed in (gzip.compress(table), bz2.compress(table), lzma.compress(table)):
        assert "compressed: unpack it first" in refusal(packed)
    assert "save it as CSV" in refusal(b"PK\x03\x04" + b"\0" * 60)


def test_arrays_of_two_lengths_and_no_table():
    from aethermodel.readers.measurements import Measurements

    for frame in ({"n": [1, 2], "t": [1.0]}, 7, None):
        with pytest.raises(UnreadableMeasurements):
            Measurements.from_frame(frame, size="n", time="t")


def frames():
    import pandas as pd
    import pyarrow as pa

    columns = {"n": [1, 10, 1, 10], "ms": [1.0, 2.0, 3.0, np.nan], "host": ["a", "a", "b", "b"]}
    yield columns
    yield {name: np.array(cells) for name, cells in columns.items()}
    yield pd.DataFrame(columns)
    yield pd.DataFrame(columns).convert_dtypes()
    yield pa.table(columns)


@pytest.mark.parametrize("frame", list(frames()), ids=lambda f: type(f).__name__)
def test_tables_in_memory(frame):
    from aethermodel.readers.measurements import Measurements

    found = Measurements.from_frame(frame, size="n", time="ms", group="host")
    assert [(s.name, s.sizes.tolist()) for s in found.series] == [
        ("host=a", [1, 10]),
        ("host=b", [1]),
    ]
    assert found.series[0].seconds.tolist() == [0.001, 0.002], "the header says ms, not s"
    assert any(note.startswith("row 4: ") for note in found.notes)
    assert found.select(host="b").series[0].seconds.tolist() == [0.003]
    with pytest.raises(UnreadableMeasurements, match="no series 'host=c'; it has host=a; host=b"):
        found.select(host="c")


def test_a_polars_table():
    polars = pytest.importorskip("polars")
    from aethermodel.readers.measurements import Measurements

    frame = polars.DataFrame({"n": [1, 10], "time": [1.0, 2.0]})
    found = Measurements.from_frame(frame, size="n", time="time", unit="us")
    assert curve(found) == ([1, 10], pytest.approx([1e-6, 2e-6]))


def test_parquet_and_arrow_files(tmp_path):
    import pyarrow as pa
    from pyarrow import ipc, parquet

    from aethermodel.readers.read import read

    took = pa.array([2500, 3500], pa.duration("ns"))
    table = pa.table({"n": [1, 10], "took": took, "host": ["a", "a"]})
    parquet.write_table(table, tmp_path / "a")
    with ipc.new_file(tmp_path / "b", table.schema) as writer:
        writer.write_table(table)
    with ipc.new_stream(tmp_path / "c", table.schema) as writer:
        writer.write_table(table)
    for name in "abc":
        found = read(tmp_path / name, time="took")
        assert found.format == "parquet" and curve(found) == (
            [1, 10],
            pytest.approx([2.5e-6, 3.5e-6]),
        )
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-20])
    with pytest.raises(UnreadableMeasurements, match="no whole Parquet file"):
        read(tmp_path / "a", time="took")


def test_chatter_below_a_header_is_no_header():
    text = "n time_us host\nprocess 1 started\n1 2.5 a\n10 3.5 a\n"
    found = measured(text)
    assert curve(found)[0] == [1, 10]
    assert "line 2: no row of the table: left out" in found.notes


def test_a_column_without_a_name_is_like_any_other():
    found = measured('[{"": "x", "n": 1, "time_us": 2.5}, {"": "y", "n": 10, "time_us": 3.5}]')
    assert curve(found)[0] == [1, 10] and found.series[0].process is None


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("bytes,rtt_us", "round trip"),
        ("bytes,round trip (us)", "round trip"),
        ("bytes,one_way_us", "one way"),
        ("batch_size,time_us", "per batch"),
        ("n,time_us", "per operation"),
    ],
)
def test_what_a_time_is_of_is_read_from_the_header(header, kind):
    assert measured(f"{header}\n1,2.5\n10,3.5\n").time_kind == kind
