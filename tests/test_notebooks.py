"""The notebooks: thin, stripped, parameterised by typed models, and they run."""

from pathlib import Path

import nbformat
import papermill
import pytest
from executed_notebooks import amiss
from quick_parameters import QUICK

from aethermodel.execute.engine import BadParametersError
from aethermodel.execute.notebooks import execute, notebooks_folder

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*/*.ipynb"))
NOTEBOOKS = [*sorted((ROOT / "notebooks").glob("*.ipynb")), *EXAMPLES]


def ids(path):
    return path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_thin_stripped_and_with_a_parameters_cell(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(len(cell.source.splitlines()) <= 15 for cell in code)
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert not any("def " in cell.source or "class " in cell.source for cell in code)
    (parameters,) = (cell for cell in code if "parameters" in cell.metadata.get("tags", ()))
    lines = [line for line in parameters.source.splitlines() if line[:1].isalpha()]
    assert len(papermill.inspect_notebook(path)) == len(lines)
    assert notebook.cells[0].cell_type == "markdown"


#: They measure for long, and `make docs` runs them, with the same parameters and the same check.
LONG = {
    "00_quickstart.ipynb",
    "20_calibrate.ipynb",
    "30_model_vs_measured.ipynb",
    "40_tail_latency.ipynb",
    "45_feed.ipynb",
    "60_what_if.ipynb",  # whose cells JupyterLab runs, too (`tests/browser`)
    "70_scale_out.ipynb",
    "95_own_pipeline.ipynb",
    "quotes.ipynb",  # the cells of scoring.ipynb, on other laws
    "trades.ipynb",
}


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.name not in LONG], ids=ids)
def test_runs_from_top_to_bottom_with_other_parameters(path, tmp_path):
    out = tmp_path / "out.ipynb"
    seen = []
    execute(str(path), out, QUICK[path.name], lambda *done: seen.append(done))
    assert not amiss(nbformat.read(out, as_version=4))
    assert seen[-1][0] == seen[-1][1]
    assert list(tmp_path.iterdir()) == [out]


def test_what_a_notebook_may_not_show_is_found():
    output = nbformat.v4.new_output
    good = output("display_data", {"text/html": "<svg></svg>"})
    table = output("display_data", {"text/html": '<svg></svg><table class="dataframe">'})
    red = output("stream", name="stderr", text="a warning")
    error = output("error", ename="E", evalue="why", traceback=[])
    shows = (
        ([], ["no figure"]),
        ([good], []),
        ([table], ["a table as pandas prints it"]),
        ([good, red], ["standard error: a warning"]),
        ([good, error], ["an error: why"]),
    )
    for outputs, found in shows:
        cell = nbformat.v4.new_code_cell("1", outputs=outputs)
        assert amiss(nbformat.v4.new_notebook(cells=[cell])) == found


def test_every_notebook_is_tried():
    assert {path.name for path in NOTEBOOKS} == QUICK.keys()


def test_the_readme_names_every_notebook():
    readme = (notebooks_folder() / "README.md").read_text("utf-8")
    readme += (ROOT / "docs" / "examples.md").read_text("utf-8")
    assert not [path.stem for path in NOTEBOOKS if f"`{path.stem}`" not in readme]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_sizes": "1,zero"}, "valid integer"),
        ({"event_loop": "trio"}, "'asyncio' or 'uvloop'"),
        ({"topics": -3}, "greater than or equal to 1"),
    ],
)
def test_bad_parameters_end_the_comparison_before_anything_is_measured(
    parameters, message, tmp_path
):
    """By stock papermill, as a user calls it."""
    out = tmp_path / "out.ipynb"
    source = notebooks_folder() / "30_model_vs_measured.ipynb"
    with pytest.raises(BadParametersError, match=message):
        papermill.execute_notebook(str(source), str(out), parameters, progress_bar=False)
    if out.exists():
        cells = nbformat.read(out, as_version=4).cells
        assert not [o for cell in cells if cell.cell_type == "code" for o in cell.outputs]


def test_an_unknown_parameter_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no parameter 'batchsize'"):
        execute("10_upper_bound.ipynb", tmp_path / "out.ipynb", {"batchsize": 3})
    assert not list(tmp_path.iterdir())
