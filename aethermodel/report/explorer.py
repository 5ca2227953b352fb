"""Sliders over a model: each redraws at once, since everything symbolic was compiled before."""

from __future__ import annotations

from io import BytesIO
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.model.bottleneck import term_functions
from aethermodel.model.terms import PRODUCER
from aethermodel.report import style
from aethermodel.report.provenance import provenance
from aethermodel.report.quantities import engineering
from aethermodel.report.what_if import ORIGIN_COLOURS

if TYPE_CHECKING:
    from aethermodel.calibrate.scenario import Scenario
    from aethermodel.report.figure import ReportFigure

#: A slider goes from a hundredth to a hundred times the measured value.
_DECADES = 2.0


class Explorer:
    """The rate over the batch size, measured and with other parameters.

    Parameters
    ----------
    scenario : Scenario
        Where the sliders start.
    top : float
        Largest batch size drawn.
    """

    def __init__(self, scenario: Scenario, top: float = 1e6) -> None:
        self._sizes = np.geomspace(1, top, 121)
        self._source = provenance(scenario)
        self._functions = term_functions(scenario.model)
        self.values = {name: p.value for name, p in scenario.model.parameters.items()}
        self.meanings = {name: p.meaning for name, p in scenario.model.parameters.items()}
        self._costs = {name: p.is_cost for name, p in scenario.model.parameters.items()}
        self.units = {name: p.unit for name, p in scenario.model.parameters.items()}
        with style.styled():
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            figure = style.new_figure(height=3.4)
            self._canvas = FigureCanvasAgg(figure)
            self._axes = axes = figure.subplots()
            axes.loglog(self._sizes, self.rate(), color=style.MODEL, label="as measured")
            (self._line,) = axes.plot(
                self._sizes, self.rate(), "--", color=ORIGIN_COLOURS["assumed"], label="assumed"
            )
            # Axes, labels and the measured line never change: they are drawn once.
            self._line.set_animated(True)
            axes.set_xlabel("batch size N")
            axes.set_ylabel("events a second")
            axes.set_ylim(1e4, 1e10)
            style.log_ticks(axes.xaxis)
            style.log_ticks(axes.yaxis, "1/s")
            axes.legend(loc="lower right")
            style.settle(figure)
            self._canvas.draw()
            self._still = self._canvas.copy_from_bbox(figure.bbox)

    def rate(self, **assumed: float) -> np.ndarray:
        """Events a second over the batch sizes, some parameters replaced."""
        parameters = (self.values | assumed).values()
        costs = {name: f(self._sizes, *parameters) for name, f in self._functions.items()}
        sends = costs.pop(PRODUCER, 0.0)
        seconds = np.maximum(sum(costs.values()), sends)
        return np.asarray(self._sizes / seconds)

    def picture(self, **assumed: float) -> bytes:
        """Return the drawing with these parameters as PNG."""
        from matplotlib.image import imsave

        self._line.set_ydata(self.rate(**assumed))
        self._canvas.restore_region(self._still)
        self._axes.draw_artist(self._line)
        target = BytesIO()
        imsave(target, np.asarray(self._canvas.buffer_rgba()), format="png")
        return target.getvalue()

    def redraw_seconds(self, times: int = 30) -> float:
        """Time redraws as a moved slider causes them, and return the median in seconds."""
        taken = []
        names = list(self.values)
        for turn in range(times):
            name = names[turn % len(names)]
            start = perf_counter()
            self.picture(**{name: self.values[name] * (2 + turn)})
            taken.append(perf_counter() - start)
        return median(taken)

    def still(self) -> ReportFigure:
        """Return the drawing before any slider moved: what a page without a kernel shows."""
        import pandas as pd

        from aethermodel.report.figure import ReportFigure

        self._line.set_ydata(self.rate())
        table = pd.DataFrame({"n": self._sizes, "events_per_second": self.rate()})
        return ReportFigure(
            self._canvas.figure,
            table,
            "Throughput against batch size, to be explored",
            "The sliders need a running kernel: open the notebook by the command aethermodel lab. "
            + self._source,
            view=table[::15],
        )

    def show(self) -> Any:
        """Return sliders above the drawing, for JupyterLab; elsewhere it shows as `still`.

        Raises
        ------
        ValueError
            If ipywidgets is not installed.
        """
        try:
            import ipywidgets
        except ImportError:
            raise ValueError("ipywidgets is missing: pip install 'aethermodel[lab]'") from None
        image = ipywidgets.Image(value=self.picture(), format="png")
        sliders = {
            name: ipywidgets.FloatLogSlider(
                value=value,
                min=np.log10(value) - _DECADES,
                max=np.log10(value) + _DECADES,
                description=f"{self.meanings[name]} ({name}, {self.units[name]})",
                readout_format=".2e",
                tooltip=f"{engineering(value, self.units[name])} measured",
                style={"description_width": "24rem"},
                layout={"width": "48rem", "max_width": "100%"},
            )
            for name, value in self.values.items()
            if value > 0 and self._costs[name]
        }

        def redraw(_: object) -> None:
            image.value = self.picture(**{name: s.value for name, s in sliders.items()})

        for slider in sliders.values():
            slider.observe(redraw, "value")
        still = self.still()._repr_html_()

        class Sliders(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
            def _repr_mimebundle_(self, **wanted: Any) -> dict[str, Any]:
                # JupyterLab takes the widget, an exported report the figure.
                return {**super()._repr_mimebundle_(**wanted), "text/html": still}

        return Sliders([*sliders.values(), image])
