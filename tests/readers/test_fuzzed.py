"""Fuzzed files: every reader gives figures that a law may rely on, or one line; nothing else."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aethermodel.inputs.refusals import InputError
from aethermodel.readers import registry
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.read import measurements_of
from aethermodel.readers.units import SECONDS
from tools.torture.inputs import measurement_readers

QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
LABELS = sorted(measurement_readers.sources(Path()))


def checked(data, format=None, **asked):
    try:
        found = measurements_of(Document("FILE", data), Asked(**asked), format)
    except InputError as error:
        assert str(error).startswith("FILE: ") and str(error).isprintable()
        return None
    for series in found.series:
        measurement_readers.check_series(series)
    return found


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return measurement_readers.sources(tmp_path_factory.mktemp("fuzzed"))


@pytest.mark.parametrize("label", LABELS)
def test_a_damaged_file_is_read_or_refused(label, sources):
    @QUICK
    @given(st.integers(0, 2**32))
    def read(seed):
        source = sources[label]
        assert source.read(source.make(random.Random(seed))) in ("read", "refused")

    read()


@pytest.mark.parametrize("format", registry.BUILT_IN)
@QUICK
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_bytes_of_no_format(format, data):
    checked(data)
    checked(data, format)


NUMBERS = st.floats(1e-3, 1e5).map(lambda value: float(f"{value:.4g}"))


@QUICK
@given(
    rows=st.lists(st.tuples(st.integers(1, 10**9), NUMBERS), min_size=2, max_size=30),
    between=st.sampled_from([",", ";", "\t", "  ", " | ", " \t"]),
    unit=st.sampled_from([*SECONDS]),
    comma=st.booleans(),
)
def test_a_table_that_was_written_is_read_as_it_was(rows, between, unit, comma):
    """A decimal comma where the cells are not between commas, four digits so that it is one."""
    comma = comma and between != ","
    cells = [(str(n), f"{t:.4f}".replace(".", ",") if comma else f"{t:.4f}") for n, t in rows]
    text = f"n{between}time\n" + "".join(f"{n}{between}{t}\n" for n, t in cells)
    found = checked(text.encode(), unit=unit)
    (series,) = found.series
    assert series.sizes.tolist() == [n for n, _ in rows]
    assert series.seconds == pytest.approx([float(f"{t:.4f}") * SECONDS[unit] for _, t in rows])
