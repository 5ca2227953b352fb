"""The exported report, opened from disk with the network off, as whoever is sent it opens it."""

import re
from io import BytesIO

import pandas as pd
import pytest
import sympy
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image
from reading import Told, alternatives, barriers, boxes, overflow, parted
from report_cases import report_cells, shown, write_notebook
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.predict import what_if
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.model.verbs.verbs_cost import transfer_time
from aethermodel.published.interconnects import published_ceilings
from aethermodel.published.rdma_costs import card
from aethermodel.report import export, provenance
from aethermodel.report.blocks import host_block, summary_block
from aethermodel.report.contrast import LEAST_CONTRAST, contrast
from aethermodel.report.figures import explorer
from aethermodel.report.figures import what_if as figures
from aethermodel.report.figures.calibration import terms_figure
from aethermodel.report.html_table import data_table
from aethermodel.report.math.mathml import Formula

pytestmark = pytest.mark.browser
SIZES = {"wide": (1280, 900), "phone": (360, 740)}
#: A4 between the margins of the print style, at 96 pixels an inch.
PAPER_PIXELS = round((210 - 2 * 16) / 25.4 * 96)
PAPER_HEIGHT = round((297 - 2 * 18) / 25.4 * 96)


def shown_cells():
    """One cell of everything that the notebooks show."""
    base = Scenario(synthetic_calibration(), {})
    changed = Scenario(base.calibration, what_if.network(card("connectx-6"), 64))
    wide = pd.DataFrame({f"a long column name {i}": [1.5, 2.5] for i in range(12)})
    # As the sweep over verbs has them: its fourteen columns, and its law.
    settings = pd.DataFrame({f"figure {i}": ["1.33 to 1.49 ms"] for i in range(14)})
    law = Formula(sympy.Eq(sympy.Symbol("T_fabric"), transfer_time(False, True)))
    stream = new_output("stream", name="stdout", text="a long line " * 40)
    error = new_output("error", ename="KeyError", evalue="'x'", traceback=["Traceback " * 30])
    objects = [
        terms_figure(base.calibration),
        figures.roofline_figure(base, changed, published_ceilings(64)),
        figures.bottleneck_figure(base),
        figures.sensitivity_figure(changed, 256),
        provenance.calibration_summary(base.calibration.warned("taken elsewhere")),
        provenance.parameters_block(changed),
        explorer.Explorer(base).still(),
        explorer.Explorer(base).show(),
        figures.optima_table(base, 1e-3, 5e6),
        wide,
        data_table(settings, "Every setting"),
        law,
    ]
    long_formula = r"$$T_{batch} = T_{loop} + T_{ffi} + T_{kernel}(N) + T_{fabric} + T_{more}$$"
    return [
        *report_cells(),
        *(shown(_bundle(o)) for o in objects),
        new_markdown_cell(f"## More\n\n{long_formula}\n\n| a | b |\n|--|--|\n| `code` | $N^2$ |"),
        new_code_cell("x = 'source'  # comment\n" * 3, outputs=[stream, error], execution_count=1),
    ]


def _bundle(thing):
    if bundle := getattr(thing, "_repr_mimebundle_", None):
        return bundle()
    return {"text/html": thing._repr_html_(), "text/plain": "object"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return export(write_notebook(folder, *shown_cells()), folder / "report.html")


@pytest.fixture
def opened(new_page, report):
    def at(size="wide", **options):
        width, height = SIZES[size]
        page = new_page(viewport={"width": width, "height": height}, offline=True, **options)
        page.goto(report.as_uri(), wait_until="load")
        return page

    return at


def test_it_asks_for_nothing_and_complains_of_nothing(new_page, report, record_property):
    page = new_page(offline=True)
    told = Told(page)
    page.goto(report.as_uri(), wait_until="load")
    page.wait_for_timeout(200)  # for what would be asked for late
    asked = [url for url in told.requests if not url.startswith("data:")]
    assert asked == [report.as_uri()]
    assert not told.complaints
    [entry] = page.evaluate("() => performance.getEntriesByType('navigation').map(e => e.toJSON())")
    size = report.stat().st_size / 1e3
    record_property("told", f"{size:.0f} kB opened in {entry['loadEventEnd']:.0f} ms")


def test_a_script_in_it_would_not_run(new_page, report, tmp_path):
    """The policy holds, so that nothing above passes only because no script was there."""
    text = report.read_text("utf-8")
    planted = tmp_path / "planted.html"
    planted.write_text(text.replace("</main>", "<script>document.title = 'ran'</script></main>"))
    page = new_page(offline=True)
    told = Told(page)
    page.goto(planted.as_uri())
    assert page.title() != "ran"
    assert any("Content Security Policy" in said for said in told.complaints)


def test_every_formula_and_every_figure_is_drawn(opened):
    page = opened()
    formulas = boxes(page, "math")
    drawings = boxes(page, "svg.ae-svg")
    assert len(formulas) > 20
    assert len(drawings) == 8
    assert not [box for box in formulas if box[0] < 3 or box[1] < 5]
    assert not [box for box in drawings if box[0] < 300 or box[1] < 100]
    # A formula in which Chromium knows an element not is text in a row: no part may be unknown.
    assert not page.evaluate(
        "() => [...document.querySelectorAll('math, math *')]"
        ".filter(e => !(e instanceof MathMLElement)).map(e => e.outerHTML)"
    )


def test_every_picture_has_words(opened):
    words = alternatives(opened())
    assert len(words) == 8
    assert all(len(text.split()) >= 5 for text in words), words


OTHER_PAIR = pytest.mark.slow(reason="the same page once more: each size and each scheme is tried")


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("wide", "light"),
        ("phone", "dark"),
        pytest.param("wide", "dark", marks=OTHER_PAIR),
        pytest.param("phone", "light", marks=OTHER_PAIR),
    ],
)
def test_axe_finds_nothing_serious(opened, size, scheme):
    page = opened(size, bypass_csp=True, color_scheme=scheme)
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    assert not barriers(page)


def test_a_phone_scrolls_wide_tables_and_never_the_page(opened):
    page = opened("phone")
    assert not overflow(page)
    scrolling = page.evaluate(
        "() => [...document.querySelectorAll('.ae-scroll')]"
        ".filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert scrolling  # the wide table is there, and whole


def test_what_scrolls_on_a_phone_shows_that_it_does(opened):
    """A shade lies at the side on which more is hidden, of figures, tables, formulas, sources."""
    bare = """() => [...document.querySelectorAll('main *')]
      .filter(e => e.checkVisibility() && !e.closest('svg, math'))
      .filter(e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))
      .filter(e => e.scrollWidth > e.clientWidth + 1)
      .map(e => [e.className, getComputedStyle(e).backgroundImage])"""
    seen = opened("phone").evaluate(bare)
    assert len(seen) > 5
    assert not [name for name, ground in seen if ground.count("linear-gradient") != 4]


@pytest.mark.parametrize(("hidden", "colours"), [(0, 1), (15, 2)])
def test_a_shade_is_seen_however_little_is_hidden_and_none_where_nothing_is(
    opened, hidden, colours
):
    """Of 15 pixels that are hidden none showed; and boxes had a stray line at their lower end."""
    page = opened("phone")
    page.evaluate(f"""() => document.querySelector('main').insertAdjacentHTML('afterbegin',
      '<div class="ae-scroll" id="box" style="width: 200px; scrollbar-width: none">'
      + '<div style="width: {200 + hidden}px; height: 30.4px"></div></div>')""")
    seen = Image.open(BytesIO(page.locator("#box").screenshot())).convert("RGB")
    inner = seen.crop((0, 1, seen.width, seen.height - 1))
    found = len({pixel for _, pixel in inner.getcolors(1 << 20)})
    assert min(found, 2) == colours
    if hidden:
        ground = inner.getpixel((inner.width // 2, 5))
        edge = min(sum(inner.getpixel((inner.width - 1 - at, 5))) for at in range(8))
        assert sum(ground) - edge > 60  # of 765: a shade that one sees


def test_printed_it_fits_the_paper_and_holds_its_figures(opened, tmp_path):
    page = opened()
    printed = page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1
    page.add_style_tag(content="svg.ae-svg { visibility: hidden }")
    assert len(page.pdf(prefer_css_page_size=True)) < 0.8 * len(printed)


def test_on_paper_no_word_of_a_table_is_broken_and_no_figure_fills_a_page(opened):
    page = opened()
    page.set_viewport_size({"width": PAPER_PIXELS, "height": 1000})
    page.emulate_media(media="print")
    broken = """() => { const found = [];
      for (const cell of document.querySelectorAll('.ae td, .ae th')) {
        if (!cell.checkVisibility() || cell.closest('.ae-hidden')) continue;
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) for (const word of walker.currentNode.data.matchAll(/\\w+/g)) {
          if (walker.currentNode.parentElement.closest('math, .ae-hidden')) continue;
          const range = document.createRange();
          range.setStart(walker.currentNode, word.index);
          range.setEnd(walker.currentNode, word.index + word[0].length);
          const tops = [...range.getClientRects()].map(r => Math.round(r.top));
          if (new Set(tops).size > 1) found.push(word[0]); } }
      return found; }"""
    assert not page.evaluate(broken)
    heights = "() => [...document.querySelectorAll('.ae-svg')].map(e => e.clientHeight)"
    drawn = page.evaluate(heights)
    assert drawn
    assert max(drawn) < 450  # of a page of some 980


def test_on_paper_what_announces_stays_with_what_it_announces(opened):
    assert not parted(opened(), PAPER_PIXELS, PAPER_HEIGHT)


def test_on_paper_letters_of_all_figures_are_of_one_size(opened):
    """A high figure that is squeezed into the height of a flat one cannot be read."""
    page = opened()
    page.set_viewport_size({"width": PAPER_PIXELS, "height": 1000})
    page.emulate_media(media="print")
    scales = page.evaluate(
        "() => [...document.querySelectorAll('.ae-svg')]"
        ".map(e => Math.min(e.clientWidth / e.viewBox.baseVal.width,"
        " e.clientHeight / e.viewBox.baseVal.height))"
    )
    assert max(scales) < 1.05 * min(scales)


def test_on_paper_grounds_that_carry_meaning_are_printed(opened):
    page = opened()
    page.emulate_media(media="print")
    kept = "() => [...document.querySelectorAll('.ae-swatch')].map(e => "
    kept += "getComputedStyle(e).printColorAdjust)"
    found = page.evaluate(kept)
    assert found and set(found) == {"exact"}


def test_in_jupyterlab_words_stand_left_and_figures_right(new_page):
    """JupyterLab moves the cells of every table to the right."""
    theirs = ":not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon :is(tr, td, th) {text-align: right}"
    table = data_table(pd.DataFrame({"N": [4107], "goal": ["the best rate"]}), "Sizes")
    block = provenance.parameters_block(Scenario(synthetic_calibration(), {}))
    page = new_page(offline=True)
    page.set_content(
        f"<style>{theirs}</style><div class='jp-RenderedHTMLCommon'>"
        f"{table._repr_html_()}{block._repr_html_()}</div>"
    )
    aligned = """() => [...document.querySelectorAll('td, th')].map(e =>
      [e.classList.contains('ae-n'), getComputedStyle(e).textAlign])"""
    found = {tuple(cell) for cell in page.evaluate(aligned)}
    assert found == {(True, "right"), (False, "left")}


def test_in_jupyterlab_no_word_of_a_command_is_broken(new_page):
    theirs = (
        ".jp-OutputArea-output pre { word-break: break-all; white-space: pre-wrap; padding: 0 }"
    )
    block = host_block({}, "papermill notebooks/00_quickstart.ipynb out.ipynb -p processes 1")
    page = new_page(viewport={"width": 360, "height": 740}, offline=True)
    page.set_content(
        f"<style>{theirs}</style><div class='jp-OutputArea-output'>{block._repr_html_()}</div>"
    )
    command = page.locator("pre.ae-command")
    assert command.evaluate("e => getComputedStyle(e).wordBreak") == "normal"
    assert command.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(246, 248, 250)"


@pytest.mark.parametrize(("dark", "ground"), [(False, (255, 255, 255)), (True, (33, 33, 33))])
def test_in_jupyterlab_a_verdict_can_be_read_on_either_theme(new_page, dark, ground):
    """Its raised ground is white in the light theme, and #212121 in the dark one."""
    rows = [("a", "1", "2", verdict) for verdict in ("pass", "fail", "inconclusive")]
    page = new_page(offline=True)
    page.set_content(
        f"<body data-jp-theme-light={str(not dark).lower()}>"
        f"{summary_block('pass', 'h', 'p', rows)._repr_html_()}"
    )
    colours = page.evaluate(
        "() => [...document.querySelectorAll('.ae-verdict')].map(e => getComputedStyle(e).color)"
    )
    seen = {tuple(map(int, re.findall(r"\d+", colour))) for colour in colours}
    assert len(seen) == 3
    assert min(contrast(colour, ground) for colour in seen) >= LEAST_CONTRAST


def test_on_paper_nothing_is_cut_off(opened):
    page = opened()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER_PIXELS, "height": 1000})
    assert not overflow(page)
    # What lies beyond the box of an output is not printed.
    beyond = """() => [...document.querySelectorAll('.output :is(table, math)')]
      .filter(e => e.checkVisibility() && e.getBoundingClientRect().right
        > e.closest('.output').getBoundingClientRect().right + 1)
      .map(e => e.outerHTML.slice(0, 120))"""
    assert not page.evaluate(beyond)
    assert all(width <= PAPER_PIXELS for width, _, _ in boxes(page, "svg.ae-svg"))
