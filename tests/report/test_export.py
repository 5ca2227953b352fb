"""The exported page: one file that loads nothing, runs nothing, and shows everything."""

import errno
import json
import re
import stat
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from report_cases import shown, write_notebook, write_report_notebook

from aethermodel.report import export
from aethermodel.report.html.exporter import AetherHTMLExporter
from aethermodel.report.outputs.sanitize import Sanitizer

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
VOID = {"img", "br", "hr", "meta", "link", "input", "wbr", "col"}


@pytest.fixture(scope="module")
def report_notebook(tmp_path_factory):
    return write_report_notebook(tmp_path_factory.mktemp("report"))


class Reader(HTMLParser):
    """Collects elements as a browser's parser would see them, and checks that they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(path, tmp_path, **options) -> str:
    return export(path, tmp_path / "page.html", **options).read_text(encoding="utf-8")


def assert_harmless(page: str) -> Reader:
    reader = Reader(page)
    names = {name for name, _ in reader.elements}
    assert not names & {"script", "iframe", "object", "embed", "link", "base", "form", "input"}
    assert len(reader.all("style")) == 1  # ours
    ids = []
    for tag, attributes in reader.elements:
        for name in attributes:
            value = attributes[name] or ""
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "srcset", "poster", "data", "action"):
                links = ("https://", "http://") if tag == "a" else ()
                assert value.startswith(("data:", "#", *links)), (tag, name, value)
                assert not value.startswith("data:text/html")
            if name not in ("content", "alt", "title", "aria-label"):
                assert "url(" not in re.sub(r"url\(#[\w.:-]+\)", "", value), (tag, name, value)
            if name == "id":
                ids.append(value)
    assert len(ids) == len(set(ids))
    policies = [m["content"] for m in reader.all("meta") if "http-equiv" in m]
    assert policies == [
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
        "media-src data:"
    ]
    for image in reader.all("img"):
        assert image["alt"].strip()
    for index, (tag, drawing) in enumerate(reader.elements):
        labelled = drawing.get("aria-labelledby", "").split()
        titled = tag == "svg" and reader.elements[index + 1][0] == "title"
        named = drawing.get("aria-label") or (labelled and set(labelled) <= set(ids))
        assert tag != "svg" or named or titled
    return reader


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


ATTACKS = [
    "<script>alert(1)</script><p>kept</p>",
    "<img src=x onerror=alert(1)><p>kept</p>",
    "<svg onload=alert(1)><script>alert(1)</script><a xlink:href='javascript:alert(1)'><text>x"
    "</text></a></svg><p>kept</p>",
    "<svg><foreignObject><iframe src='https://evil.test'></iframe></foreignObject></svg><p>kept</p>",
    "<svg><use href='https://evil.test/x.svg#a'/><image href='https://evil.test/x.png'/></svg>"
    "<p>kept</p>",
    "<svg><animate attributeName='href' to='javascript:alert(1)'/><set/></svg><p>kept</p>",
    "<a href='JaVaScRiPt:alert(1)'>x</a><p>kept</p>",
    "<a href='java&#10;script:alert(1)'>x</a><p>kept</p>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a><p>kept</p>",
    "<a href='vbscript:x'>x</a><a href='//evil.test/x'>y</a><a href='file:///etc'>z</a><p>kept</p>",
    "<p style='background:url(https://evil.test/x)'>kept</p>",
    "<p style='background:u\\72l(https://evil.test/x)'>kept</p>",
    "<p style='background:url/**/(https://evil.test/x)'>kept</p>",
    "<p style='background:image-set(\"https://evil.test/x\" 1x)'>kept</p>",
    "<div style='position : fixed; inset: 0'><p>kept</p></div>",
    "<link rel=stylesheet href=//evil.test><style>@import 'https://evil.test'</style><p>kept</p>",
    "<meta http-equiv=refresh content='0;url=//evil.test'><base href=//evil.test><p>kept</p>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe><object data=x></object><p>kept</p>",
    "<form action=//evil.test><input autofocus onfocus=alert(1)></form><p>kept</p>",
    "<embed src=x><video src=//evil.test poster=x></video><audio src=x></audio><p>kept</p>",
    "<img srcset='https://evil.test 1x' src='https://evil.test/a.png'><p>kept</p>",
    "<img src='data:text/html,<script>alert(1)</script>'><p>kept</p>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml>"
    "<mi href='javascript:alert(1)'>x</mi></math><p>kept</p>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></mtext></math>"
    "<p>kept</p>",
    "<p title='\"><img src=x onerror=alert(1)>'>kept</p>",
    "<img title='\"<img src=x onerror=alert(1)>' alt=''><p>kept</p>",
    "</div></main></body><script>alert(1)</script><p>kept</p>",
    "<p>kept</p><!-- <script>alert(1)</script> --><plaintext>",
    "<svg fill='url(https://evil.test/#a)' clip-path='url(#ok)'><title>t</title></svg><p>kept</p>",
    "<p id=report>kept</p><p id='a b'>x</p><p id=same>1</p><p id=same>2</p>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_malicious_outputs_are_neutralised(tmp_path, attack):
    cells = [
        shown({"text/html": attack}),
        shown({"text/html": attack}),
        shown({"image/svg+xml": attack}),
        shown({"text/markdown": attack}),
        new_markdown_cell(attack),
        new_raw_cell(attack, metadata={"raw_mimetype": "text/html"}),
        new_code_cell(attack, outputs=[new_output("stream", name="stdout", text=attack)]),
        new_code_cell(
            "", outputs=[new_output("error", ename="<b>", evalue=attack, traceback=[attack])]
        ),
        shown({"image/png": attack}),
        shown({"text/latex": attack}),
        shown({"image/png": PIXEL}, metadata={"alt": attack}),
    ]
    page = page_of(write_notebook(tmp_path, *cells, title=attack), tmp_path)
    assert_harmless(page)
    assert "kept</p>" in page


def test_markdown_links_cannot_act_either(tmp_path):
    source = "[x](javascript:alert(1)) ![y](https://evil.test/a.png) [z](https://good.test)"
    page = page_of(write_notebook(tmp_path, new_markdown_cell(source)), tmp_path)
    reader = assert_harmless(page)
    assert not reader.all("img")  # only named, with a link to be followed or not
    assert [a["href"] for a in reader.all("a") if "evil" in a.get("href", "")] == [
        "https://evil.test/a.png"
    ]
    assert any(a.get("href") == "https://good.test" for a in reader.all("a"))


def test_structure_survives_the_sanitizer():
    fragment = (
        '<details open=""><summary>s</summary><table><tbody><tr><td colspan="2">x</td></tr></tbody>'
        '</table></details><svg viewBox="0 0 1 1" aria-label="a"><defs><clipPath id="c"><path '
        'd="M 0 0"></path></clipPath></defs><g clip-path="url(#c)"><text text-anchor="middle">t'
        '</text></g></svg><math display="block"><mfrac><mi>a</mi><mn>2</mn></mfrac></math>'
    )
    sanitizer = Sanitizer()
    first = sanitizer.prose(fragment).html
    box = '<div class="scroll" tabindex="0" role="group" aria-label="Table">'
    assert first.replace(box, "").replace("</table></div>", "</table>") == fragment
    second = sanitizer.prose(fragment).html
    assert 'id="c-2"' in second
    assert "url(#c-2)" in second


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
