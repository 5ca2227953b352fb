"""A notebook of what other people's notebooks hold, made by the libraries that make it."""

import base64
import io
import json
import struct
import wave
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell


def _picture() -> str:
    """A blue square as PNG, in base64."""
    from matplotlib import image

    file = io.BytesIO()
    image.imsave(file, np.full((24, 24, 3), (0, 114, 178), np.uint8), format="png")
    return base64.b64encode(file.getvalue()).decode()


PIXEL = _picture()
PLOTLY = (
    '<div><div id="plot-1" class="plotly-graph-div" style="height:525px; width:100%;"></div>'
    '<script type="text/javascript">window.PLOTLYENV=window.PLOTLYENV || {};'
    'if (document.getElementById("plot-1")) { Plotly.newPlot("plot-1", [{"y":["</div>"]}]) };'
    "</script></div>"
)
BOKEH = (
    '<div id="b1" data-root-id="p1001" style="display: contents;"></div>'
    "<script>(function(root) { /* <div><div> */ })(window);</script>"
)
GRAPHVIZ = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">\n'
    '<svg width="89pt" height="116pt" viewBox="0 0 89 116" xmlns="http://www.w3.org/2000/svg">'
    '<g id="graph0" class="graph"><title>%3</title><g id="node1" class="node"><title>a</title>'
    '<ellipse fill="none" stroke="black" cx="45" cy="90" rx="27" ry="18"/>'
    '<text text-anchor="middle" x="45" y="94">graph node</text></g></g></svg>'
)
ANSI = (
    "\x1b[31mred\x1b[0m \x1b[1;32mbold green\x1b[0m \x1b[33myellow\x1b[0m \x1b[34mblue\x1b[0m "
    "\x1b[97mwhite\x1b[0m \x1b[30mblack\x1b[0m \x1b[38;5;208morange\x1b[0m "
    "\x1b[38;2;255;255;0mtrue yellow\x1b[0m \x1b[41;37m on red \x1b[0m \x1b[7mreverse\x1b[0m\n"
    "  0%|          | 0/3\r 33%|###       | 1/3\r100%|##########| 3/3\n"
)
TRACEBACK = [
    "\x1b[31m---------------------------------------------------------------------------\x1b[39m",
    "\x1b[31mZeroDivisionError\x1b[39m                         Traceback (most recent call last)",
    "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[3]\x1b[39m\x1b[32m, line 1\x1b[39m\n"
    "\x1b[32m----> \x1b[39m\x1b[32m1\x1b[39m \x1b[32;43m1\x1b[39;49m/\x1b[32;43m0\x1b[39;49m",
    "\x1b[31mZeroDivisionError\x1b[39m: division by zero",
]


def _styled() -> str:
    frame = pd.DataFrame({"name": ["<a>", "b"], "gain": [0.25, -1.5], "size": [10, 20]})
    css = ["background-color: yellow", "color: #d00000; font-weight: bold"]
    style = frame.style.apply(lambda _: css, subset=["gain"])
    style = style.set_table_styles([{"selector": "th", "props": "background-color: #eeeeff"}])
    return style.set_caption("Styled by pandas").set_uuid("corpus").to_html()


def _display(thing) -> dict:
    """The forms that IPython gives an object."""
    from IPython.core.formatters import DisplayFormatter

    data, metadata = DisplayFormatter().format(thing)
    return {"data": data, "metadata": metadata}


def _objects() -> dict[str, dict]:
    from IPython import display
    from rich.table import Table

    beep = io.BytesIO()
    with wave.open(beep, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(struct.pack("<100h", *range(100)))
    table = Table("column", title="rich")
    table.add_row("[x] cell")
    things = {
        "styler": None,
        "frame": pd.DataFrame({"a": [1, 2], "text": ["x", "y"]}),
        "iframe": display.IFrame("https://example.org/page", 700, 300),
        "video-site": display.YouTubeVideo("abcdefghijk"),
        "audio": display.Audio(beep.getvalue()),
        "video": display.Video(b"\0\0\0\x18ftypmp42", embed=True, mimetype="video/mp4"),
        "picture": display.Image(base64.b64decode(PIXEL), width=40),
        "remote picture": display.Image(url="https://example.org/picture.png"),
        "gif": display.Image(base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAA="), format="gif"),
        "svg": display.SVG(GRAPHVIZ),
        "latex": display.Latex(r"\begin{align} a &= b + c \\ d &= e \end{align}"),
        "markdown": display.Markdown("**bold** and $x^2$\n\n- [x] task\n"),
        "json": display.JSON({"b": [1, 2], "a": "<x>"}),
        "html": display.HTML(
            "<h3>In HTML</h3><form><input value=1></form><noscript>kept</noscript>"
        ),
        "javascript": display.Javascript("alert(1)"),
        "rich": table,
    }
    shown = {name: _display(thing) for name, thing in things.items() if thing is not None}
    shown["styler"] = {"data": {"text/html": _styled(), "text/plain": "<Styler>"}}
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "m", "version_major": 2}}
    shown["widget"] = {"data": {**view, "text/plain": "IntSlider(value=3)"}}
    shown["plotly"] = {"data": {"application/vnd.plotly.v1+json": {}, "text/html": PLOTLY}}
    shown["plotly with picture"] = {"data": {"text/html": PLOTLY, "image/png": PIXEL}}
    shown["bokeh"] = {"data": {"text/html": BOKEH, "text/plain": "Figure(id='p1', ...)"}}
    shown["vega"] = {
        "data": {"application/vnd.vegalite.v5+json": {}, "text/plain": "alt.Chart(...)"}
    }
    shown["frame page"] = {"data": {"text/html": "<iframe srcdoc='&lt;b&gt;map'></iframe>"}}
    shown["nothing known"] = {"data": {"application/pdf": "JVBERi0="}}
    return shown


def foreign_cells() -> list:
    """Return the cells: each object below a heading of its name."""
    stream = new_output("stream", name="stdout", text=ANSI)
    warned = new_output("stream", name="stderr", text="UserWarning: \x1b[33mmind this\x1b[0m\n")
    many = new_output("stream", name="stderr", text="".join(f"line {i}\n" for i in range(30)))
    error = new_output(
        "error", ename="ZeroDivisionError", evalue="division by zero", traceback=TRACEBACK
    )
    cells = [
        new_raw_cell("---\ntitle: front matter\n---"),
        new_markdown_cell("# A foreign notebook\n\nSee [the styler](#styler) and [A B](#A-B)."),
        new_markdown_cell(
            "## A B\n\n- [x] done\n- [ ] to do\n\n![dot](attachment:dot.png) "
            "![badge](https://example.org/badge.svg)\n\n"
            "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}\n\n"
            '<div style="background-color: #fff3cd; padding: 8px">A box of its own colour</div>\n\n'
            "A note[^1].\n\n[^1]: the foot.",
            attachments={"dot.png": {"image/png": PIXEL}},
        ),
        new_markdown_cell("## Another\n\nA note[^1].\n\n[^1]: another foot."),
        new_code_cell("streams()", outputs=[stream, warned, many], execution_count=1),
        new_code_cell("x <- c(1, 2)", execution_count=2),
        new_code_cell("1/0", outputs=[error], execution_count=3),
    ]
    for number, (name, form) in enumerate(_objects().items()):
        output = new_output("display_data", form["data"], metadata=form.get("metadata", {}))
        cells.append(new_markdown_cell(f"### {name}"))
        cells.append(new_code_cell(f"show({name!r})", outputs=[output], execution_count=4 + number))
    return cells


def write_foreign(folder: Path, minor: int = 5, **metadata) -> Path:
    """Write the notebook in format 4.`minor`."""
    cells = foreign_cells()
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
        if minor < 5:
            del cell["id"]
        if minor < 1:
            cell.pop("attachments", None)
    notebook["nbformat_minor"] = minor
    path = folder / f"foreign-{minor}.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    return path
