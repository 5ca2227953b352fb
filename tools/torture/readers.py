"""Readers of every kind of file, and the mutations that each has to bear.

A reader takes a file and gives a right answer, or refuses it in one line by `Reader.refusal`;
whatever else it raises is a fault. Run it for a while with

    python tools/torture/readers.py --seconds 60 --only calibration
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes
    ----------
    sample : callable
        Returns the bytes of a valid file.
    suffix : str
        Of the file's name.
    read : callable
        Reads a file, and uses what it read as far as that costs little.
    refusal : tuple of exception types
        What it raises of a file that is not right: an exception of one line.
    """

    sample: Callable[[], bytes]
    suffix: str
    read: Callable[[Path], object]
    refusal: tuple[type[Exception], ...]


#: What stands in for a value; texts that begin so are written without quotes.
_RAW = "@@raw@@"
_CANARY = "__import__('os').system('touch /tmp/aethermodel-canary')"
NASTY: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        -64,
        0.5,
        -0.0,
        1e308,
        1e-320,
        2**31,
        2**53 + 1,
        2**63,
        -(2**64),
    ),
    *(
        "",
        " ",
        "0",
        "16",
        "nan",
        "a" * 5000,
        "\0",
        "\x1b[31m",
        "\n",
        "<b>rdma-nic</b>",
        "é",
        "\u202e",
    ),
    *("../../x", "/dev/zero", "{0.__class__}", "%n%s", "$x$", "=1+1", "no_such:Model", "os:system"),
    *(_CANARY, f"{{{_CANARY}}}", f"!!python/object/apply:os.system ['{_CANARY}']", "12:30:00"),
    *([], {}, [[]], {"": 0}, [None], {"a": {"a": {}}}, [1, "x"], {"__class__": "x"}),
    *(_RAW + raw for raw in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "1.")),
    *(
        _RAW + raw
        for raw in ("9" * 400, "9" * 5000, "-" + "9" * 30, "01", '"\\ud800"', '"\\udc00x"')
    ),
    *(
        _RAW + raw
        for raw in ("[" * 90 + "]" * 90, '{"a":' * 5000 + "1" + "}" * 5000, "[" * 100_000)
    ),
    *(_RAW + raw for raw in ('{"a":1,"a":2}', "'x'", "undefined", '"\\u0000"', "/**/1", '"\x00"')),
)
_WORDS = (
    *(
        b"[",
        b"{",
        b'"',
        b"'",
        b"\\",
        b"\0",
        b"\xff",
        b"\xc3\x28",
        b"\xef\xbb\xbf",
        b"\r",
        b"\t",
        b"#",
    ),
    *(b"- ", b": ", b" = ", b"&a ", b"*a", b"<<: ", b"!!python/name:os.system ", b"!!int ", b"? "),
    *(b"12:30:00", b"on", b"0o17", b"017", b"0x1f", b"1e999", b"nan", b"inf", b"2026-01-01", b"~"),
    *(
        b"[" * 2000,
        b"a." * 500,
        b"9" * 400,
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"---\n",
        b"\n\n",
        b"1",
    ),
    *(_CANARY.encode(), b"<div>" * 2000, b"%", b"null", b"true", b"-", b".", b"PAR1", b"\x7f" * 8),
)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return a damaged copy of a file: its values, its structure or its bare bytes changed.

    Parameters
    ----------
    data : bytes
        Of a valid file; JSON and Parquet are changed by their structure, too.
    rng : random.Random
        Decides all.
    """
    if data[:1] in b"{[" and data[:1] and rng.random() < 0.75:
        return mutate_json(data, rng)
    if data[:4] == b"PAR1" and rng.random() < 0.5:
        return _mutate_parquet(data, rng)
    return mutate_bytes(data, rng)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut, repeat, flip, overwrite and insert bytes; or answer with something else entirely."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(damaged) + 1)
        until = min(len(damaged), at + rng.choice((1, 1, 2, 8, 64, 4096)))
        kind = rng.randrange(8)
        if kind == 0:
            del damaged[at:]
        elif kind == 1:
            del damaged[at:until]
        elif kind == 2:
            damaged[at:at] = damaged[at:until]
        elif kind == 3 and at < len(damaged):
            damaged[at] ^= 1 << rng.randrange(8)
        elif kind == 4:
            damaged[at:until] = rng.randbytes(until - at)
        elif kind == 5:
            damaged[at:at] = rng.choice(_WORDS)
        elif kind == 6:
            word = rng.choice(_WORDS)
            damaged[at : at + len(word)] = word
        elif rng.random() < 0.05:
            encoding = rng.choice(("utf-16", "utf-32", "utf-7"))
            text = bytes(damaged).decode("utf-8", "replace")
            damaged = bytearray(rng.choice((b"", b"\0" * 99, text.encode(encoding, "replace"))))
    return bytes(damaged)


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Replace, add, drop, rename, repeat or nest values anywhere in a document."""
    value, places = _parsed(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        path = rng.choice(places)
        try:
            value = _changed(value, path, rng)
        except (
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
        ):  # a place that an earlier change took away
            continue
    return raw_json(value)


def raw_json(value: Any) -> bytes:
    """Return JSON, with the texts of `NASTY` that are to stand there without quotes."""
    text = json.dumps(value)
    if _RAW in text:
        start = text.find(f'"{_RAW}')
        while start >= 0:
            end = json.decoder.scanstring(text, start + 1)[1]  # type: ignore[attr-defined]
            raw = json.loads(text[start:end]).removeprefix(_RAW)
            text = text[:start] + raw + text[end:]
            start = text.find(f'"{_RAW}', start + len(raw))
    return text.encode("utf-8", "surrogatepass")


@functools.lru_cache(maxsize=64)
def _parsed(data: bytes) -> tuple[Any, list[tuple[Any, ...]]]:
    value = json.loads(data)
    return value, paths_of(value)


def paths_of(value: Any, most: int = 20) -> list[tuple[Any, ...]]:
    """Return the way to every value of a document; of long lists only to the first ones."""
    found: list[tuple[Any, ...]] = [()]
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value[:most]))
    for key, each in inner:
        found += [(key, *path) for path in paths_of(each, most)]
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a document with another value at one place; the original stays as it is."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


def _changed(value: Any, path: tuple[Any, ...], rng: random.Random) -> Any:
    here = functools.reduce(lambda each, key: each[key], path, value)
    kind = rng.randrange(10)
    if kind == 0 and path:  # dropped
        parent = functools.reduce(lambda each, key: each[key], path[:-1], value).copy()
        del parent[path[-1]]
        return replaced(value, path[:-1], parent)
    if kind == 1 and isinstance(here, dict):  # one more
        return replaced(
            value, path, here | {rng.choice(("x", "", "a\nb", _CANARY)): rng.choice(NASTY)}
        )
    if kind == 2 and isinstance(here, dict) and here:  # renamed
        name = rng.choice(list(here))
        renamed = {
            (rng.choice((name + "x", "", "é")) if k == name else k): v for k, v in here.items()
        }
        return replaced(value, path, renamed)
    if kind == 3 and isinstance(here, dict) and here:  # twice
        text = json.dumps(here)[1:-1]
        return replaced(value, path, f"{_RAW}{{{text}, {text}}}")
    if kind == 4:  # deep
        deep = rng.choice((1, 30, 70, 2000))
        return replaced(value, path, f"{_RAW}{'[' * deep}{json.dumps(here)}{']' * deep}")
    if kind == 5 and isinstance(here, list) and here:
        return replaced(value, path, rng.choice((here[:-1], here * 2, here[::-1], here[:1] * 5000)))
    if kind == 6 and isinstance(here, int | float):
        return replaced(value, path, rng.choice((-here, here * 1.5, here + 1, str(here), [here])))
    return replaced(value, path, rng.choice(NASTY))


def _mutate_parquet(data: bytes, rng: random.Random) -> bytes:
    """Write the table anew, a column or what it is about changed."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(pa.BufferReader(data))
    about = dict(table.schema.metadata or {})
    name = rng.choice(table.column_names)
    at = table.column_names.index(name)
    kind = rng.randrange(6)
    if kind == 0:
        table = table.drop_columns([name])
    elif kind == 1:
        table = table.rename_columns(
            [rng.choice(("x", "", "é")) if n == name else n for n in table.column_names]
        )
    elif kind == 2:
        values = table.column(name).to_pylist()
        values[rng.randrange(len(values))] = None
        table = table.set_column(at, name, pa.array(values))
    elif kind == 3:
        value = rng.choice(
            (0, -1, 1.5, float("nan"), float("inf"), 1e300, "x", True, None, [1], {"a": 1})
        )
        table = table.set_column(at, name, pa.array([value] * len(table)))
    elif kind == 4:
        table = table.slice(0, rng.choice((0, 1, 2, len(table) // 2)))
    elif about:
        key = rng.choice(list(about))
        if rng.random() < 0.7 and about[key][:1] in b"{[":
            about[key] = mutate_json(about[key], rng)
        else:
            about[key] = mutate_bytes(about[key], rng)
    table = table.replace_schema_metadata(about)
    made = io.BytesIO()
    parquet.write_table(table, made)
    return made.getvalue()


def _refusals() -> tuple[type[Exception], ...]:
    from aethermodel.inputs.refusals import InputError

    return (InputError,)


def _helper(name: str) -> Any:
    """Import a module of the tests: they know how a valid file is made."""
    tests = str(ROOT / "tests")
    if tests not in sys.path:
        sys.path.insert(0, tests)
    return __import__(name)


def _calibration() -> bytes:
    made = _helper("synthetic_calibration").synthetic_calibration(t_refill_full=1e-9, t_refill=2e-9)
    return json.dumps(made.to_json()).encode()


def _read_calibration(path: Path) -> object:
    from aethermodel.calibrate.calibration.calibration import Calibration

    return Calibration.load(path).predict([1, 1000]).seconds


def _sweep() -> Any:
    from aethermodel.sweep.plan import Sweep

    return Sweep(probe="kernel", parameters={"batch_size": [1, 100], "topics": [4]}, repeats=2)


def _plan() -> bytes:
    return str(_sweep().model_dump_json(indent=2)).encode()


def _record() -> bytes:
    from aethermodel.sweep.identity import Conditions, identity
    from aethermodel.sweep.store import Record
    from aethermodel.sweep.target import Outcome

    sweep, where = _sweep(), Conditions(code="c", extensions="e", host="h", environment="CPython")
    job = sweep.jobs()[0]
    rows = [{"seconds": 1e-6 * (1 + i), "noisy": False, "core_seconds": None} for i in range(3)]
    return (
        Record(
            key=identity(sweep, job, where),
            target="kernel",
            parameters=job.parameters,
            repeat=0,
            order=0,
            outcome=Outcome(state="done", seconds=0.1, samples=rows, figures={"a": 1.0}),
            started="2026-01-01T00:00:00.000+00:00",
            conditions=where,
        )
        .model_dump_json()
        .encode()
    )


def _read_sweep(path: Path) -> object:
    from aethermodel.inputs.input_files import refusing
    from aethermodel.sweep.plan import Sweep, read_sweep_file

    with refusing(path):
        return Sweep.model_validate(read_sweep_file(path)).jobs()


_YAML = b"""\
probe: kernel
repeats: 2
parameters:
  batch_size: [1, 100, 1_000]
  topics: 4
sample_seconds: 0.001
seed: 7
"""


def _notebook() -> bytes:
    aether = {"application/vnd.aethermodel.figures+json": {"rate_per_second": 1.0}}
    shown = {"output_type": "display_data", "data": {**aether, "text/plain": "1"}, "metadata": {}}
    table = {"output_type": "execute_result", "execution_count": 2, "metadata": {}, "data": {}}
    table["data"] = {"text/html": ["<table><tr><td>1</td></tr></table>"], "text/plain": ["1"]}
    failed = {
        "output_type": "error",
        "ename": "E",
        "evalue": "v",
        "traceback": ["\x1b[31mE\x1b[0m"],
    }
    stream = {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1, "id": "a"}
    cells = [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ["# Title $x^2$\n", "| a |\n|---|\n|1|"],
        },
        code
        | {"source": "n = 10\nx = 'a'\ny: float = 1.5", "metadata": {"tags": ["parameters"]}}
        | {"outputs": []},
        code | {"source": "print(n)", "outputs": [stream, shown, table, failed]},
        {"cell_type": "raw", "metadata": {}, "source": "raw"},
    ]
    about = {"kernelspec": {"name": "python3", "language": "python", "display_name": "x"}}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": cells}
    return json.dumps(content).encode()


def _read_notebook(path: Path) -> object:
    from aethermodel.report.html.notebook import read_notebook

    return read_notebook(path).executed


def _read_source(path: Path) -> object:
    from aethermodel.execute.figures import recorded
    from aethermodel.inputs.input_files import refusing
    from aethermodel.sweep.plan import Sweep

    with refusing(path):
        sweep = Sweep(notebook=str(path))
    return sweep.jobs(), recorded(path)


@functools.cache
def _samples() -> bytes:
    return bytes(_helper("trial_samples").samples_file())


def _read_samples(path: Path) -> object:
    from aethermodel.measure.sampling.sample_files import read_samples

    return read_samples(path)


def _read_trial(path: Path) -> object:
    from aethermodel.measure.calibration.validation import Trial

    return Trial.load(path).verdict


def _verbs() -> bytes:
    from aethermodel.calibrate.verbs.cost_samples import VerbsSamples

    swept = VerbsSamples.load()
    return swept.model_copy(update={"rows": swept.rows[:6], "result": {}}).text().encode()


def _read_verbs(path: Path) -> object:
    from aethermodel.calibrate.verbs.cost_samples import VerbsSamples

    return VerbsSamples.load(path).text()


def _data(name: str) -> Callable[[], bytes]:
    return (files("aethermodel") / "data" / name).read_bytes


def _read_cards(path: Path) -> object:
    from aethermodel.published.rdma_costs import load_cards

    return load_cards(path)


def _read_interconnects(path: Path) -> object:
    from aethermodel.published.interconnects import load_interconnects

    return load_interconnects(path)


def _read_specification(path: Path) -> object:
    from aethermodel.published.specification import load_specification

    return load_specification(path).model().throughput_at(100)


def _recording() -> bytes:
    from cython_core import EVENT_BYTES

    return _data("feed.events")()[: 4096 + 64 * EVENT_BYTES]


def _read_recording(path: Path) -> object:
    from aethermodel.bus.fabrics.replay import ReplayReceiver
    from cython_core import Replay

    replay = Replay(path)
    receiver = ReplayReceiver(replay, speed=1000.0)
    receiver.close()
    return None


def _reads_plan(path: Path) -> object:
    from aethermodel.sweep.store import read_plan

    return read_plan(path).jobs()


def _reads_record(path: Path) -> object:
    from aethermodel.sweep.store import read_record

    return read_record(path)


#: Every kind of file that the project reads.
READERS: dict[str, Reader] = {
    "calibration": Reader(_calibration, ".json", _read_calibration, _refusals()),
    "store-plan": Reader(_plan, ".json", _reads_plan, _refusals()),
    "store-record": Reader(_record, ".json", _reads_record, _refusals()),
    "sweep-toml": Reader(_data("sweeps/batch-size.toml"), ".toml", _read_sweep, _refusals()),
    "sweep-yaml": Reader(lambda: _YAML, ".yaml", _read_sweep, _refusals()),
    "notebook": Reader(_notebook, ".ipynb", _read_notebook, _refusals()),
    "notebook-to-run": Reader(_notebook, ".ipynb", _read_source, _refusals()),
    "samples": Reader(_samples, ".parquet", _read_samples, _refusals()),
    "trial": Reader(_samples, ".parquet", _read_trial, _refusals()),
    "verbs-samples": Reader(_verbs, ".json", _read_verbs, _refusals()),
    "cards": Reader(_data("rdma-nics.toml"), ".toml", _read_cards, _refusals()),
    "interconnects": Reader(_data("interconnects.toml"), ".toml", _read_interconnects, _refusals()),
    "specification": Reader(_data("spec-4.3.2.toml"), ".toml", _read_specification, _refusals()),
    "recording": Reader(_recording, ".events", _read_recording, (ValueError,)),
}


def attempt(reader: Reader, data: bytes, folder: Path) -> str:
    """Let a reader read bytes; return "read" or "refused", or raise what no reader may raise.

    Raises
    ------
    AssertionError
        If a refusal is not one printable line.
    """
    path = folder / f"input{reader.suffix}"
    path.write_bytes(data)
    try:
        reader.read(path)
    except reader.refusal as error:
        text = str(error)
        assert text.isprintable() and str(path) in text, f"no clean refusal: {text!r}"
        return "refused"
    return "read"


def torture(name: str, seconds: float, seed: int = 0) -> Counter[str]:
    """Mutate and read one kind of file for a while; count what came of it.

    Returns
    -------
    Counter
        ``read``, ``refused`` and, by its last lines, each fault.
    """
    reader, counts = READERS[name], Counter[str]()
    with tempfile.TemporaryDirectory() as made:
        data, end = reader.sample(), time.monotonic() + seconds
        assert attempt(reader, data, Path(made)) == "read", name
        while time.monotonic() < end:
            rng = random.Random(f"{name}/{seed}/{counts.total()}")
            try:
                counts[attempt(reader, mutate(data, rng), Path(made))] += 1
            except Exception:
                counts["\n".join(traceback.format_exc().splitlines()[-7:])[-600:]] += 1
    return counts


def main() -> int:
    """Torture the readers in turn; the exit status is 1 if one of them is at fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=list(READERS))
    given = parser.parse_args()
    faults = 0
    for name in given.only or READERS:
        start = time.monotonic()
        counts = torture(name, given.seconds, given.seed)
        rate = counts.total() / (time.monotonic() - start)
        bad = {text: n for text, n in counts.items() if text not in ("read", "refused")}
        faults += sum(bad.values())
        sys.stdout.write(
            f"{name}: {counts.total():,} inputs, {rate:.0f} a second; {counts['read']:,} read, "
            f"{counts['refused']:,} refused, {sum(bad.values()):,} faults\n"
        )
        for text, n in list(bad.items())[:5]:
            sys.stdout.write(f"  {n} times:\n{text}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
