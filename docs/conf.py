"""Sphinx configuration of the documentation site; it needs no network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parents[1] / "tests")]

project = "aethermodel"
author = "the aethermodel authors"
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "benchmark_pages",
    "mathml_formulas",
    "notebook_pages",
]
root_doc = "index"
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_ext"]
suppress_warnings = ["myst.xref_missing"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_typehints = "none"  # numpydoc's sections say types in words
autodoc_member_order = "bysource"
autodoc_mock_imports = ["httpx", "ipywidgets"]
numpydoc_show_class_members = False

from quick_parameters import QUICK  # noqa: E402 - found on the path made above

notebook_parameters = QUICK

html_theme = "furo"
html_title = "aethermodel"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
# Google's and other font servers are not asked: the theme's own stack of system fonts serves.
html_theme_options = {"source_edit_link": "", "navigation_with_keys": True}
