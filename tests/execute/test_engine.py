"""The papermill engine: fresh kernels, figures inline, whole files, nothing left."""

import json
import tempfile

import nbformat
import papermill
import pytest

from aethermodel.execute.jupyter_kernels import kernel_server
from aethermodel.execute.notebooks import execute, models_of, parameters_of, read_notebook
from aethermodel.execute.recorded_figures import recorded
from aethermodel.execute.scratch import runtime_folder


@pytest.fixture(scope="module")
def server():
    with kernel_server() as server:
        yield server


def notebook(path, *cells, metadata=None):
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    book.cells[0].metadata["tags"] = ["parameters"]
    book.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "x"}
    book.metadata.update(metadata or {})
    nbformat.write(book, str(path))
    return path


def outputs(path):
    return [o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", [])]


def test_papermill_knows_the_engine_by_name(tmp_path, server):
    source = notebook(tmp_path / "in.ipynb", "n = 1", "print(n + 1)")
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        str(source), str(out), {"n": 41}, engine_name="aether", progress_bar=False, server=server
    )
    assert outputs(out)[0].text == "42\n"


def test_each_notebook_has_a_fresh_kernel(tmp_path, server):
    cell = (
        "import numpy, os, sys\n"
        "print(os.getpid(), hasattr(numpy, 'leak'), 'leak' in globals())\n"
        "numpy.leak = leak = True"
    )
    source = notebook(tmp_path / "in.ipynb", "n = 1", cell)
    seen = []
    for i in range(2):
        execute(str(source), tmp_path / "out.ipynb", {"n": i}, server=server)
        seen.append(outputs(tmp_path / "out.ipynb")[0].text.split())
    assert seen[0][0] != seen[1][0]
    assert [words[1:] for words in seen] == [["False", "False"]] * 2


def test_figures_are_shown_although_matplotlib_was_imported_before(tmp_path, server):
    cell = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    source = notebook(tmp_path / "in.ipynb", "n = 1", cell)
    execute(str(source), tmp_path / "out.ipynb", {}, server=server)
    assert any("image/png" in o.get("data", {}) for o in outputs(tmp_path / "out.ipynb"))


def test_no_ports_no_leftovers_and_temporary_files_of_its_own(tmp_path, server):
    cell = (
        "import json, tempfile, ipykernel.connect as c\n"
        "print(json.loads(c.get_connection_info())['transport'])\n"
        "print(tempfile.mkdtemp())"
    )
    source = notebook(tmp_path / "in.ipynb", "n = 1", cell)
    before = set(runtime_folder().iterdir())
    execute(str(source), tmp_path / "out.ipynb", {}, server=server)
    transport, folder = "".join(o.text for o in outputs(tmp_path / "out.ipynb")).split()
    assert transport == "ipc"
    assert folder.startswith(str(runtime_folder()))
    assert set(runtime_folder().iterdir()) <= before
    assert {p.name for p in tmp_path.iterdir()} == {"in.ipynb", "out.ipynb"}


def test_a_place_too_deep_for_sockets_is_one_clear_line(tmp_path, server, monkeypatch):
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", None)
    source = notebook(tmp_path / "in.ipynb", "n = 1")
    with pytest.raises(ValueError, match="set TMPDIR to a shorter one"):
        execute(str(source), tmp_path / "out.ipynb", {}, server=server)


def test_a_cell_that_fails_leaves_the_notebook_so_far(tmp_path, server):
    source = notebook(tmp_path / "in.ipynb", "n = 1", "print('before')", "1 / 0", "print('after')")
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        execute(str(source), tmp_path / "out.ipynb", {}, server=server)
    kinds = [o.output_type for o in outputs(tmp_path / "out.ipynb")]
    assert kinds == ["stream", "error"]


def test_recorded_figures_are_found_in_the_executed_notebook(tmp_path, server):
    cells = (
        "from aethermodel import record\nrecord(rate_per_second=n, depth=1)",
        "record(depth=2.5)",
    )
    source = notebook(tmp_path / "in.ipynb", "n = 1", *cells)
    execute(str(source), tmp_path / "out.ipynb", {"n": 7}, server=server)
    assert recorded(tmp_path / "out.ipynb") == {"rate_per_second": 7.0, "depth": 2.5}
    assert recorded(source) == {}


def test_parameters_are_read_without_running_the_notebook(tmp_path):
    cell = "a = 1\nb: float = 2.5\nc = 'x'\nd = None\ne = [1, 2]\nf = print(1)\ng = {1}\nh: int"
    source = notebook(tmp_path / "in.ipynb", cell, "z = 3")
    assert parameters_of(read_notebook(source)) == {
        **{"a": 1, "b": 2.5, "c": "x", "d": None, "e": [1, 2]},
        **{"f": None, "g": None, "h": None},
    }


@pytest.mark.parametrize("name", ["no_such:Model", "json:loads", "json", 3])
def test_a_model_that_is_none_is_refused_and_no_module_is_imported(tmp_path, monkeypatch, name):
    (tmp_path / "no_such.py").write_text("open('imported', 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    metadata = {"aether": {"parameters": name}}
    source = notebook(tmp_path / "in.ipynb", "n = 1", metadata=metadata)
    with pytest.raises(ValueError, match=r"not a notebook|there are batch, campaign, cluster"):
        models_of(read_notebook(source))
    assert not (tmp_path / "imported").exists()


def test_an_installed_package_declares_models_by_an_entry_point(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from pydantic import BaseModel\nclass Mine(BaseModel):\n    n: int\nnone = 3\n"
    )
    info = tmp_path / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[aethermodel.parameters]\nmine = mine:Mine\nother = mine:none\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = notebook(tmp_path / "a.ipynb", "n = 1", metadata={"aether": {"parameters": "mine"}})
    assert models_of(read_notebook(found))[0].__name__ == "Mine"
    found = notebook(tmp_path / "b.ipynb", "n = 1", metadata={"aether": {"parameters": "other"}})
    with pytest.raises(ValueError, match="no pydantic model"):
        models_of(read_notebook(found))


def test_braces_in_a_path_are_no_template(tmp_path, server):
    source = notebook(tmp_path / "{n.__class__.__mro__} {x}.ipynb", "n = 1", "print(n)")
    out = tmp_path / "{n} {y}.ipynb"
    execute(str(source), out, {"n": 41}, server=server)
    assert "41" in out.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"cells": []})])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, text):
    path = tmp_path / "in.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match="not a notebook"):
        read_notebook(path)
    with pytest.raises(ValueError, match="no notebook missing"):
        execute("missing.ipynb", tmp_path / "out.ipynb", {})
