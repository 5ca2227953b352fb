"""iperf3's JSON, of one run or several: time of a block at the rate that was reached."""

from __future__ import annotations

from typing import Any

from aethermodel.inputs.refusals import quoted
from aethermodel.readers.benchmarks.benchmark_table import (
    as_object,
    json_documents,
    objects,
    positive,
    text,
)
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.networks.text_tables import network_table
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "iperf3"


def recognises(document: Document) -> bool:
    """Whether it has the objects that iperf3 writes at the start and at the end."""
    words = ('"start"', '"intervals"', '"end"')
    return all(word in document.text for word in words) and (
        any(line.startswith("{") for line in document.lines)
    )


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each interval of each run, or one for a run of one interval."""
    notes = Notes()
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, content in json_documents(document, notes):
        start = as_object(content.get("start"))
        test = as_object(start.get("test_start"))
        size = positive(test.get("blksize"))
        if content.get("error"):
            notes.add(f"failed: {quoted(text(content['error']))}: left out", line)
            continue
        sums = [as_object(each.get("sum")) for each in objects(content.get("intervals"))]
        sums = [each for each in sums if not each.get("omitted")]
        end = as_object(content.get("end"))
        if len(sums) < 2:
            sums = [as_object(end.get("sum_received")) or as_object(end.get("sum"))]
        for each in sums:
            rate = positive(each.get("bits_per_second"))
            if size is None or rate is None:
                notes.add("no block size or no rate: left out", line)
                continue
            labels = {
                "protocol": text(test.get("protocol")),
                "streams": text(test.get("num_streams")),
                "reverse": text(test.get("reverse")),
            }
            rows.append(
                {**labels, "bytes": size, "time": 8 * size / rate, "labels": labels, "table": 1}
                | {"kind": "per operation"}
            )
            lines.append(line)
    return network_table(
        rows, lines, notes, group=("protocol", "streams", "reverse"), units={"time": "s"}
    )
