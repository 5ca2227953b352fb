"""Files from outside: which are opened at all, and what JSON, TOML, YAML and words may say."""

import json
import os
import socket
import threading
import tomllib

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aethermodel.inputs.input_files import read_bytes
from aethermodel.inputs.plain_values import parse_json, parse_toml, parse_yaml
from aethermodel.inputs.refusals import InputError, one_line
from aethermodel.inputs.written_words import scalar
from tools.torture.inputs.readers import READERS


def plain_of(texts):
    """Return a strategy of all that JSON can say, with such texts."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**64) + 1, 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=8,
    )


few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(plain_of(st.text()))
def test_json_is_read_as_the_standard_library_reads_it(value):
    text = json.dumps(value)
    assert parse_json(text.encode()) == json.loads(text)
    raw = json.dumps(value, ensure_ascii=False).encode("utf-8")
    assert parse_json(b"\xef\xbb\xbf" + raw) == value


def is_a_text(word):
    """Whether YAML 1.1, which the library writes, and 1.2 agree that a bare word is one."""
    try:
        return scalar(word) == word.strip()
    except InputError:
        return False


@few
@given(st.dictionaries(st.text().filter(is_a_text), plain_of(st.text().filter(is_a_text))))
def test_yaml_written_by_a_library_is_read_back(value):
    text = yaml.safe_dump(value, allow_unicode=False)

    def names_as_texts(each):
        if isinstance(each, dict):
            return {str(k): names_as_texts(v) for k, v in each.items()}
        return [names_as_texts(v) for v in each] if isinstance(each, list) else each

    assert parse_yaml(text.encode()) == names_as_texts(value)


@pytest.mark.parametrize(
    "word",
    [
        *("12:30:00", "12:30", "1:2:3.5", "2026-01-01", "2026-01-01T00:00:00Z", "1,5", "\u0663"),
        *("on", "off", "yes", "no", "y", "017", "+012", "0o17", "0x1f", "0b1", "1_", "_1", "1__0"),
        *("1e", "<<", "nan", "inf", "Infinity"),
    ],
)
def test_what_only_some_take_for_a_number_stays_the_text_it_is(word):
    assert scalar(word) == word
    assert parse_yaml(f"a: {word}\n".encode()) == {"a": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *(("0", 0), ("-7", -7), ("+3", 3), ("1_000", 1000), ("2.5", 2.5), (".5", 0.5), ("5.", 5.0)),
        *(("1e6", 1e6), ("-1.5E-3", -0.0015), ("true", True), ("False", False), ("null", None)),
    ],
)
def test_what_is_a_number_to_everybody_is_one(word, value):
    for read in (scalar(word), parse_yaml(f"a: {word}\n".encode())["a"]):
        assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("word", [".nan", "-.inf", ".Inf", "1e999", "9" * 400, "9" * 5000])
def test_no_word_is_a_number_without_end(word):
    with pytest.raises(InputError, match=r"a finite number|64 bits"):
        scalar(word)
    with pytest.raises(InputError, match=r"a finite number|64 bits"):
        parse_yaml(f"a: {word}\n".encode())


@pytest.mark.parametrize(
    ("parse", "content", "why"),
    [
        (parse_json, b'{"a": 1, "a": 2}', "'a' is given twice"),
        (parse_yaml, b"a: 1\na: 2", "'a' given twice"),
        (parse_toml, b"a = 1\na = 2", "not TOML"),
        (parse_json, b'["\\ud800"]', "surrogate"),
        (parse_json, b"[NaN]", "finite"),
        (parse_json, b"[1e400]", "finite"),
        (parse_toml, b"a = nan", "finite"),
        (parse_json, b"[" + b"9" * 400 + b"]", "64 bits"),
        (parse_toml, b"a = " + b"9" * 400, "64 bits"),
        (parse_json, b"[" * 65 + b"]" * 65, "64 deep"),
        (parse_json, b"[" * 10**6, "64 deep"),
        (parse_toml, b"a = " + b"[" * 10**5, "64 deep"),
        (parse_toml, b"a." * 10**5 + b"a = 1", "32 dotted"),
        (parse_yaml, b"[" * 10**5, "64 deep"),
        (parse_yaml, b"- " * 10**5, "64 deep"),
        (parse_yaml, b"a: &x [1]\nb: *x", "alias"),
        (parse_yaml, b"a: !!int 12:30:00", "tag"),
        (parse_yaml, b"a: !!timestamp 2026-01-01", "tag"),
        (parse_yaml, b"!!python/object/apply:os.getcwd []", "tag"),
        (parse_yaml, b"? [1]\n: 2", "no text"),
        (parse_json, "{}".encode("utf-16"), "UTF-8"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(parse, content, why):
    with pytest.raises(InputError, match=why) as refused:
        parse(content)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) <= 400


def test_depth_counts_brackets_of_the_document_and_not_those_of_its_texts():
    assert parse_json(json.dumps(["[" * 500, '"[' * 500, "\\"]).encode())[0] == "[" * 500
    assert parse_json(b"[" * 64 + b"]" * 64)
    value = {"a": [[1.5, 2]] * 200}
    assert parse_json(json.dumps(value).encode()) == value


def test_toml_with_dates_and_dotted_names_is_read_as_it_was():
    text = 'a.b."c d".e = 1\nt = 12:30:00\nx = [0.1, 0.2]\ns = "1.2.3.4.5"\n[q.r]\ny = 1_000\n'
    assert parse_toml(text.encode()) == tomllib.loads(text)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "endless", "socket"])
@pytest.mark.parametrize("name", READERS)
def test_only_a_regular_file_is_read_and_nothing_is_waited_for(kind, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    path = tmp_path / f"x{READERS[name].suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(path.name)
    else:
        path.symlink_to("/dev/null" if kind == "device" else "/dev/zero")
    ended = []

    def read():
        with pytest.raises((*READERS[name].refusal, OSError)) as refused:
            READERS[name].read(path)
        ended.append(one_line(refused.value))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert str(path) in ended[0]


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none")
    with pytest.raises(InputError, match="null"):
        read_bytes("a\0b")


@few
@given(st.text(max_size=600))
def test_a_refusal_is_one_line_that_a_terminal_only_shows(text):
    line = str(InputError(text))
    assert line.isprintable()
    assert len(line) <= 400
    if text.isascii() and text.isprintable() and len(text) < 400:
        assert line == " ".join(text.split())
