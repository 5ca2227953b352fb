"""MathML of LaTeX formulas in markdown cells."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape

_WORD_SUBSCRIPT = re.compile(r"([_^])\s*\{\s*([A-Za-z]{2,}(?:[ -][A-Za-z]+)*)\s*\}")
_UPRIGHT = re.compile(r"\\(?:mathrm|operatorname|textrm)\s*\{([A-Za-z][A-Za-z /-]*)\}")
_QUANTITY = re.compile(r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_UNIT = re.compile(r"\\(?:si|unit)\s*\{([^{}]*)\}")
_NUMBER = re.compile(r"\\num\s*\{([^{}]*)\}")
# Alignments by the names of amsmath, which the converter knows by one of them only.
_ALIGNED = re.compile(
    r"\\(begin|end)\{(?:align|aligned|split|alignat|alignedat|flalign)\*?\}(?:\[[tbc]\]|\{\d+\})?"
)
_GATHERED = re.compile(r"\\(begin|end)\{(?:gather|gathered|multline)\*?\}(?:\[[tbc]\])?")
_EQUATIONS = re.compile(r"\\(begin|end)\{eqnarray\*?\}")
# Numbers of equations and the names to refer to them by.
_NUMBERED = re.compile(r"\\(?:label\s*\{[^{}]*\}|nonumber(?![a-zA-Z])|notag(?![a-zA-Z]))")
_BREAK = re.compile(r"\\\\")
# A longer one would be no formula, and the converter is slow.
_LONGEST = 20_000
_UNITS = {
    "pico": "p", "nano": "n", "micro": "µ", "milli": "m", "kilo": "k", "mega": "M", "giga": "G",
    "second": "s", "byte": "B", "bit": "bit", "hertz": "Hz", "per": "/", "percent": "%",
}  # fmt: skip
_CHILDREN = {
    "mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2,
    "msubsup": 3, "munderover": 3,
}  # fmt: skip
_TAGS = re.compile("<[^>]*>")
# Signs of a formula that a page of 320 pixels has room for.
_FITS = 20


def tex_to_mathml(source: str, *, display: bool = False) -> str:
    """Write a LaTeX formula as a ``<math>`` element.

    Parameters
    ----------
    source : str
        LaTeX without its dollar signs.
    display : bool
        On a line of its own.

    Returns
    -------
    str
        MathML; where the formula uses what cannot be translated, its source as ``<code>``,
        so that nothing is lost or silently wrong.
    """
    from latex2mathml.converter import convert

    if len(source) > _LONGEST:
        return f'<code class="tex">{escape(source.strip())}</code>'
    try:
        markup = str(convert(_plain(source), display="block" if display else "inline"))
    except Exception:  # the converter raises many kinds on malformed input, some undocumented
        markup = ""
    if not _understood(markup):
        return f'<code class="tex">{escape(source.strip())}</code>'
    return markup


def tex_box(source: str, *, display: bool = False) -> str:
    """Write a LaTeX formula in a box that scrolls where the page is narrower than the formula.

    A box that may scroll can be reached by keyboard; short inline formulas fit everywhere and
    stay out of the reader's way.

    Parameters
    ----------
    source, display
        As for `tex_to_mathml`.
    """
    formula = tex_to_mathml(source, display=display)
    reached = 'tabindex="0" role="group" aria-label="Formula"'
    if display:
        return f'<div class="ae-scroll" {reached}>{formula}</div>'
    written = "".join(_TAGS.sub("", formula).split())
    return (
        f'<span class="tex-inline"{f" {reached}" if len(written) > _FITS else ""}>{formula}</span>'
    )


def _understood(markup: str) -> bool:
    """Tell whether a formula is whole: unknown commands pass the converter as plain text."""
    try:
        root = ET.fromstring(markup)
    except ET.ParseError:
        return False
    texts = [text.strip() for text in root.itertext()]
    if not any(texts) or any(text.startswith("\\") for text in texts):
        return False
    return all(
        len(element) == _CHILDREN.get(element.tag.rpartition("}")[2], len(element))
        for element in root.iter()
    )


def _plain(source: str) -> str:
    """Rewrite what the converter gets wrong: words as indices, alignments, units."""
    source = _NUMBERED.sub("", source.replace(r"\displaystyle", " ")).strip()
    if _BREAK.search(source) and r"\begin" not in source:
        source = rf"\begin{{gather}}{source}\end{{gather}}"
    source = _ALIGNED.sub(lambda m: rf"\{m[1]}{{align*}}", source)
    source = _EQUATIONS.sub(
        lambda m: r"\begin{array}{rcl}" if m[1] == "begin" else r"\end{array}", source
    )
    source = _GATHERED.sub(
        lambda m: r"\begin{array}{c}" if m[1] == "begin" else r"\end{array}", source
    )
    source = _QUANTITY.sub(lambda m: rf"{m[1]}\,\text{{{_unit(m[2])}}}", source)
    source = _UNIT.sub(lambda m: rf"\text{{{_unit(m[1])}}}", source)
    source = _NUMBER.sub(lambda m: m[1], source)
    source = _UPRIGHT.sub(lambda m: rf"\text{{{m[1]}}}", source)
    return _WORD_SUBSCRIPT.sub(lambda m: rf"{m[1]}{{\text{{{m[2]}}}}}", source)


def _unit(source: str) -> str:
    named = re.sub(r"\\([a-z]+)\s*", lambda m: _UNITS.get(m[1], m[1]), source)
    return named.strip()
