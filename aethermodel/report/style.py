"""Matplotlib style of the project: one meaning for each colour.

The palette is Okabe and Ito's (2008, "Color Universal Design"), which stays distinct under the
common colour-vision deficiencies. Matplotlib is imported only when a figure is drawn.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

TERM_COLOURS = {
    "loop": "#56b4e9",
    "refill": "#0099cc",
    "ffi": "#cc79a7",
    "kernel": "#e69f00",
    "fabric": "#009e73",
    "wait": "#f0e442",
    "send": "#8c6bb1",
    "unexplained": "#8a939c",
}
"""Fill colour of each summand of T_batch, in the order in which they are stacked."""

TERM_NAMES = {
    "loop": "event loop",
    "refill": "event loop, caches swept",
    "ffi": "language boundary (ffi)",
    "kernel": "kernel",
    "fabric": "fabric",
    "wait": "wait for the producer",
    "send": "producer (send)",
    "unexplained": "unexplained",
}

MEASURED = "#d55e00"
MODEL = "#0072b2"
INK = "#1f2933"
QUIET = "#66717c"
GRID = "#dbe1e7"
PAPER = "#ffffff"

MARKERS = ("o", "s", "D", "^", "v", "P")
"""Marker of the first, second ... label, so that labels differ without colour as well."""

LINES = ("-", "--", "-.", ":")
"""Stroke of the first, second ... line: in the dark the first and sixth colour are nearly one."""

# Letters of a name from outside in a figure: half of its width.
_LONGEST_NAME = 48
# Labels that a logarithmic axis has at least, about how many where its span is narrow, and their
# digits at most.
_FEWEST_TICKS, _NARROW_TICKS, _MOST_DIGITS = 3, 5, 6

STYLE: dict[str, Any] = {
    "figure.figsize": (7.4, 4.4),
    "figure.facecolor": PAPER,
    "figure.dpi": 110,
    "savefig.facecolor": PAPER,
    "font.family": "sans-serif",
    # What matplotlib brings along: it warns of every other that is not installed. The pages name
    # their own (`aethermodel.report.svg`).
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.facecolor": PAPER,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": (
        "cycler('color', ['0072b2', 'd55e00', '009e73', 'cc79a7', 'e69f00', '56b4e9'])"
    ),
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.6,
    # Text stays text: smaller files, selectable, and it follows the page's colour.
    "svg.fonttype": "none",
    "svg.hashsalt": "aethermodel",
}


def use_style() -> None:
    """Make the project's style the default of this process, as at the top of a notebook.

    Only appearance changes: the backend, and so what JupyterLab shows, is left alone.
    """
    import matplotlib as mpl

    mpl.rcParams.update(STYLE)


def styled() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn in the project's style."""
    import matplotlib as mpl

    return mpl.rc_context(STYLE)


def literal(text: str) -> str:
    """Return a text from outside for a figure, which would else set what is between ``$`` as TeX.

    What is no TeX would be an error there. A long one loses its middle, as a legend that is wider
    than its figure leaves no room for curves; the table behind a figure has it whole.
    """
    if len(text) > _LONGEST_NAME:
        kept = _LONGEST_NAME // 2
        text = f"{text[:kept].rstrip()}\N{HORIZONTAL ELLIPSIS}{text[-kept + 1 :].lstrip()}"
    return text.replace("$", r"\$")


def new_figure(width: float = 7.4, height: float = 4.4) -> Figure:
    """Return an empty figure that pyplot does not know, so that nothing shows it twice.

    Parameters
    ----------
    width, height : float
        Size in inches.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def log_ticks(axis: Axis, unit: str = "") -> None:
    """Label a logarithmic axis by figures as written by hand: ``1 000``, ``20 k``, not 10³.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        With its data drawn: a span of few decades is labelled at 2 and 5 as well, and one of less
        at even steps, as a single label tells no scale.
    unit : str
        Base unit of the axis, for its prefix; none for counts.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    from aethermodel.report.engineering_notation import engineering

    low, high = axis.get_view_interval()
    locator: Locator = LogLocator(10, subs=(1, 2, 5) if high < 300 * low else (1,))
    ticks = [tick for tick in locator.tick_values(low, high) if low <= tick <= high]
    if len(ticks) < _FEWEST_TICKS:
        locator = MaxNLocator(_NARROW_TICKS, steps=[1, 2, 2.5, 5, 10])
        ticks = [tick for tick in locator.tick_values(low, high) if low <= tick <= high]
    digits = 1
    while digits < _MOST_DIGITS and any(_is_rounded(tick, digits) for tick in ticks):
        digits += 1
    axis.set_major_locator(locator)
    axis.set_major_formatter(FuncFormatter(lambda x, _: engineering(x, unit, digits)))
    axis.set_minor_locator(NullLocator())


def _is_rounded(tick: float, digits: int) -> bool:
    """Whether so many digits tell a tick to be elsewhere than it is."""
    return abs(float(f"{tick:.{digits - 1}e}") - tick) > 1e-9 * abs(tick)


def settle(figure: Figure) -> None:
    """Lay a finished figure out once and keep it so.

    Constrained layout improves with each drawing, so that the first and the second picture of
    one figure would differ by hairs, and a report would not be the same bytes twice.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    # None and not "none", which leaves a placeholder for whose sake every saving draws twice.
    figure.set_layout_engine(None)
