"""HTML from anyone is read in time that grows as its length, and comes out balanced."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_markdown_cell
from report_cases import shown, write_notebook

from aethermodel.report.html.document import export_page
from aethermodel.report.outputs.fragment import MOST_DEPTH, read_fragment, unmarked
from aethermodel.report.outputs.sanitize import Sanitizer

SIZE = 1_000_000
#: What takes a parser of HTML the square of its length, or more.
SLOW = {
    "nest": "<div>" * (SIZE // 5),
    "nest of what is closed late": "<div>" * (SIZE // 11) + "</div>" * (SIZE // 11),
    "nest in comments": "<div><!-- </div> -->" * (SIZE // 20),
    "nest in attributes": "<div title='</div>'>" * (SIZE // 20),
    "nest after odd quotes": '<p "><div>' * (SIZE // 10),
    "nest of tables": "<table><td>" * (SIZE // 11),
    "between cells": "<table>" + "<br>" * (SIZE // 4),
    "words between cells": "<table>" + "a<tr>" * (SIZE // 5),
    "open formatting": "".join(f"<div><b id={i}></div>" for i in range(SIZE // 22)),
    "formatting over paragraphs": f"<p><a title='{'x' * 9_000}'>" + "<p>x</p>" * (SIZE // 9),
    "ampersands": "&" * SIZE,
    "ampersands in an attribute": f"<p title='{'&' * SIZE}'>",
    "attributes": f"<p {' '.join(f'a{i}' for i in range(SIZE // 8))}>",
    "open tags": "<a " * (SIZE // 3),
    "open quotes": "<a b='\"" * (SIZE // 7),
    "drawings": "<svg></svg>" * (SIZE // 11),
}
#: The same of markdown.
SLOW_TEXT = {
    "equal headings": "# a\n" * (SIZE // 4),
    "brackets": "[" * SIZE,
    "formulas": "$x$ " * (SIZE // 4),
    "blocks that do not end": "\\begin{align}\n" * (SIZE // 14),
    "emphasis": "*_" * (SIZE // 2),
}


# Not a judgement of speed: what it is to find took from 20 seconds to hours.
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", SLOW)
def test_a_megabyte_of_html_is_exported(tmp_path, name):
    path = write_notebook(tmp_path, shown({"text/html": SLOW[name]}))
    page = export_page(path, tmp_path / "page.html").path.read_text("utf-8")
    assert len(page) < 12 * SIZE
    assert page.rstrip().endswith("</html>")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", SLOW_TEXT)
def test_a_megabyte_of_markdown_is_exported(tmp_path, name):
    path = write_notebook(tmp_path, new_markdown_cell(SLOW_TEXT[name]))
    result = export_page(path, tmp_path / "page.html")
    assert len(result.path.read_text("utf-8")) < 60 * SIZE
    assert [loss.kind for loss in result.losses] in ([], ["long"])


def test_what_nests_too_deep_is_shown_as_text_and_why(tmp_path):
    nest = "<div>" * 10_000 + "deep <b>words</b>"
    result = export_page(
        write_notebook(tmp_path, shown({"text/html": nest}), new_markdown_cell(nest)),
        tmp_path / "page.html",
    )
    page = result.path.read_text("utf-8")
    assert "HTML that nests too deep to be read; its source is shown" in page
    assert '<pre tabindex="0">&lt;div&gt;&lt;div&gt;' in page
    assert [loss.kind for loss in result.losses] == ["deep", "deep"]
    nest = "<div>" * (MOST_DEPTH - 10) + "in it" + "</div>" * (MOST_DEPTH - 10)
    assert not read_fragment(nest).too_deep


class Balance(HTMLParser):
    """Reads only what is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.deepest, self.text = 0, ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in ("br", "col", "hr", "img", "source", "wbr"):
            self.open.append(tag)
            self.deepest = max(self.deepest, len(self.open))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


TAGS = (
    "a b p div ul li table tr td th tbody caption h1 h2 dl dt dd svg g desc title math mi mtext x"
)
TAGS += " br img script style template details summary col colgroup foreignObject iframe"
PIECES = st.one_of(
    st.sampled_from(TAGS.split()).map(lambda t: f"<{t}>"),
    st.sampled_from(TAGS.split()).map(lambda t: f"</{t}>"),
    st.sampled_from(TAGS.split()).map(lambda t: f"<{t} title=\"a>b\" id='c<d' x=&amp y/>"),
    st.sampled_from(
        ["<", ">", "&", "&lt;", "<!--", "-->", "<![CDATA[", "]]>", '"', "'", "</", "<!"]
    ),
    st.text(max_size=5),
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_whatever_comes_in_goes_out_balanced_and_the_sanitizer_mends_nothing(source):
    fragment = read_fragment(source)
    canonical = Balance(unmarked(fragment.html))
    assert canonical.deepest <= MOST_DEPTH
    clean = Sanitizer().output(source, "picture")
    # What a parser adds to tables; nothing else becomes deeper than it was.
    assert Balance(clean.html).deepest <= 2 * canonical.deepest + 2
    assert len(clean.html) <= 3 * len(unmarked(fragment.html)) + 200 * (1 + source.count("<"))


@given(st.text())
def test_text_stays_what_it_is(text):
    shown_text = re.sub("[\0\ufdd0\ufdd1\r]", "", text).replace("<", "&lt;").replace("&", "&amp;")
    html = unmarked(read_fragment(shown_text).html)
    assert Balance(html).text == Balance(shown_text).text


@pytest.mark.parametrize(
    ("source", "canonical"),
    [
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        (
            "<table>x<tr><td>a<td>b<tr><th>c</table>y",
            "<table><tr><td>x</td></tr><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>y",
        ),
        ("<svg><path d='M0'/><p>out", '<svg><path d="M0"></path></svg><p>out</p>'),
        ("<div/>in", "<div>in</div>"),
        ("<script>'<div>'</script>a<style>b{}</style>c", "ac"),
        ("a<!-- <b> -->c<br>d</br>", "ac<br>d"),
        ("<td>a</td><li>b", "a<li>b</li>"),
        ("<h1>a<h2>b", "<h1>a</h1><h2>b</h2>"),
        ("<a href=x>a<a href=y>b", '<a href="x">a</a><a href="y">b</a>'),
        ("<p title=\"a>'b\" TITLE='c'>d", '<p title="a>\'b">d</p>'),
        ("1 < 2 & 3 &lt; 4 &amp;lt;", "1 &lt; 2 &amp; 3 &lt; 4 &amp;lt;"),
    ],
)
def test_broken_html_is_mended_as_a_browser_does(source, canonical):
    assert unmarked(read_fragment(source).html) == canonical


def test_what_acts_is_named_with_its_address():
    source = "<script src=a.js></script><iframe src='https://x/?a=1&amp;b'></iframe><object data=o>"
    assert read_fragment(source).acting == [
        ("script", "a.js"),
        ("frame", "https://x/?a=1&b"),
        ("object", "o"),
    ]
