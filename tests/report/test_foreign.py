"""Other people's notebooks: what can be kept is kept, and all else is named with its reason."""

import json
import re

import nbformat
import pytest
from command_line import aether
from foreign_notebook import ANSI, PIXEL, TRACEBACK, write_foreign
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from report_cases import shown, write_notebook

from aethermodel.report.contrast import contrast
from aethermodel.report.html.document import export_page
from aethermodel.report.outputs.losses import told
from aethermodel.report.outputs.terminal_text import GROUNDS, preformatted


def exported(tmp_path, *cells, **metadata):
    result = export_page(write_notebook(tmp_path, *cells, **metadata), tmp_path / "page.html")
    return result.path.read_text("utf-8"), result.losses


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreign")
    result = export_page(write_foreign(folder), folder / "page.html")
    return result.path.read_text("utf-8"), result.losses


def section(page: str, name: str) -> str:
    """What the page shows below the heading of an object."""
    start = re.search(rf"<h3[^>]*>(?:<span[^>]*>)?{re.escape(name)}(?:</span>)?<a", page).end()
    end = page.find("<h3 id=", start)
    return page[start : end if end > 0 else len(page)]


def test_standard_error_tells_how_many_are_not_shown_and_why(tmp_path):
    done = aether("report", str(write_foreign(tmp_path)), "-o", str(tmp_path / "page.html"))
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "aethermodel: 3 outputs not shown: a page in a frame, and a report loads none",
        "aethermodel: 2 outputs not shown: drawn by a script, and a report runs none",
        "aethermodel: 1 output not shown: a form that needs a viewer of its own",
        "aethermodel: 2 outputs shown in part: a picture that is not in the notebook, and a report"
        " loads none",
        "aethermodel: 1 output shown in part: drawn by a script, and a report runs none",
        "aethermodel: 2 outputs shown in part: a form that needs a viewer of its own",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("iframe", "An output is not shown: a page in a frame, and a report loads none: "),
        ("iframe", 'href="https://example.org/page"'),
        ("video-site", "https://www.youtube.com/embed/abcdefghijk"),
        ("remote picture", 'href="https://example.org/picture.png"'),
        ("javascript", "An output is not shown: drawn by a script, and a report runs none."),
        ("plotly", "An output is not shown: drawn by a script, and a report runs none."),
        ("bokeh", "Not all of this output is shown: drawn by a script"),
        ("widget", "needs a viewer of its own (an interactive widget)"),
        ("frame page", "An output is not shown: a page in a frame, and a report loads none."),
        ("vega", "is shown: a form that needs a viewer of its own (application/vnd.vegalite.v5"),
        ("nothing known", "needs a viewer of its own (application/pdf)"),
    ],
)
def test_what_is_missing_is_named_in_its_place(corpus, name, said):
    assert said in section(corpus[0], name)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("frame", 'class="dataframe"'),
        ("audio", '<source src="data:audio/wav;base64,'),
        ("video", '<source src="data:video/mp4;base64,'),
        ("picture", 'src="data:image/png;base64,'),
        ("picture", 'width="40"'),
        ("gif", 'src="data:image/gif;base64,'),
        ("svg", "graph node</text>"),
        ("latex", "<mtable"),
        ("markdown", "<strong>bold</strong>"),
        ("markdown", 'aria-label="done"'),
        ("json", "&quot;a&quot;: &quot;&lt;x&gt;&quot;"),
        ("html", "kept"),
        ("rich", "cell"),
        ("widget", "IntSlider(value=3)"),
        ("plotly with picture", f'src="data:image/png;base64,{PIXEL}"'),
        ("bokeh", "Figure(id=&#x27;p1&#x27;, ...)"),
        ("vega", "alt.Chart(...)"),
    ],
)
def test_what_can_be_kept_is(corpus, name, kept):
    assert kept in section(corpus[0], name)


def test_a_picture_beside_a_script_is_no_loss(corpus):
    assert "missing" not in section(corpus[0], "plotly with picture")


def test_pandas_colours_are_kept_for_their_own_table_alone(corpus):
    page, _ = corpus
    scope = re.search(r'<div class="output paper" id="(o\d+)">', page)[1]
    cell = rf"#{scope} #{scope}\\\.T_corpus_row0_col1"
    assert re.search(cell + r" \{ background-color: yellow \}", page)
    bold = cell.replace("row0", "row1") + r" \{ color: #d00000; font-weight: bold \}"
    assert re.search(bold, page)
    assert re.search(rf"#{scope} #{scope}\\\.T_corpus th \{{ background-color: #eeeeff \}}", page)
    assert f'<td id="{scope}.T_corpus_row0_col1"' in page
    head = page[: page.index("</head>")]
    rules = head[head.rindex("@media print") :].split("\n")
    own = [line for line in rules if line.startswith("#o")]
    assert own
    assert page.count("<style") == 1


def test_colours_of_a_terminal_can_be_read_on_both_grounds(corpus):
    page, _ = corpus
    stream = re.search(r"<pre[^>]*>(?=<span[^>]*>red</span>).*?</pre>", page, re.DOTALL)[0]
    assert "33%" not in stream  # overwritten
    for words in ("red", "bold green", "true yellow", "white", "black"):
        assert f">{words}</span>" in stream
    for html in (stream, preformatted("\n".join(TRACEBACK)), preformatted(ANSI)):
        pairs = re.findall(r"light-dark\(#(\w{6}), #(\w{6})\)", html)
        assert pairs
        for pair in pairs:
            for colour, ground in zip(pair, GROUNDS, strict=True):
                assert contrast(tuple(bytes.fromhex(colour)), ground) >= 4.5
        for ground, colour in re.findall(r"background: #(\w{6}); color: #(\w{6})", html):
            assert contrast(tuple(bytes.fromhex(colour)), tuple(bytes.fromhex(ground))) >= 4.5


def test_standard_error_is_shown_as_such(corpus, tmp_path):
    assert '<summary>Standard error, 31 lines</summary><pre tabindex="0">UserWarning' in corpus[0]
    said = new_output("stream", name="stderr", text="UserWarning: short")
    page, _ = exported(tmp_path, new_code_cell("x", outputs=[said]))
    assert '<div class="name">Standard error</div><pre tabindex="0">UserWarning: short' in page


def error():
    return new_output("error", ename="KeyError", evalue="'x'", traceback=["trace"])


def run(number, *outputs, **metadata):
    return new_code_cell("x", outputs=list(outputs), execution_count=number, metadata=metadata)


@pytest.mark.parametrize(
    ("cells", "stopped", "passed"),
    [
        ([run(1, error())], True, False),
        ([run(1, error()), run(None)], True, False),
        ([run(5, error()), run(3)], True, False),  # the count of an earlier run
        ([run(1, error()), run(2)], False, True),
        ([run(1, error(), tags=["raises-exception"]), run(2)], False, False),
        ([run(1, error(), tags=["raises-exception"])], False, False),
        ([run(1, error()), run(2), run(3, error())], True, True),
        ([run(1)], False, False),
    ],
)
def test_only_a_run_that_ended_with_an_error_is_incomplete(tmp_path, cells, stopped, passed):
    page, _ = exported(tmp_path, *cells)
    assert ("This notebook stopped with an error." in page) == stopped
    assert ("What follows is incomplete." in page) == stopped
    assert ("after which the run went on" in page) == passed


@pytest.mark.parametrize(
    "environment", ["align", "align*", "aligned", "gather", "eqnarray", "split"]
)
def test_blocks_of_latex_are_formulas_of_several_lines(tmp_path, environment):
    block = rf"\begin{{{environment}}} a &= b \\ c &= d \end{{{environment}}}"
    block = block.replace("&", "" if environment == "gather" else "&&"[: 1 + (environment == "x")])
    page, _ = exported(
        tmp_path,
        new_markdown_cell(f"Text\n{block}\n\n$${block}$$"),
        shown({"text/latex": block}),
        shown({"text/latex": f"$\\displaystyle {block}$"}),
    )
    for formula in re.findall("<math.*?</math>", page):
        assert formula.count("<mtr>") == 2
    assert page.count("<math") == 4
    assert environment + "}" not in re.sub(r"<details.*?</details>", "", page)


def test_the_contents_stand_on_top_where_there_are_more_than_three_headings(tmp_path):
    parts = "\n\n".join(f"## Part {i}\n\nwords" for i in range(4))
    page, _ = exported(tmp_path, new_markdown_cell(f"# Title\n\n{parts}"))
    assert page.index("<h1") < page.index('<nav class="contents"') < page.index("Part 0</a></li>")
    assert page.index("</nav>") < page.index("<h2")
    assert "<details open><summary>Contents</summary>" in page
    short, _ = exported(tmp_path, new_markdown_cell("# T\n\n## A\n\n## B\n\n## C"))
    assert "Contents" not in short
    many, _ = exported(tmp_path, *(new_markdown_cell(f"# Chapter {i}") for i in range(5)))
    assert many.count('<li class="level-2">') == 5


def test_the_contents_of_a_notebook_without_a_title_come_first(tmp_path):
    cells = [shown({"text/plain": "early"})]
    cells += [new_markdown_cell(f"## Part {i}") for i in range(4)]
    page, _ = exported(tmp_path, *cells)
    assert page.index('<nav class="contents"') < page.index('<h2 id="part-0"')


def test_tasks_are_marked(tmp_path):
    page, _ = exported(tmp_path, new_markdown_cell("- [x] one\n- [ ] two\n- three"))
    assert 'aria-label="done">☑</span> one' in page
    assert 'aria-label="to do">☐</span> two' in page


@pytest.mark.parametrize("minor", range(6))
def test_every_minor_format_is_read(tmp_path, minor):
    page = export_page(write_foreign(tmp_path, minor), tmp_path / "page.html").path.read_text()
    assert "Styled by pandas" in page


def test_code_of_another_language_is_shown_as_it_is(tmp_path):
    r_kernel = {
        "kernelspec": {"name": "ir", "display_name": "R", "language": "R"},
        "language_info": {"name": "R", "pygments_lexer": "r", "version": "4.4.1"},
    }
    html = '<table class="dataframe"><caption>A data.frame</caption><tr><td>x</td></tr></table>'
    page, losses = exported(
        tmp_path,
        new_code_cell('x <- c("a", "b")', execution_count=1),
        shown({"text/html": html, "text/markdown": "x", "text/latex": "x", "text/plain": "x"}),
        **r_kernel,
    )
    assert "x &lt;- c(" in page
    assert "A data.frame" in page
    assert not losses


def test_raw_cells_of_another_form_are_counted(tmp_path):
    page, losses = exported(
        tmp_path,
        nbformat.v4.new_raw_cell("plain <text>"),
        nbformat.v4.new_raw_cell("**bold**", metadata={"raw_mimetype": "text/markdown"}),
        nbformat.v4.new_raw_cell(r"\newpage", metadata={"raw_mimetype": "text/latex"}),
    )
    assert "plain &lt;text&gt;" in page
    assert "<strong>bold</strong>" in page
    assert told(losses) == [
        "1 output not shown: a raw cell in another form than HTML, Markdown or text"
    ]


def test_nbconvert_tells_the_same(tmp_path, caplog):
    from nbconvert.exporters import get_exporter

    body, _ = get_exporter("aether_html")().from_filename(str(write_foreign(tmp_path)))
    assert "Styled by pandas" in body


def test_metadata_of_any_shape_does_no_harm(tmp_path):
    odd = {"language_info": "R", "tags": 3, "title": ["x"]}
    cell = {"cell_type": "code", "source": "x", "metadata": {"tags": 5}, "outputs": []}
    path = tmp_path / "odd.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "metadata": odd, "cells": [cell]}))
    assert export_page(path, tmp_path / "page.html").path.exists()
