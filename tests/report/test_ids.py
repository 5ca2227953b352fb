"""Each id stands once on a page, and what refers to one still finds its own."""

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from report_cases import comparison_table

from aethermodel import report
from aethermodel.report.html.cells import build_page
from aethermodel.report.html.notebook import Notebook
from aethermodel.report.html.page import Section, render
from aethermodel.report.html.template import fill

NAMES = st.sampled_from(["a", "a-2", "A", "report", "o1", "o1.a", "o2.a", "fn-1", "x y", "", "ü"])


def page_of(cells) -> str:
    content = {"nbformat": 4, "metadata": {}, "cells": [dict(cell) for cell in cells]}
    return fill(build_page(Notebook.model_validate(content), ""))


def doubled(page: str) -> list[str]:
    counted = Counter(re.findall(r'\sid="([^"]*)"', page))
    return [name for name, count in counted.items() if count > 1]


def drawing(name: str) -> str:
    return (
        f'<svg aria-labelledby="{name}-t"><title id="{name}-t">t</title><defs>'
        f'<clipPath id="{name}"></clipPath></defs>'
        f'<g clip-path="url(#{name})"><use href="#{name}"/></g>'
        f'<path style="fill: url(#{name})"/></svg><a href="#{name}">l</a>'
        f'<table><tr><th id="{name}-h">h</th><td headers="{name}-h">d</td></tr></table>'
    )


@st.composite
def cells(draw):
    name, form = draw(NAMES), draw(st.integers(0, 4))
    if form == 0:
        return new_markdown_cell(f"# {name}\n\nnote[^1]\n\n[^1]: foot\n\n## {name}")
    if form == 1:
        return new_markdown_cell(f"{drawing(name)}\n\n<p id='{name}'></p>\n\n[x](#{name})")
    kind = ("text/html", "image/svg+xml", "text/markdown")[form - 2]
    output = new_output("display_data", data={kind: drawing(name) + f"\n\n# {name}\n"})
    return new_code_cell("", outputs=[output, output])


@given(st.lists(cells(), max_size=6))
def test_no_page_has_an_id_twice(notebook):
    assert not doubled(page_of(notebook))


def test_all_that_refers_to_an_id_follows_it():
    outputs = [new_output("display_data", data={"text/html": drawing("c")}) for _ in range(3)]
    page = page_of([new_code_cell("", outputs=outputs)])
    for number in (1, 2, 3):
        own = f"o{number}.c"
        for part in (
            f'<svg aria-labelledby="{own}-t"',
            f'<title id="{own}-t">',
            f'<clipPath id="{own}">',
            f'<g clip-path="url(#{own})">',
            f'<use href="#{own}">',
            f'style="fill: url(#{own})"',
            f'<a href="#{own}"',
            f'<th id="{own}-h">',
            f'<td headers="{own}-h">',
        ):
            assert page.count(part) == 1, part


def test_a_link_out_of_an_output_leads_where_the_page_has_it():
    output = new_output("display_data", data={"text/html": '<a href="#results">x</a>'})
    page = page_of([new_markdown_cell("## Results"), new_code_cell("", outputs=[output])])
    assert re.search('href="#results"[^>]*>x</a>', page)
    assert 'id="results"' in page


def test_links_by_jupyters_names_of_headings_lead_to_them():
    page = page_of(
        [new_markdown_cell("[there](#My-Big-Results)"), new_markdown_cell("## My Big Results")]
    )
    assert re.search('href="#my-big-results"[^>]*>there', page)


def test_a_figure_that_a_page_of_our_own_shows_twice_has_ids_of_its_own_each_time():
    figure = report.budget(comparison_table())
    page = render("Twice", [figure], [Section("One", [figure]), Section("Two", [figure])])
    assert not doubled(page)
    ids = set(re.findall(r'\sid="([^"]*)"', page))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', page)) <= ids
    assert {n for m in re.findall(r'labelledby="([^"]*)"', page) for n in m.split()} <= ids
