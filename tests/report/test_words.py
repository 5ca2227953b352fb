"""Quantities, formulas and blocks."""

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from aethermodel import report
from aethermodel.inputs.sizes import memory
from aethermodel.report.engineering_notation import count, engineering, interval
from aethermodel.report.figure import table_html
from aethermodel.report.html.page import Section, render
from aethermodel.report.html.prose import prose
from aethermodel.report.math.tex import tex_to_mathml
from aethermodel.report.notebooks.rerun import papermill_command
from aethermodel.text.number_format import plain
from aethermodel.text.percentages import percent, percentage

N, LOOP, EVENT = sympy.symbols("N T_loop t_event", positive=True)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (122.05e-6, "s", "122 µs"),
        (81.93e6, "msg/s", "81.9 M msg/s"),
        (0.2, "msg/s", "0.200 msg/s"),
        (0.2, "1/s", "0.200 /s"),
        (0.999, "msg/s", "0.999 msg/s"),
        (5e-9, "s/event", "5.00 ns/event"),
        (999.9996e-9, "s", "1.00 µs"),
        (-2e-6, "s", "−2.00 µs"),
        (0, "s", "0 s"),
        (64e9, "B/s", "64.0 GB/s"),
        (10.4e6, "records/s", "10.4 M records/s"),
        (12, "", "12.0"),
        (0.5, "events", "0.500 events"),
        (3, "1/s", "3.00 /s"),
        (2048, "event", "2,048 events"),
        (1, "call", "1 call"),
        (0, "message", "0 messages"),
        (120.4, "event", "120 events"),
        (1, "1", "1"),
        (0.01234, "1", "0.0123"),
        (2.05e-9, "s/event", "2.05 ns/event"),
        (math.nan, "s", "unknown"),
        (math.inf, "s", "unbounded"),
    ],
)
def test_engineering(value, unit, text):
    assert report.engineering(value, unit) == text


_PREFIX = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9}


@given(st.floats(1e-12, 9e11), st.integers(1, 7))
def test_engineering_reads_back_within_its_digits(value, digits):
    figure, _, unit = report.engineering(value, "s", digits).partition(" ")
    back = float(figure.replace(",", "")) * _PREFIX[unit.removesuffix("s")]
    assert back == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


def test_intervals_name_a_shared_unit_once():
    assert interval(4.891e-9, 7.14e-9, "s/event") == "4.89 to 7.14 ns/event"
    assert interval(168e-9, 1.5e-6, "s") == "168 ns to 1.50 µs"
    assert interval(1, 2) == "1.00 to 2.00"


def test_small_writers():
    assert memory(1023) == "1023 B"
    assert memory(24 << 40) == "24 TiB"
    assert plain(12345.678) == "12,300"
    assert plain(1e-9) == "1.00e−9".replace("e−9", "e−09")
    assert count(10_000.0) == "10,000"
    assert percent(-0.0004) == "0.0 %"
    assert percent(0.1234) == "+12.3 %"
    assert percent(4.6912) == "+469 %"  # no tenths of a per cent in a figure of several times
    assert percent(11.854, 0) == "+1,190 %" and percent(12846.27) == "+1,280,000 %"
    assert percent(-0.9996) == "−100.0 %"
    assert percent(math.nan) == "unknown"
    with pytest.raises(ValueError, match="digits"):
        report.engineering(1, "s", 0)


EXPRESSIONS = [
    sympy.Eq(sympy.Symbol("T_batch"), LOOP + EVENT * N),
    N / (LOOP + EVENT * N),
    sympy.Max(LOOP, EVENT * N),
    sympy.Piecewise((EVENT * N, N <= 4096), (LOOP * N, True)),
    sympy.Piecewise((1, N < 2), (2, N < 3), (3, N > 5)),
    sympy.Sum(EVENT, (N, 1, 10)),
    sympy.ceiling(N / 16),
    sympy.Limit(N / LOOP, N, sympy.oo),
    sympy.Function("T_kernel")(N) - 8.5e-9,
    sympy.sqrt(N) * sympy.exp(-N),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_formulas_are_well_formed_and_complete(expression):
    formula = report.Formula(expression)
    root = ET.fromstring(formula.mathml())  # no HTML entity is left that XML does not know
    assert root.tag == "math"
    assert root.get("display") == "block"
    words = [text.strip() for text in root.itertext()]
    for symbol in expression.free_symbols:
        for part in symbol.name.split("_"):
            assert part in words
    assert "piecewise" not in words
    assert "-" not in words  # a hyphen is no minus
    assert formula._repr_latex_().startswith("$\\displaystyle ")


def test_piecewise_says_where_each_piece_holds():
    words = "".join(ET.fromstring(report.mathml(EXPRESSIONS[3])).itertext())
    assert "for\xa0N≤4096" in words
    assert words.endswith("otherwise")


def test_functions_keep_their_name_and_index():
    root = ET.fromstring(report.mathml(sympy.Function("T_kernel")(N), display=False))
    assert [element.text for element in root.iter("msub") for element in element] == ["T", "kernel"]


def test_sums_can_keep_the_order_in_which_they_were_written():
    total = sympy.Add(sympy.Symbol("z"), sympy.Symbol("a"), evaluate=False)
    assert "".join(ET.fromstring(report.mathml(total, as_written=True)).itertext()) == "z+a"
    assert "".join(ET.fromstring(report.mathml(total)).itertext()) == "a+z"


@given(st.lists(st.integers(1, 12), min_size=1, max_size=9), st.integers(10, 80))
def test_a_long_sum_is_broken_before_its_signs_and_loses_nothing(lengths, width):
    names = [f"{chr(ord('a') + i) * length}" for i, length in enumerate(lengths)]
    total = sympy.Eq(sympy.Symbol("T"), sympy.Add(*map(sympy.Symbol, names)))
    whole = ET.fromstring(report.mathml(total, width=1_000))
    written = "".join("".join(whole.itertext()).split())
    broken = ET.fromstring(report.mathml(total, width=width))
    assert "".join("".join(broken.itertext()).split()) == written
    rows = ["".join(row.itertext()).strip() for row in broken.iter("mtr")]
    assert bool(rows) <= (len(written) > width)
    assert all(row.startswith("+") for row in rows[1:])
    longest = max(map(len, names))
    assert all(len(row) <= max(width, longest + 3) for row in rows)


@pytest.mark.parametrize("width", [20, 30, 80])
def test_a_long_sum_over_a_bar_is_broken_and_loses_nothing(width):
    """As the kernel's is, whose events threads share."""
    letters = sympy.symbols([each * 6 for each in "abcdefg"])
    over = letters[0] + (letters[1] + letters[2] + letters[3]) * (letters[4] + letters[5]) / 7
    whole = "".join(ET.fromstring(report.mathml(over, width=1_000)).itertext())
    broken = ET.fromstring(report.mathml(over, width=width))
    written = "".join(broken.itertext())
    # A factor that begins a line has a sign; one within a line needs none.
    assert written.replace("\N{MULTIPLICATION SIGN}", "\N{INVISIBLE TIMES}") == whole
    (numerator,) = (fraction[0] for fraction in broken.iter("mfrac"))
    rows = ["".join(row.itertext()) for row in numerator.iter("mtr")]
    assert bool(rows) == (width < 40)
    assert all(len(row) <= width + 4 for row in rows)  # a bracket or two more
    assert all(row[0] in "+\N{MULTIPLICATION SIGN}" for row in rows[1:])


def test_a_line_that_begins_with_a_minus_has_a_minus_and_no_hyphen():
    letters = sympy.symbols([each * 9 for each in "abcd"])
    total = letters[0] - letters[1] - letters[2] - letters[3]
    rows = list(ET.fromstring(report.mathml(total, width=15)).iter("mtr"))
    assert len(rows) == 4
    assert {"".join(row.itertext())[0] for row in rows[1:]} == {"\N{MINUS SIGN}"}


def test_a_legend_gives_meaning_value_and_unit():
    html = report.Formula(LOOP + N, [report.Meaning(LOOP, "one <tick>", "2.1 µs")])._repr_html_()
    assert "one &lt;tick&gt;" in html
    assert "2.1\N{NO-BREAK SPACE}µs" in html  # a phone breaks no line between them
    with pytest.raises(ValueError, match="SymPy expression, not str"):
        report.mathml("T_loop")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (r"T_{batch} = T_{loop}", "Tbatch=Tloop"),
        (r"\begin{aligned}a &= b \\ c &= d\end{aligned}", "a=bc=d"),
        (r"\SI{122}{\micro\second}", "122µs"),
        (r"\num{5} \si{\byte\per\second}", "5B/s"),
        (r"\mathrm{loop} \le \frac{N}{2}", "loop≤N2"),
        (r"\displaystyle N_{1/2}", "N1/2"),
    ],
)
def test_latex_becomes_mathml(source, words):
    root = ET.fromstring(tex_to_mathml(source, display=True))
    assert root.get("display") == "block"
    assert "".join("".join(root.itertext()).split()) == words


@pytest.mark.parametrize("source", ["", "   ", r"\unheardof{x}", r"\frac{a", r"{", r"a & b"])
def test_latex_that_cannot_be_translated_stays_as_its_source(source):
    assert tex_to_mathml(source).startswith('<code class="tex">')


def test_summary_block_shows_each_threshold():
    block = report.summary_block(
        "inconclusive", "Too <noisy>.", "Words.", [report.SummaryRow("p99", "3 ms", "2 ms", "fail")]
    )
    html = block._repr_html_()
    assert html.startswith("<style>")
    assert "Too &lt;noisy&gt;." in html
    assert "ae-inconclusive" in html
    assert str(block) == "INCONCLUSIVE: Too <noisy>.\nWords.\n- p99: 3 ms, threshold 2 ms (fail)"
    with pytest.raises(ValueError, match="a verdict is one of"):
        report.summary_block("maybe", "h", "p")
    with pytest.raises(ValueError, match="a verdict is one of"):
        report.summary_block("pass", "h", "p", [("c", "m", "t", "maybe")])
    with pytest.raises(ValueError, match="headline"):
        report.summary_block("pass", "", "p")
    with pytest.raises(ValueError, match="malformed"):
        report.summary_block("pass", "h", "p", [("only a criterion",)])


def test_terms_table_shows_units_interval_source_and_formula():
    rows = [
        report.TermRow("loop", "per tick", 2.1e-6, "s", 2e-6, 2.3e-6, "probe loop", LOOP),
        {"term": "kernel", "parameter": "per event", "value": 5e-9, "unit": "s/event"},
    ]
    block = report.terms_table(rows)
    for part in ("2.10 µs", "2.00 to 2.30 µs", "probe loop", "<math", "5.00 ns/event"):
        assert part in block.html.replace("\N{NO-BREAK SPACE}", " ")
    assert "2.00 to 2.30\N{NO-BREAK SPACE}µs" in block.html
    with pytest.raises(ValueError, match="no rows"):
        report.terms_table([])
    with pytest.raises(ValueError, match="malformed"):
        report.terms_table([{"term": "loop", "name": "x"}])


def test_what_was_not_estimated_has_no_interval():
    rows = [
        report.TermRow("kernel", "threads", 1, "1", 1, 1),
        report.TermRow("kernel", "c", 0, "s", 0, 0),
    ]
    assert " to " not in report.terms_table(rows).html


def test_heads_of_figures_stand_over_their_figures():
    html = table_html(pd.DataFrame({"N": [1], "label": ["a"]}), "t")
    assert '<th scope="col" class=ae-n>N</th><th scope="col">label</th>' in html


def test_a_run_again_has_the_parameters_of_this_one():
    given = {"batch_sizes": "1,300", "topics": 4, "pool": None, "samples": "", "loads": (0.2, 0.8)}
    assert papermill_command("30_model_vs_measured.ipynb", given) == (
        "papermill notebooks/30_model_vs_measured.ipynb out.ipynb -p batch_sizes 1,300 -p topics 4 "
        "-p loads 0.2,0.8"
    )


def test_terms_table_keeps_the_order_of_a_sum_and_says_what_a_symbol_means():
    written = sympy.Add(LOOP, EVENT * N, evaluate=False)
    html = report.terms_table(
        [report.TermRow("loop", LOOP, 1e-6, expression=written, meaning="one tick")]
    ).html
    assert ">one tick</span></td>" in html
    assert html.index("<mi>loop</mi>", html.index("rowspan")) < html.index("<mi>event</mi>")


def test_no_line_ends_between_a_figure_and_its_unit_nor_within_an_option():
    rows = [("P99 at 80 % load", "1.20 ms", "at most 81.9 M msg/s")]
    html = report.summary_block("pass", "h", "1,000 µs in 3 rows and 5 steps.", rows).html
    for part in (
        "80\xa0%",
        "1.20\xa0ms",
        "81.9\xa0M\xa0msg/s",
        "1,000\xa0µs",
        "3 rows and 5 steps",
    ):
        assert part in html
    command = report.host_block({}, "aethermodel sweep run --noise-gate 0.4").html
    assert "aethermodel sweep run <span>--noise-gate</span> 0.4" in command


def test_no_line_ends_within_a_date():
    source = "loop probe, 2026-11-30, host 226c4843293b"
    html = report.terms_table([report.TermRow("loop", "p", 1e-6, source=source)]).html
    assert 'loop probe, <span class="ae-whole">2026-11-30</span>, host 226c4843293b<' in html


def test_a_count_without_end_has_no_digits():
    assert engineering(3.04e221, "event") == "unbounded"
    assert engineering(1e15, "event") == "1,000,000,000,000,000 events"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Law of bench fabric, soft-roce to 10.0.0.2", ["soft-roce"]),
        ("on 2026-11-30, by `sweep --noise-gate 0.4`", ["2026-11-30", "--noise-gate"]),
        ("named 'kernel-tcp' (or shared-memory)", ["kernel-tcp", "shared-memory"]),
        ("--an-option-of-more-than-any-line is one", ["--an-option-of-more-than-any-line"]),
        # A phone's line could not hold it; and a path is broken where it can be.
        ("a-name-of-more-than-any-line, a/b-c.json", []),
        ("5 - 3, x-, 81.9 M msg/s", []),
    ],
)
def test_no_line_ends_within_a_value_that_has_a_hyphen(text, parts):
    marked = re.compile(r'<span class="ae-whole">([^<]*)</span>')
    assert marked.findall(prose(text)) == parts
    block = report.summary_block("pass", text, text, [(text, text, text, None)]).html
    assert marked.findall(block) == parts * 5
    page = render(text, [], [Section(text, [text])])
    assert marked.findall(page[page.index("<main") :]) == parts * 3


def test_a_legend_without_values_has_no_column_for_them():
    assert "Value" in report.Formula(LOOP, [(LOOP, "one tick", "1 µs")])._repr_html_()
    assert "Value" not in report.Formula(LOOP, [(LOOP, "one tick")])._repr_html_()


@pytest.mark.parametrize(("sources", "cells"), [("aaa", ["3", "a"]), ("aab", list("1a1a1b"))])
def test_what_all_parameters_of_a_term_have_in_common_is_said_once(sources, cells):
    rows = [report.TermRow("loop", f"p{i}", 1e-6, source=s) for i, s in enumerate(sources)]
    html = report.terms_table(rows).html
    found = re.findall(r'<td class="ae-fold" rowspan="(\d)">(.)</td>', html)
    assert [part for cell in found for part in cell] == cells
    assert html.count('<td rowspan="3">') == 1


def test_host_block_shows_every_fact_and_the_command():
    block = report.host_block(
        {
            "cpu_model": "x",
            "caches": {"L2": [1, 2]},
            "cache_bytes": {"L1": 32768, "L3": 3 << 24},
            "governor": None,
            "steal": False,
        },
        "run <it>",
    )
    for part in (
        "cpu model",
        "L2: 1, 2",
        "<dt>cache</dt><dd>L1: 32\xa0KiB, L3: 48\xa0MiB</dd>",
        "not readable",
        "<dd>no</dd>",
        "run &lt;it&gt;",
    ):
        assert part in block.html


ROOT = Path(__file__).parents[2]


def test_percentages_are_written_in_one_way():
    """It was "64%" in one table and "64 %" in the next."""
    paths = (*ROOT.glob("aethermodel/**/*.py"), *ROOT.glob("notebooks/*.ipynb"))
    own = [path for path in paths if re.search(r"\{[^{}]*:[^{}]*\d%\}", path.read_text("utf-8"))]
    assert own == []


def test_a_percentage_has_a_space_and_a_change_a_sign():
    assert percentage(0.644, 0) == "64 %" and percentage(0.0004) == "0.0 %"
    assert percent(-0.0321) == "−3.2 %" and percent(0.0321) == "+3.2 %"
    assert percentage(math.nan) == "unknown"
