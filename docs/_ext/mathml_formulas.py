"""Sphinx math renderer: formulas as MathML, without a script or a network."""

from __future__ import annotations

from typing import Any

from docutils import nodes

from aethermodel.report.math.tex import tex_to_mathml


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(tex_to_mathml(node.astext()))
    raise nodes.SkipNode


def _display(translator: Any, node: nodes.math_block) -> None:
    formula = tex_to_mathml(node.astext(), display=True)
    translator.body.append(f'<div class="formula" tabindex="0">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}
