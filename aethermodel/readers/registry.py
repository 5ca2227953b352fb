"""Registry of readers: the built-in ones, and those of installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

from aethermodel.inputs.refusals import one_line, quoted
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.series import UnreadableMeasurements
from aethermodel.readers.table import Table

#: Entry points that name a reader: a module, or an object with these three names.
GROUP = "aethermodel.readers"

#: Modules by format, in the order in which they are asked: tools first, plain tables last.
BUILT_IN = {
    "pyperf": "benchmarks.pyperf",
    "pytest-benchmark": "benchmarks.pytest_benchmark",
    "google-benchmark": "benchmarks.google_benchmark",
    "hyperfine": "benchmarks.hyperfine",
    "asv": "benchmarks.asv",
    "jmh": "benchmarks.jmh",
    "criterion": "benchmarks.criterion",
    "iperf3": "networks.iperf3",
    "nccl-tests": "networks.nccl_tests",
    "osu": "networks.osu",
    "imb": "networks.intel_mpi",
    "perftest": "networks.perftest",
    "netpipe": "networks.netpipe",
    "sockperf": "networks.sockperf",
    "ucx": "networks.ucx_perftest",
    "extra-p": "tables.extra_p",
    "parquet": "tables.parquet",
    "json": "tables.json_rows",
    "delimited": "tables.delimited",
}


@runtime_checkable
class Reader(Protocol):
    """One format of measurements.

    Attributes
    ----------
    NAME : str
        Of the format.
    """

    NAME: str

    def recognises(self, document: Document) -> bool:
        """Whether a file is of this format, by its content alone."""

    def parse(self, document: Document, asked: Asked) -> Table:
        """Return the rows of a file, and what its columns mean.

        Raises
        ------
        ValueError
            If it holds none, with a line that says where and why.
        """


@cache
def installed() -> dict[str, EntryPoint]:
    """Return the entry points by format; to look for them takes longer than to read a file."""
    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def built_in(name: str) -> Reader:
    """Return a reader of this package."""
    module = import_module(f"aethermodel.readers.{BUILT_IN[name]}")
    assert isinstance(module, Reader)
    return module


def names() -> tuple[str, ...]:
    """Return every format that has a reader."""
    return (*installed(), *BUILT_IN)


def readers() -> Iterator[Reader]:
    """Yield every reader, those of installed packages first.

    Raises
    ------
    UnreadableMeasurements
        If one of an installed package cannot be loaded.
    """
    for name in installed():
        yield _loaded(name)
    for name in BUILT_IN:
        yield built_in(name)


def reader_named(name: str) -> Reader:
    """Return the reader of a format.

    Raises
    ------
    UnreadableMeasurements
        If there is none.
    """
    if name in BUILT_IN:
        return built_in(name)
    if name in installed():
        return _loaded(name)
    raise UnreadableMeasurements(f"no format {quoted(name)}; there are {', '.join(names())}")


def _loaded(name: str) -> Reader:
    point = installed()[name]
    try:
        reader = point.load()
    except Exception as error:  # whatever another package's import raises
        raise UnreadableMeasurements(
            f"reader {name} of {point.value} cannot be loaded ({one_line(error)}): "
            "uninstall or mend its package"
        ) from None
    if not isinstance(reader, Reader):
        raise UnreadableMeasurements(
            f"reader {name}: {point.value} lacks NAME, recognises or parse"
        )
    return reader
