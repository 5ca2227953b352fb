"""Every reader gives a right answer of a damaged file or one line that refuses it, nothing else."""

import hashlib
import io
import json
import random
import re
import tracemalloc
from functools import reduce
from itertools import islice

import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tools.torture.inputs.file_mutation import (
    MOST_BYTES,
    NASTY,
    mutate,
    paths_of,
    raw_json,
    replaced,
)
from tools.torture.inputs.readers import READERS, attempt

#: What takes long to use once it is read.
_SLOW = {"trial": 15, "calibration": 40}
JSON = ("calibration", "store-plan", "store-record", "notebook", "notebook-to-run", "verbs-samples")


@pytest.fixture(scope="module")
def valid():
    """The valid files, each made once."""
    return {name: reader.sample() for name, reader in READERS.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("inputs")


@pytest.mark.parametrize("name", READERS)
def test_a_valid_file_is_read(name, valid, folder):
    assert attempt(READERS[name], valid[name], folder) == "read"


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused(name, valid, folder):
    @settings(
        max_examples=_SLOW.get(name, 150),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.integers(0, 2**32))
    def read(seed):
        attempt(READERS[name], mutate(valid[name], random.Random(seed)), folder)

    read()


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"\0",
            b"\0" * 5000,
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"{}",
            b"[]",
            b"null",
            b"1",
            b'"',
        ),
        *(b"[" * 100_000, b'{"a":' * 50_000, b"- " * 50_000, b"a." * 100_000, b"9" * 5000),
        *(
            b"<div>" * 100_000,
            b"PAR1",
            b"PAR1" + b"\0" * 100 + b"PAR1",
            b"ATHRREC1",
            b"x" * 300_000,
        ),
        *("{}".encode("utf-16"), "{}".encode("utf-32"), b"\xed\xa0\x80", b'{"a": "\xc3\x28"}'),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_such_file_is_refused(name, data, folder):
    assert attempt(READERS[name], data, folder) == "refused"


@pytest.mark.parametrize("name", ["notebook", "sweep-toml"])
def test_a_mutated_file_is_another_and_of_a_bounded_size(name, valid):
    for seed in range(300):
        made = mutate(valid[name], random.Random(seed))
        assert made != valid[name]
        assert len(made) <= MOST_BYTES


def test_a_mutation_that_grows_beyond_bounds_is_drawn_again():
    data = json.dumps([["x" * 9000]]).encode()  # repeated 5,000 times by one of the mutations
    assert max(len(mutate(data, random.Random(seed))) for seed in range(300)) <= MOST_BYTES


@pytest.mark.parametrize("name", READERS)
def test_a_file_cut_anywhere_is_read_or_refused(name, valid, folder):
    data = valid[name]
    for at in range(0, len(data), max(1, len(data) // 25)):
        attempt(READERS[name], data[:at], folder)


def sealed(content):
    """Return a calibration whose hash is right, as whoever changes one would make it."""
    try:
        copies = content.get("ceilings", {}).get("copy", {"n": [], "seconds": []})
        teams = content.get("teams", {"threads": [], "seconds": []})
        read_back = {
            **{name: content[name] for name in ("host", "created", "conditions", "warnings")},
            "samples": {t: list(c.values()) for t, c in content["samples"].items()},
            "teams": list(teams.values()),
            "copies": list(copies.values()),
        }
    except (AttributeError, KeyError, TypeError):
        return content
    text = json.dumps(read_back, sort_keys=True)
    return content | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def test_a_sealed_calibration_is_a_calibration(valid, folder):
    content = json.loads(valid["calibration"])
    assert sealed(content)["sha256"] == content["sha256"]


def test_no_changed_value_of_a_sealed_calibration_ends_in_a_traceback(valid, folder):
    content = json.loads(valid["calibration"])
    places = [
        path for path in paths_of(content, most=2) if path[:1] in (("conditions",), ("host",))
    ]
    for path in places:
        for value in NASTY[:22]:
            changed = sealed(replaced(content, path, value))
            attempt(READERS["calibration"], raw_json(changed), folder)


def commands(canary):
    """Return texts that run something wherever a text is evaluated, formatted or imported."""
    python = f"__import__('os').system('touch {canary}')"
    return (
        *(
            python,
            f"{{{python}}}",
            f"{{0.{python}}}",
            f"${python}$",
            f"@{python}",
            f"=cmd|{python}",
        ),
        *(f"!!python/object/apply:os.system ['touch {canary}']", "canary_module:Model"),
        *(f"$(touch {canary})", f"`touch {canary}`", f"'); {python} #", f"topics, {python}"),
    )


def files_with(name, data, text):
    """Yield a kind of file with a text at each of its places, names included."""
    if name in JSON:
        content = json.loads(data)
        for path in paths_of(content, most=1):
            changed = replaced(content, path, text)
            yield json.dumps(sealed(changed) if name == "calibration" else changed).encode()
            here = reduce(lambda value, key: value[key], path, content)
            if isinstance(here, dict):
                yield json.dumps(replaced(content, path, here | {text: text})).encode()
    elif name in ("samples", "trial"):
        yield from _tables_with(data, text)
    elif name == "sweep-yaml":
        content = yaml.safe_load(data)
        for path in paths_of(content):
            yield yaml.safe_dump(replaced(content, path, text)).encode()
        yield data.replace(b"kernel", text.encode())
    elif name != "recording":
        quoted = json.dumps(text).encode()
        for found in re.finditer(rb'"[^"\n]*"|(?<== )[0-9._]+|(?<=[\[ ])[0-9_]+(?=[,\]])', data):
            yield data[: found.start()] + quoted + data[found.end() :]
        for found in re.finditer(rb"^[\w-]+(?= =)", data, re.MULTILINE):
            yield data[: found.start()] + quoted + data[found.end() :]


def _tables_with(data, text):
    table = parquet.read_table(pa.BufferReader(data))
    tables = []
    for at, name in enumerate(table.column_names):
        tables += [
            table.set_column(at, name, pa.array([text] * len(table))),
            table.rename_columns([text if n == name else n for n in table.column_names]),
        ]
    for key, about in table.schema.metadata.items():
        content = json.loads(about)
        for path in paths_of(content, most=1):
            metadata = table.schema.metadata | {key: json.dumps(replaced(content, path, text))}
            tables.append(table.replace_schema_metadata(metadata))
    for changed in tables:
        made = io.BytesIO()
        parquet.write_table(changed, made)
        yield made.getvalue()


#: Of as many texts one is tried of each place of a file, of which these have many; no more than
#: there are texts, so that each place has one.
_EACH = {
    **{"calibration": 8, "samples": 4, "verbs-samples": 6},
    **{"specification": 4, "cards": 4, "interconnects": 2},
}
_EVERY = pytest.mark.slow(reason="every text at each of many places")


@pytest.mark.parametrize(
    ("name", "each"),
    [
        *((name, _EACH.get(name, 1)) for name in READERS if name not in ("trial", "recording")),
        *(pytest.param(name, 1, marks=_EVERY) for name in _EACH),
    ],
)
def test_no_text_of_any_file_is_run(name, each, valid, tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    (tmp_path / "canary_module.py").write_text(f"open({str(canary)!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for at, text in enumerate(commands(canary)):
        # Another part of the places for each text, so that each place has several.
        for data in islice(files_with(name, valid[name], text), at % each, None, each):
            attempt(READERS[name], data, tmp_path)
            assert not canary.exists(), data
    assert "canary_module" not in __import__("sys").modules


def test_a_calibration_of_an_earlier_schema_runs_nothing_either(valid, tmp_path):
    content = json.loads(valid["calibration"]) | {"schema": "aethermodel.calibration/2"}
    timed = {term: list(columns.values()) for term, columns in content["samples"].items()}
    text = json.dumps(timed, sort_keys=True)
    content["samples_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    assert attempt(READERS["calibration"], json.dumps(content).encode(), tmp_path) == "read"
    for text in commands(tmp_path / "canary"):
        content["conditions"]["topics"] = text
        assert attempt(READERS["calibration"], json.dumps(content).encode(), tmp_path) == "refused"
    assert not (tmp_path / "canary").exists()


def test_a_file_too_large_is_refused_and_not_held(folder):
    reader = READERS["sweep-toml"]
    path = folder / "large.toml"
    with path.open("wb") as file:
        file.truncate(2**36)
    tracemalloc.start()
    with pytest.raises(reader.refusal, match="larger than"):
        reader.read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()
    path.unlink()


def test_many_raw_texts_in_one_document_are_put_in_at_once() -> None:
    raw = next(t for t in NASTY if isinstance(t, str) and raw_json(t) != json.dumps(t).encode())
    one = raw_json([raw])[1:-1]
    wanted = b"[" + b", ".join([one, b'"plain"', one] * 2_000) + b"]"
    assert raw_json([raw, "plain", raw] * 2_000) == wanted
