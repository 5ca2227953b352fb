"""No output covers a word of the report: hostile outputs, each tried in Chromium.

Words are probed where they stand, with what passes the pointer on made to hold it; what no probe
sees (shadows, outlines) is found by the pixels outside the outputs, which are the same with and
without what the outputs paint.
"""

import io

import pytest
from matplotlib import image
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from report_cases import shown, write_notebook

from aethermodel.report import export
from aethermodel.report.outputs import sanitize
from aethermodel.report.outputs.stylesheet import Css

pytestmark = pytest.mark.browser

COVER = "background:#f0f;color:#000;width:900px;height:900px"
HOSTILE = {
    "relative": f"<div style='position:relative;top:-400px;{COVER}'>x</div>",
    "relative in capitals": f"<div style='POSITION:RELATIVE;TOP:-400px;{COVER}'>x</div>",
    "absolute": f"<div style='position:absolute;top:-400px;left:0;{COVER}'>x</div>",
    "fixed": f"<div style='position:fixed;top:0;left:0;{COVER}'>x</div>",
    "sticky": f"<div style='position:sticky;top:0;{COVER}'>x</div>",
    "by a variable": f"<div style='--p:fixed;position:var(--p);inset:0;{COVER}'>x</div>",
    "by a fallback": f"<div style='position:var(--none,fixed);inset:0;{COVER}'>x</div>",
    "by a variable above": (
        "<div style='--p:absolute'><b style='position:var(--p);top:-300px;left:0;"
        f"display:block;{COVER}'>x</b></div>"
    ),
    "important": f"<div style='position:relative!important;top:-400px;{COVER}'>x</div>",
    "escaped": f"<div style='pos\\69tion:relative;top:-400px;{COVER}'>x</div>",
    "commented": f"<div style='position/**/:relative;top:-400px;{COVER}'>x</div>",
    "transform": f"<div style='transform:translateY(-400px);{COVER}'>x</div>",
    "translate": f"<div style='translate:0 -400px;{COVER}'>x</div>",
    "scale": f"<div style='scale:3;{COVER}'>x</div>",
    "rotate": f"<div style='transform:rotate(180deg) scale(4);{COVER}'>x</div>",
    "offset path": f"<div style='offset-path:path(\"M0 -400L1 -400\");{COVER}'>x</div>",
    "negative margin": f"<div style='margin-top:-400px;{COVER}'>x</div>",
    "margin shorthand": f"<div style='margin:-400px 0 0 -50px;{COVER}'>x</div>",
    "calculated margin": f"<div style='margin-top:calc(0px - 400px);{COVER}'>x</div>",
    "logical margin": f"<div style='margin-block-start:-400px;{COVER}'>x</div>",
    "negative bottom margin": "<div style='height:900px;margin-bottom:-900px;background:#f0f'>"
    "</div>",
    "z-index": f"<div style='position:relative;z-index:2147483647;top:-300px;{COVER}'>x</div>",
    "shadow": "<div style='width:9px;height:9px;box-shadow:0 0 0 900px #f0f'>x</div>",
    "outline": "<div style='width:9px;height:9px;outline:900px solid #f0f'>x</div>",
    "text shadow": "<b style='text-shadow:0 -60px 0 #f0f,0 -120px 0 #f0f'>████████</b>",
    "drop shadow": "<div style='filter:drop-shadow(0 -300px #f0f);width:400px;height:300px;"
    "background:#0ff'></div>",
    "indent": "<p style='text-indent:-300px;line-height:9'>████████████████████████████</p>",
    "letters": "<p style='letter-spacing:-1em'>████████████████████████████</p>",
    "line height": "<p style='line-height:0;font-size:300px;color:#f0f'>████</p>",
    "vertical align": "<span style='vertical-align:400px;font-size:200px;line-height:0'>█</span>",
    "float": f"<div style='float:left;margin-top:-400px;{COVER}'>x</div>",
    "float left below": f"<div style='float:left;height:0'><div style='{COVER}'>x</div></div>",
    "flat": f"<div style='height:0'><div style='{COVER}'>x</div></div>",
    "clipped open": f"<div style='clip:auto;position:absolute;top:-300px;{COVER}'>x</div>",
    "drawing overflows": "<svg width='9' height='9' style='overflow:visible'>"
    "<rect x='-900' y='-900' width='1800' height='1800' fill='#f0f'/></svg>",
    "drawing overflows by attribute": "<svg width='9' height='9' overflow='visible'>"
    "<rect x='-900' y='-900' width='1800' height='1800' fill='#f0f'/></svg>",
    "drawing in a drawing": "<svg width='9' height='9' style='overflow:visible'>"
    "<svg overflow='visible'><text y='-60' font-size='300'>█████</text></svg></svg>",
    "marker": "<svg width='9' height='9' style='overflow:visible'><marker id='m' style="
    "'overflow:visible' markerWidth='1' markerHeight='1'><rect x='-500' y='-500' width='999'"
    " height='999'/></marker><path d='M0 0L1 1' marker-start='url(#m)'/></svg>",
    "formula": "<math><mpadded voffset='300px' depth='0'><mtext style='font-size:400px'>██"
    "</mtext></mpadded></math>",
    "formula with space": "<math><mspace width='-900px'/><mtext mathsize='300px'>███</mtext>"
    "</math>",
    "grid": "<div style='display:grid;height:0;align-content:end'>"
    f"<div style='{COVER}'>x</div></div>",
    "flex end": "<div style='display:flex;height:0;align-items:flex-end'>"
    f"<div style='{COVER};flex:none'>x</div></div>",
    "unclosed": f"</div></div></main><div style='position:relative;top:-400px;{COVER}'>x",
    "class of the page": f"<div class='skip' style='{COVER}'>x</div><p class='stopped'>x</p>",
    "hidden class": f"<div class='ae-hidden' style='{COVER}'>x</div>",
    "sheet": f"<style>.q{{position:fixed;inset:0;{COVER}}} h1,p{{display:none}}</style>"
    "<div class='q'>x</div>",
    "sheet of everything": "<style>*{visibility:hidden} :root{display:none} body *{opacity:0}"
    " .output{position:fixed;inset:0;background:#f0f} main>div{margin-top:-90px}</style><p>x</p>",
    "sheet breaks out": "<style>p{color:red}</style><style>} h1{display:none}{</style>"
    "<style>a{}</style ><p>x</p>",
    "sheet by siblings": "<style>+div,~div,>div{display:none} #x+div{display:none}</style><p id=x>",
    "writing upwards": f"<div style='writing-mode:sideways-lr;{COVER};margin-top:-300px'>x</div>",
    "perspective": f"<div style='perspective:1px'><div style='transform:translateZ(.9px);{COVER}'>"
    "x</div></div>",
    "summary": "<details open><summary style='position:relative;top:-400px;"
    f"{COVER}'>x</summary></details>",
    "caption": "<table style='margin-top:-300px'><caption style='margin-top:-400px'>"
    f"<div style='{COVER}'>x</div></caption></table>",
    "border": "<div style='border-top:900px solid #f0f;margin-top:-900px'>x</div>",
    "image": "<img style='position:relative;top:-500px' width=900 height=900 "
    "src='data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E'>",
}  # fmt: skip

#: Places of words that another element than the words' own stands on.
_COVERED = """() => {
  const covered = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const home = node.parentElement;
    if (!node.data.trim() || home.closest('.output') || !home.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    home.scrollIntoView({block: 'center'});
    for (const box of range.getClientRects()) {
      for (const share of [0.1, 0.5, 0.9]) {
        const x = box.left + share * box.width, y = box.top + box.height / 2;
        if (box.width < 1 || x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
        const top = document.elementFromPoint(x, y);
        if (!top || !(home.contains(top) || top.contains(home)))
          covered.push(`${node.data.trim().slice(0, 30)}: ${top?.outerHTML.slice(0, 60)}`);
      }
    }
  }
  return covered;
}"""
_COUNT = """() => {
  const words = [...document.querySelectorAll('main h1, main h2, main .prose p, .stderr pre')];
  return words.filter(e => e.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && e.getBoundingClientRect().width > 1).length;
}"""
_BOXES = """() => [...document.querySelectorAll('.output')].map(e => {
  const box = e.getBoundingClientRect();
  return [box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY]
    .map(place => place * devicePixelRatio);
})"""
PICTURE = {"viewport": {"width": 1280, "height": 900}}
MEDIA = {"wide": (1280, "screen"), "phone": (360, "screen"), "paper": (673, "print")}


def _page_file(folder, hostile):
    stderr = new_output("stream", name="stderr", text="a warning of the run")
    form = "image/svg+xml" if hostile.startswith("<svg") else "text/html"
    cells = [
        new_markdown_cell("# The title of the report\n\nWords that a reader must see."),
        new_markdown_cell("## A heading above\n\nAnd a paragraph above the output."),
        shown({form: hostile}),
        new_markdown_cell("## A heading below\n\nAnd a paragraph below the output."),
        new_code_cell("x", outputs=[stderr], execution_count=9),
        shown({"text/markdown": hostile}),
        new_markdown_cell("## The last heading\n\nAnd the last paragraph."),
    ]
    return export(write_notebook(folder, *cells), folder / "page.html")


def _outside(page) -> bytes:
    """The pixels of the page with its outputs' boxes left out."""
    page.evaluate("() => scrollTo(0, 0)")
    picture = image.imread(io.BytesIO(page.screenshot(full_page=True)))[..., :3].copy()
    for left, top, right, bottom in page.evaluate(_BOXES):
        down = slice(max(int(top) - 1, 0), int(bottom) + 2)
        across = slice(max(int(left) - 1, 0), int(right) + 2)
        picture[down, across] = 0  # with a pixel around, which a border may share
    return picture.tobytes()


def _covered(page) -> list[str]:
    """What is covered or gone on the page that is open."""
    amiss = [] if page.evaluate(_COUNT) == 9 else ["words of the report are gone"]
    page.add_style_tag(content="* { pointer-events: auto !important; scroll-behavior: auto }")
    return amiss + page.evaluate(_COVERED)


def _painted(page) -> list[str]:
    """Whether an output paints outside its box."""
    with_it = _outside(page)
    page.add_style_tag(content=".output *:is(*, #x) { visibility: hidden !important; }")
    return [] if _outside(page) == with_it else ["something is painted outside"]


def _amiss(page, folder, hostile, *, picture: bool) -> list[str]:
    """What a hostile output does, twice: a busy host may take a picture of a page half drawn."""
    address = _page_file(folder, hostile).as_uri()
    found = []
    for _ in range(2):
        page.goto(address, wait_until="load")
        found = _covered(page) + (_painted(page) if picture else [])
        if not found:
            break
    return found


PICTURES = pytest.mark.slow(reason="a picture of the page around each output: 40 s")
ON_PAPER = pytest.mark.slow(reason="the same outputs once more, on another medium")


@pytest.mark.parametrize(
    "medium",
    ["phone", pytest.param("wide", marks=PICTURES), pytest.param("paper", marks=ON_PAPER)],
)
def test_no_output_covers_a_word_of_the_report(new_page, tmp_path, medium):
    width, media = MEDIA[medium]
    window = PICTURE if medium == "wide" else {"viewport": {"width": width, "height": 900}}
    page = new_page(**window, offline=True, bypass_csp=True)
    page.emulate_media(media=media)
    amiss = {
        name: found
        for name, hostile in HOSTILE.items()
        if (found := _amiss(page, tmp_path, hostile, picture=medium == "wide"))
    }
    assert not amiss


@pytest.mark.slow(reason="the same outputs once more, with the other defence off")
def test_the_box_holds_what_the_list_of_properties_would_let_through(
    new_page, tmp_path, monkeypatch
):
    """Each of the two defences stands alone: here every declaration passes as it was written."""
    monkeypatch.setattr(sanitize, "declarations", lambda text, _prefix: Css(text, False))
    page = new_page(**PICTURE, offline=True, bypass_csp=True)
    amiss = {
        name: found
        for name, hostile in HOSTILE.items()
        if (found := _amiss(page, tmp_path, hostile, picture=True))
    }
    assert not amiss
