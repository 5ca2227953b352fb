"""Hostile outputs: an exported page can neither load nor run what a notebook brings."""

import pytest
from exported_page import PIXEL, assert_harmless, page_of
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from report_cases import shown, write_notebook

from aethermodel.report.outputs.sanitize import Sanitizer

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
    box = '<div class="ae-scroll" tabindex="0" role="group" aria-label="Table">'
    assert first.replace(box, "").replace("</table></div>", "</table>") == fragment
    second = sanitizer.prose(fragment).html
    assert 'id="c-2"' in second
    assert "url(#c-2)" in second
