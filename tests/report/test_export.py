"""The exported page: one file that loads nothing, runs nothing, and shows everything."""

import errno
import json
import re
import stat
import subprocess
import sys

import pytest
from exported_page import PIXEL, assert_harmless, page_of
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from report_cases import shown, write_notebook, write_report_notebook

from aethermodel.report import export
from aethermodel.report.html.exporter import AetherHTMLExporter


@pytest.fixture(scope="module")
def report_notebook(tmp_path_factory):
    return write_report_notebook(tmp_path_factory.mktemp("report"))


def test_a_report_is_one_harmless_file(report_notebook, tmp_path):
    page = page_of(report_notebook, tmp_path)
    reader = assert_harmless(page)
    assert len(reader.all("svg")) == 3
    assert len(reader.all("math")) >= 6
    for formula in re.findall(r"<math.*?</math>", page, re.DOTALL):
        assert re.sub(r"<[^>]*>|\s", "", formula)
    assert "http" not in page.replace("http-equiv", "")
    references = re.findall(r'(?:url\(#|href="#)([^")]+)', page)
    ids = {attributes.get("id") for _, attributes in reader.elements}
    assert set(references) <= ids
    assert page.index("Fast enough.") < len(page)
    for part in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem", "Save as CSV"):
        assert part in page


def test_the_same_notebook_gives_the_same_bytes(report_notebook, tmp_path):
    first = page_of(report_notebook, tmp_path)
    assert first == page_of(report_notebook, tmp_path)


def test_nbconvert_finds_the_exporter_by_name(report_notebook, tmp_path):
    from nbconvert.exporters import get_exporter

    exporter = get_exporter("aether_html")
    assert exporter is AetherHTMLExporter
    body, resources = exporter().from_filename(str(report_notebook))
    assert body == page_of(report_notebook, tmp_path)
    assert resources["output_extension"] == ".html"


def test_an_export_imports_nothing_that_draws_computes_or_converts(report_notebook, tmp_path):
    """It takes half a second as long as this holds; each of these takes about another."""
    code = (
        "import sys; from aethermodel.report.html.document import export; export(*sys.argv[1:]);"
        "print(*sorted(m for m in sys.modules if '.' not in m))"
    )
    words = [sys.executable, "-c", code, str(report_notebook), str(tmp_path / "page.html")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    slow = {"nbformat", "nbconvert", "jsonschema", "numpy", "pandas", "matplotlib", "sympy"}
    assert not slow & set(done.stdout.split())


def test_texts_in_lines_are_joined_and_lists_of_json_are_not(tmp_path):
    data = {"text/html": ["<p>one ", "line</p>"], "text/plain": ["x"]}
    stream = {"output_type": "stream", "name": "stdout", "text": ["two\n", "lines\n"]}
    outputs = [
        {"output_type": "display_data", "data": data, "metadata": {}},
        {"output_type": "display_data", "data": {"application/json": ["a", "b"]}, "metadata": {}},
        stream,
    ]
    code = {"cell_type": "code", "metadata": {}, "source": ["x = 1\n", "x"], "outputs": outputs}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [code]}
    path = tmp_path / "lines.ipynb"
    path.write_text(json.dumps(notebook))
    page = page_of(path, tmp_path)
    for part in ("<p>one line</p>", "two\nlines", "&quot;a&quot;,\n  &quot;b&quot;"):
        assert part in page


def test_headings_have_anchors_and_a_table_of_contents(report_notebook, tmp_path):
    page = page_of(report_notebook, tmp_path)
    for number in range(4):
        assert f'<h2 id="part-{number}">' in page
        assert f'<li class="level-2"><a href="#part-{number}">Part {number}</a></li>' in page
    assert page.count("<h1") == 1
    assert "<title>Title</title>" in page
    assert "<title>Mine &lt;3</title>" in page_of(report_notebook, tmp_path, title="Mine <3")


def test_equal_headings_and_the_pages_own_ids_stay_apart(tmp_path):
    source = "## Report\n\n## Twice `<x>`\n\n## Twice <x>"
    cells = [new_markdown_cell(source) for _ in range(2)]
    page = page_of(write_notebook(tmp_path, *cells), tmp_path)
    assert_harmless(page)
    assert '<h2 id="report-2">' in page


def test_pictures_get_words_and_keep_their_own(tmp_path):
    page = page_of(
        write_notebook(
            tmp_path,
            shown({"image/png": PIXEL, "text/plain": "<Figure>"}),
            shown({"image/png": PIXEL}, metadata={"image/png": {"alt": 'A "quoted" <rise>'}}),
            shown({"image/svg+xml": "<?xml version='1.0'?><svg><rect width='1'/></svg>"}),
            new_markdown_cell(
                "![a dot](attachment:dot.png)", attachments={"dot.png": {"image/png": PIXEL}}
            ),
        ),
        tmp_path,
    )
    reader = assert_harmless(page)
    alternatives = [image["alt"] for image in reader.all("img")]
    assert alternatives == ["Figure in the output of cell 7", 'A "quoted" <rise>', "a dot"]
    assert reader.all("svg")[0]["aria-label"] == "Figure in the output of cell 7"


def test_streams_read_as_a_terminal_ends_up(tmp_path):
    outputs = [
        new_output("stream", name="stdout", text="\x1b[31m10 %\r20 %\r"),
        new_output("stream", name="stdout", text="100 %\x1b[0m\ndone <ok>\n"),
        new_output("stream", name="stderr", text="a warning"),
    ]
    page = page_of(write_notebook(tmp_path, new_code_cell("run()", outputs=outputs)), tmp_path)
    assert re.search(r'<pre tabindex="0">(<[^>]*>)?100 %(<[^>]*>)?\ndone &lt;ok&gt;</pre>', page)
    box = '<div class="stderr"><div class="name">Standard error</div><pre tabindex="0">a warning'
    assert box in page


def test_code_waits_behind_the_output_it_led_to(tmp_path):
    page = page_of(
        write_notebook(
            tmp_path,
            new_code_cell("setup = 1", metadata={"tags": ["parameters"]}),
            new_code_cell("setup = 2", metadata={"tags": ["injected-parameters"]}),
            shown({"text/plain": "RESULT"}),
            new_code_cell("secret = 3", metadata={"tags": ["remove-input"]}),
            new_code_cell("gone", metadata={"tags": ["remove-cell"]}),
            new_code_cell("last = 4"),
        ),
        tmp_path,
    )
    assert page.count('<details class="code">') == 2
    order = [page.index(x) for x in ("RESULT", "Parameters (defaults)", "Parameters of this run")]
    assert order == sorted(order)
    assert "secret" not in page
    assert "gone" not in page
    assert "last" in page


def test_widgets_fall_back_to_their_text(tmp_path):
    data = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "x", "version_major": 2},
        "text/plain": "IntSlider(value=3)",
    }
    assert "IntSlider(value=3)" in page_of(write_notebook(tmp_path, shown(data)), tmp_path)
    del data["text/plain"]
    assert "model_id" not in page_of(write_notebook(tmp_path, shown(data)), tmp_path)


def test_an_error_is_shown_as_one(tmp_path):
    error = new_output(
        "error", ename="ValueError", evalue="a < b", traceback=["\x1b[0;31mline 1\x1b[0m"]
    )
    page = page_of(
        write_notebook(tmp_path, new_code_cell("boom()", outputs=[error], execution_count=4)),
        tmp_path,
    )
    reader = assert_harmless(page)
    assert "This notebook stopped with an error." in page
    assert "In cell 4: ValueError: a &lt; b" in page
    assert re.search("line 1(</span>)?</pre>", page)
    assert any(element.get("role") == "alert" for _, element in reader.elements)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        b'{"cells": [{"cell_type": "code"}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        b"\xff\xfe\x00",
        b'{"nbformat": 99, "cells": []}',
    ],
)
def test_what_is_no_notebook_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a readable notebook") as raised:
        export(path, tmp_path / "page.html")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "page.html").exists()


def test_the_file_is_written_whole_in_a_folder_that_is_made(report_notebook, tmp_path):
    target = tmp_path / "new" / "folder" / "report.html"
    assert export(report_notebook, target) == target
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
    assert stat.S_IMODE(target.stat().st_mode) & 0o400
    with pytest.raises(FileNotFoundError):
        export(tmp_path / "none.ipynb", target)


def test_a_failed_write_leaves_the_old_report(report_notebook, tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("old")

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        export(report_notebook, target)
    assert target.read_text() == "old"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".report")]


def test_old_notebooks_are_upgraded(tmp_path):
    old = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# Old"]}]}],
    }
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(old))
    assert "<title>Old</title>" in page_of(path, tmp_path)


def test_the_style_of_our_blocks_stands_once_on_the_page(report_notebook, tmp_path):
    page = page_of(report_notebook, tmp_path)
    assert page.count(".ae-summary p {") == 1
    assert '<div class="output paper' not in page


def test_a_line_of_prose_ends_within_no_figure_and_no_value(tmp_path):
    """Cells had "80" above "%", "1" above "ms" and "make sweep-" above "rdma"."""
    cell = new_markdown_cell("At 80 % load below 1 ms, by `make sweep-rdma`, **soft-roce**, a < b.")
    page = page_of(write_notebook(tmp_path, cell), tmp_path).replace("&nbsp;", "\N{NO-BREAK SPACE}")
    assert "At 80\N{NO-BREAK SPACE}% load below 1\N{NO-BREAK SPACE}ms, by" in page
    assert '<code>make <span class="ae-whole">sweep-rdma</span></code>' in page
    assert '<strong><span class="ae-whole">soft-roce</span></strong>, a &lt; b.' in page
