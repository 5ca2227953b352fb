"""No output has the name of another kind of file than what is written into it."""

import json
import re
from io import BytesIO

import pytest
import typer
from PIL import Image
from test_bad_input import call, refused

from aethermodel.cli import app
from aethermodel.inputs.refusals import InputError
from aethermodel.output_files import KINDS, check_kind

__all__ = ["call"]
JSON = frozenset({".json"})
HTML = frozenset({".html", ".htm"})
DRAWING = frozenset({".svg", ".png"})
#: What outputs may end in, of all ends that say a kind; those that are not named here: JSON.
ENDS = {
    ("validate", "samples"): {".parquet", ".pq"},
    ("gate", "summary"): {".md", ".markdown"},
    ("bench kernel", "plot"): DRAWING,
    ("bench ffi", "plot"): DRAWING,
    ("bench ring", "plot"): DRAWING,
    ("cluster", "output"): HTML,
    ("diff", "output"): HTML,
    ("report of", "output"): HTML,
    ("report diff", "output"): HTML,
    ("fit", "output"): JSON,
    ("bench fabric", "output"): JSON,
    ("bench rdma", "output"): JSON,
}


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(leaves(typer.main.get_command(app)))


def refusal(command, option, target):
    """Return why a command does not begin with this output, None if it does."""
    needed = [p for p in command.params if p.param_type_name == "argument" and p.required]
    words = [option.opts[0], str(target), *("source" for _ in needed)]
    words += [w for p in command.params if p.required and p not in needed for w in (p.opts[0], "1")]
    try:
        command.make_context("x", words)
    except (OSError, ValueError) as error:
        return error
    return None


def valued(command):
    return [p for p in command.params if p.param_type_name == "option" and not p.is_flag]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Options that take no folder, by command: that is what marks an output."""
    folder = tmp_path_factory.mktemp("folder")
    return {
        (name, option.name): (command, option)
        for name, command in COMMANDS.items()
        for option in valued(command)
        if "Is a directory" in str(_refusal_or_usage(command, option, folder))
    }


def _refusal_or_usage(command, option, target):
    try:
        return refusal(command, option, target)
    except Exception as error:
        return error


def test_every_output_is_known(outputs):
    jsons = {
        (name, "json") for name, one in COMMANDS.items() for p in one.params if p.name == "json"
    }
    assert len(jsons) > 25
    assert set(outputs) == jsons | set(ENDS)


def test_only_names_of_what_is_written_are_taken(outputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for key, (command, option) in outputs.items():
        allowed = ENDS.get(key, JSON)
        for end in (*KINDS, ".PNG", ".Json"):
            error = refusal(command, option, f"x{end}")
            assert (error is None) == (end.lower() in allowed), (key, end, error)
            if error is not None:
                assert isinstance(error, InputError)
                line = str(error)
                assert line.startswith(f"x{end}: {option.opts[0]} writes ")
                assert "\n" not in line
                assert re.search(r"end the name in (\.\w+)", line)[1] in allowed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x", "x.", ".json5", "run.2026-11-30", "v1.2", "-", "a.png/x"])
def test_names_that_say_no_kind_are_taken(outputs, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    refused = [key for key, (c, o) in outputs.items() if refusal(c, o, name) is not None]
    assert refused == []


def test_every_input_is_looked_at_before_outputs():
    """Else whoever would destroy a file is told to rename it first, by the order of the words."""
    inputs = [
        (name, one)
        for name, command in COMMANDS.items()
        for one in command.params
        if getattr(one.callback, "__wrapped__", None) is not None
        and one.callback.__wrapped__.__name__ == "_readable"
    ]
    assert len(inputs) > 25
    assert [(name, one.name) for name, one in inputs if not one.is_eager] == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "bench kernel --plot x.pdf",
            "x.pdf: --plot writes SVG or PNG, not PDF: end the name in .svg or .png",
        ),
        (
            "validate --samples x.csv",
            "x.csv: --samples writes Parquet, not CSV: end the name in .parquet",
        ),
        (
            "validate orders.py --json orders.py",
            "orders.py: --json writes JSON, not Python: end the name in .json",
        ),
        (
            "report --run -o x.ipynb",
            "x.ipynb: --output writes HTML, not a notebook: end the name in .html",
        ),
    ],
)
def test_it_is_one_line_before_anything_is_measured(call, tmp_path, words, line):
    (tmp_path / "orders.py").write_text("")
    assert refused(call, *words.split()) == f"aethermodel: {line}"
    assert [path.name for path in tmp_path.iterdir()] == ["orders.py"]


@pytest.mark.parametrize("words", ["b --json b", "b.json --json ./b.json"])
def test_a_budget_is_not_written_over(call, tmp_path, words):
    source, _, target = words.split()
    (tmp_path / source).write_text("")
    assert "would destroy" in refused(call, "bound", "--spec", source, "--json", target)
    assert (tmp_path / source).read_text() == ""


def test_a_kind_is_told_by_the_end_of_the_name():
    check_kind("a.csv/b", ("JSON",), "--json")
    with pytest.raises(InputError, match=r"^b\.json\.gz: --json writes JSON, not gzip"):
        check_kind("b.json.gz", ("JSON",), "--json")
    check_kind("b.gz.json", ("JSON",), "--json")


def test_a_drawing_is_of_the_kind_that_its_name_says(call, tmp_path):
    small = ("bench", "ffi", "--processes", "1", "--repeats", "1", "--json", "rows.json")
    assert call(*small, "--plot", "rows.PNG")[0] == 0
    image = Image.open(BytesIO((tmp_path / "rows.PNG").read_bytes()))
    assert image.format == "PNG"
    assert image.text["Title"] == "bench ffi (loopback)"
    assert image.width > 1000
    colours = image.convert("RGB").getcolors(1 << 24)
    assert max(colours)[1] == (255, 255, 255) and len(colours) > 50
    assert json.loads((tmp_path / "rows.json").read_text())["rows"]
