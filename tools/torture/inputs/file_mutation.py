"""Mutations of files: values, structure and bare bytes of a valid one changed."""

from __future__ import annotations

import functools
import io
import json
import random
from typing import Any

#: Most bytes of an input: more cost time and show nothing new; a file that is too large has a
#: test of its own.
MOST_BYTES = 2**20
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
    """Return another file of at most `MOST_BYTES`: values, structure or bare bytes changed.

    Parameters
    ----------
    data : bytes
        Of a valid file; JSON and Parquet are changed by their structure, too.
    rng : random.Random
        Decides all.
    """
    while (damaged := _mutate_once(data, rng)) == data or len(damaged) > MOST_BYTES:
        pass
    return damaged


def _mutate_once(data: bytes, rng: random.Random) -> bytes:
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
        parts, done = [], 0
        while (start := text.find(f'"{_RAW}', done)) >= 0:
            end = json.decoder.scanstring(text, start + 1)[1]  # type: ignore[attr-defined]
            parts += [text[done:start], json.loads(text[start:end]).removeprefix(_RAW)]
            done = end
        text = "".join([*parts, text[done:]])
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
