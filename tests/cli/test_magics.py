"""IPython magics in a real shell, and once in a real kernel."""

import pytest

from aethermodel.laws.law import Law


@pytest.fixture
def shell():
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    made.run_line_magic("load_ext", "aethermodel")
    yield made
    InteractiveShell.clear_instance()


def test_a_cell_is_timed_at_each_size(shell):
    shell.user_ns["data"] = list(range(10_000))
    shown = shell.run_cell_magic(
        "law", "N=10,100,1e3,10000 -r 2 -t 1 -o found", "total = sum(data[:N])"
    )
    law = shell.user_ns["found"]
    assert isinstance(law, Law)
    assert law.sizes.tolist() == [10, 100, 1000, 10_000]
    assert law.size_name == "N"
    assert "total" not in shell.user_ns
    assert "N" not in shell.user_ns
    assert "<" in shown._repr_html_()
    assert "T(N) =" in repr(shown)
    assert "o" in repr(shown).splitlines()[-3]


def test_a_statement_with_setup(shell):
    shell.run_line_magic("law", "N=10,100 -r 1 -t 1 -q -s 'kept=[0]*N' -o found len(kept)")
    assert shell.user_ns["found"].sizes.tolist() == [10, 100]


@pytest.mark.parametrize(
    ("line", "cell", "said"),
    [
        ("N=", "pass", "written N=1,10,100"),
        ("N=1,x", "pass", "whole number"),
        ("N=0", "pass", "at least 1"),
        ("N=1", " ", "nothing to time"),
        ("N=1 len", "pass", "no statement on its line"),
        ("N=1 -o a-b", "pass", "is no name"),
    ],
)
def test_bad_lines_say_what_is_wrong(shell, line, cell, said):
    from IPython.core.error import UsageError

    with pytest.raises(UsageError, match=said):
        shell.run_cell_magic("law", line, cell)


def test_a_kernel_shows_html_and_text():
    import nbformat
    from nbclient import NotebookClient

    cells = [
        nbformat.v4.new_code_cell("%load_ext aethermodel"),
        nbformat.v4.new_code_cell("%%law N=10,1000 -r 2 -t 1\nsorted(range(N))"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = [o for o in notebook.cells[1].outputs if o.output_type == "execute_result"]
    assert {"text/html", "text/plain"} <= output.data.keys()
    assert "T(N) =" in output.data["text/plain"]


def test_an_error_of_the_cell_is_its_own(shell):
    with pytest.raises(ValueError, match="mine"):
        shell.run_cell_magic("law", "N=1,2", "raise ValueError('mine')")
