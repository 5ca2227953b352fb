"""The CSS that outputs may bring, by property and by parsed value."""

import pytest
import tinycss2
from hypothesis import example, given
from hypothesis import strategies as st

from aethermodel.report.outputs.stylesheet import declarations, sheet


@pytest.mark.parametrize(
    "text",
    [
        "color: #d00; background-color: rgb(1 2 3 / 50%)",
        "margin: 3px auto; padding-left: 1em; width: calc(100% - 3px)",
        "background: linear-gradient(90deg, #d65f5f 50%, transparent 50%)",
        "border: 1px solid; text-align: right; font-family: 'A B', serif",
        "display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); float: left",
        "stroke-dashoffset: -3; vertical-align: -0.5ex",
        "fill: var(--ae-ink, #1f2933)",
    ],
)
def test_what_stays_in_its_box_is_kept(text):
    assert declarations(text).text.replace('"', "'") == text


@pytest.mark.parametrize(
    "text",
    [
        "position: fixed",
        "posi\\74ion: fixed",
        "position/**/: fixed",
        "--x: fixed; position: var(--x)",
        "color: var(--x)",
        "transform: scale(9)",
        "translate: 9px",
        "inset: 0",
        "z-index: 9",
        "margin: -3px",
        "margin: calc(0px - 3px)",
        "margin-left: 1px -2px",
        "text-indent: -9px",
        "letter-spacing: -1em",
        "box-shadow: 0 0 0 9999px red",
        "outline: 9999px solid red",
        "filter: drop-shadow(0 -300px red)",
        "background: url(https://evil.test/x)",
        "background: u\\72l(https://evil.test/x)",
        "background: url(#local)",
        "background: image-set('https://evil.test/x' 1x)",
        "list-style: url(x)",
        "fill: url(https://evil.test/#a)",
        "fill: url('#a)x')",
        "width: expression(alert(1))",
        "width: 999999px",
        "font-family: '</style><script>'",
        "animation: x 1s",
        "transition: all 1s",
        "cursor: none",
        "pointer-events: none",
        "content: 'x'",
        "behavior: url(x)",
        "-moz-binding: url(x)",
        "color: red" + " " * 20_000,
    ],
)
def test_what_leaves_its_box_or_loads_is_dropped(text):
    assert declarations(text).text == ""


def test_references_get_the_prefix_of_their_output():
    assert declarations("fill: url(#a); clip-path: url('#b.c')", "o3.").text == (
        "fill: url(#o3.a); clip-path: url(#o3.b.c)"
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("#t_row td:hover, .x > b { color: red }", "#o1 #o1\\.t_row td:hover, #o1 .x > b"),
        ("td:nth-child(2n+1):not(.y) { color: red }", "#o1 td:nth-child(2n+1):not(.y)"),
        ("a[href^='x'] { color: red }", '#o1 a[href^="x"]'),
        ("body { color: red } } h1 { color: red }", "#o1 body"),
    ],
)
def test_rules_reach_what_lies_in_their_output(text, kept):
    assert sheet(text, "o1", "o1.").text.splitlines()[0] == f"{kept} {{ color: red }}"


@pytest.mark.parametrize(
    "text",
    [
        "+ div { color: red }",
        "> div { color: red }",
        "~ div { color: red }",
        ":root { color: red }",
        ":has(*) a { color: red }",
        "a:is(body) { color: red }",
        "a::before { content: 'x'; color: red }",
        "@import 'x'; @media print { a { color: red } } @font-face { color: red }",
        "x</style> { color: red }",
        "a[b='</style>'] { color: red }",
        "a { position: fixed }",
        "a|b { color: red }",
        "& { color: red }",
        "a { b { color: red } }",
    ],
)
def test_rules_that_reach_further_or_are_not_known_are_dropped(text):
    assert sheet(text, "o1", "o1.").text == ""


PIECES = (
    "a #b .c > + ~ * , { } : ; ( ) [ ] :not( :hover :root color red url( # 'x ' \" \\ /* */ @media"
)
PIECES += " </style> <!-- position fixed margin -3px var( --x ! important & |"


@given(st.lists(st.sampled_from(PIECES.split()), max_size=25).map(" ".join))
def test_every_rule_that_is_written_lies_below_its_output(text):
    written = sheet(text, "o1", "o1.").text
    assert "<" not in written
    for rule in tinycss2.parse_stylesheet(written, skip_whitespace=True):
        assert rule.type == "qualified-rule"
        selectors = [[]]
        for token in rule.prelude:
            if token.type == "literal" and token.value == ",":
                selectors.append([])
            elif token.type != "whitespace" or selectors[-1]:
                selectors[-1].append(token)
        for scope, blank, subject, *_ in selectors:
            assert (scope.type, scope.value, blank.type) == ("hash", "o1", "whitespace")
            assert not (subject.type == "literal" and subject.value in "+~>")
        for part in tinycss2.parse_blocks_contents(rule.content, skip_whitespace=True):
            assert part.type == "declaration"
            assert part.name == "color"


@given(st.text(st.sampled_from("ab:;()'\"\\/*-#{}[] ,0px\n<!")))
@example("\\ ")  # a name that is one space
@example("\\\\ ")  # one that is a backslash, and a space behind it
def test_what_is_kept_of_any_text_is_kept_of_itself(text):
    kept = declarations(f"color: {text}").text
    assert declarations(kept).text == kept
