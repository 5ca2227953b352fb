"""Figure of the architecture: packages as layers, drawn from the import contract.

Run as ``python -m tools.site.architecture_figure``; it writes ``docs/_static/architecture.svg``. A
package that the contract names and `ROWS` does not gets a row of its own, with the first line of
its docstring.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FIGURE = ROOT / "docs" / "_static" / "architecture.svg"
_WIDTH, _HEIGHT, _GAP, _MARGIN = 440, 46, 8, 4
#: Signs of a caption that a row's whole width takes.
_MOST_SIGNS = 58
_STYLE = (
    "rect{fill:#e8eef7;stroke:#4a6a9a}text{fill:#16233a;text-anchor:middle}"
    ".n{font-size:12.5px;fill:#44536b}@media (prefers-color-scheme:dark){rect{fill:#22304a;"
    "stroke:#7f9cc8}text{fill:#e8eef7}.n{fill:#b8c6dd}}"
)


class Box(NamedTuple):
    """Packages that are one box, and what they hold."""

    packages: tuple[str, ...]
    caption: str


#: From the top; those of them that the contract names are drawn, and no module beside them.
ROWS: tuple[tuple[Box, ...], ...] = (
    (Box(("cli",), "parses and prints"), Box(("plugins",), "pytest, IPython")),
    (Box(("report",), "figures, formulas, one-file HTML"),),
    (
        Box(("sweep",), "many points"),
        Box(("bench",), "a command each"),
        Box(("doctor",), "host checks"),
    ),
    (
        Box(("pipelines",), "stages of one's own"),
        Box(("execute",), "forks, kernels, notebooks"),
    ),
    (Box(("measure",), "host, harness, transports, probes, sampling"),),
    (Box(("clusters",), "many hosts"), Box(("gate",), "did it get slower?")),
    (Box(("advice",), "which settings?"), Box(("laws",), "law of a table of times")),
    (
        Box(("calibrate",), "fits, calibrations, predictions"),
        Box(("published",), "sourced figures"),
    ),
    (
        Box(("bus", "examples", "decisions"), "handlers, fabrics"),
        Box(("readers",), "formats"),
    ),
    (Box(("model",), "symbols, terms, units"), Box(("inputs", "text"), "strict values, words")),
    (Box(("cython_core",), "kernels in C: events, routing, ring, verbs"),),
)


def contract() -> list[str]:
    """Return the packages of the contract that imports run one way, from the top."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["name"] == "Imports run one way")
    modules = [name.strip() for layer in layers for name in layer.split("|")]
    names = [name.removeprefix("aethermodel.").partition(".")[0] for name in modules]
    packages = [name for name in names if (ROOT / "aethermodel" / name).is_dir()]
    return [*dict.fromkeys(packages), "cython_core"]


def rows(packages: list[str]) -> list[tuple[Box, ...]]:
    """Put packages into rows; one that has no place stands above the next one that has."""
    known = [tuple(box for box in row if set(box.packages) <= set(packages)) for row in ROWS]
    found = [row for row in known if row]
    placed = {name for row in found for box in row for name in box.packages}
    for at, name in enumerate(packages):
        if name not in placed:
            below = next(other for other in packages[at:] if other in placed)
            place = next(i for i, row in enumerate(found) if any(below in b.packages for b in row))
            found.insert(place, (Box((name,), _first_line(name)),))
    return found


def _first_line(package: str) -> str:
    source = (ROOT / "aethermodel" / package / "__init__.py").read_text("utf-8")
    line = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].rstrip(".")
    return line if len(line) <= _MOST_SIGNS else line.partition(":")[0][:_MOST_SIGNS]


def drawn(layers: list[tuple[Box, ...]]) -> str:
    """Return the figure."""
    height = len(layers) * (_HEIGHT + _GAP) + 24
    said = "; ".join(" and ".join(", ".join(box.packages) for box in row) for row in layers)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-label="Packages as layers, from the '
        f'top: {escape(said)}. Imports point down, and to the right within a row." '
        'font-family="system-ui, sans-serif" font-size="16">',
        f"<style>{_STYLE}</style>",
        *(line for at, row in enumerate(layers) for line in _row(row, at * (_HEIGHT + _GAP))),
        f'<text class="n" x="{_WIDTH // 2}" y="{height - 8}">imports point down, and to the right'
        "</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _row(boxes: tuple[Box, ...], top: int) -> Iterator[str]:
    # As wide as what is written in it.
    signs = [max(len(box.caption) * 0.8, len(", ".join(box.packages))) + 3 for box in boxes]
    room = _WIDTH - 2 * _MARGIN - _GAP * (len(boxes) - 1)
    left = float(_MARGIN)
    for box, share in zip(boxes, signs, strict=True):
        width = room * share / sum(signs)
        middle = left + width / 2
        yield (
            f'<g><rect x="{left:.0f}" y="{top + 2}" width="{width:.0f}" height="{_HEIGHT}" rx="6"/>'
            f'<text x="{middle:.0f}" y="{top + 22}">{escape(", ".join(box.packages))}</text>'
            f'<text class="n" x="{middle:.0f}" y="{top + 39}">{escape(box.caption)}</text></g>'
        )
        left += width + _GAP


def main() -> None:
    """Write the figure."""
    FIGURE.write_text(drawn(rows(contract())), encoding="utf-8")
    sys.stdout.write(f"{FIGURE}\n")


if __name__ == "__main__":
    main()
