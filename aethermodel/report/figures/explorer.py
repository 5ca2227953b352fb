"""Model explorer with sliders."""

from __future__ import annotations

from io import BytesIO
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.model.binding_term import term_functions
from aethermodel.model.terms import PRODUCER
from aethermodel.report import style
from aethermodel.report.curve import curve, extrapolated, solid_and_dashed
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figures.what_if import ORIGIN_COLOURS
from aethermodel.report.provenance import provenance

if TYPE_CHECKING:
    from aethermodel.calibrate.predict.scenario import Scenario
    from aethermodel.report.figure import ReportFigure

#: A slider goes from a hundredth to a hundred times the calibrated value.
_DECADES = 2.0
_ASLEEP = (
    "The sliders need a running kernel: in a notebook that was opened again, run the cells once "
    "more (aethermodel lab opens the notebooks). The figure above stands without one."
)


class Explorer:
    """The rate over the batch size, as calibrated and with other parameters.

    Parameters
    ----------
    scenario : Scenario
        Where the sliders start.
    top : float
        Largest batch size drawn.
    at : float
        Batch size whose rate is read out, to begin with.
    """

    def __init__(self, scenario: Scenario, top: float = 1e6, at: float = 256) -> None:
        self._law = curve(scenario, 1, max(top, at))
        self._scenario, self.at = scenario, float(at)
        self._sizes = self._law["n"].to_numpy()
        self._source = provenance(scenario)
        self._functions = term_functions(scenario.model)
        self.values = {name: p.value for name, p in scenario.model.parameters.items()}
        self.meanings = {name: p.meaning for name, p in scenario.model.parameters.items()}
        self._costs = {name: p.is_cost for name, p in scenario.model.parameters.items()}
        self.units = {name: p.unit for name, p in scenario.model.parameters.items()}
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        with style.styled():
            figure, self._axes, self._line = self._drawn(moving=True)
            self._canvas = FigureCanvasAgg(figure)
            # Axes, labels and the calibrated line never change: they are drawn once.
            self._line.set_animated(True)
            style.settle(figure)
            self._canvas.draw()
            self._still = self._canvas.copy_from_bbox(figure.bbox)

    def _drawn(self, *, moving: bool) -> tuple[Any, Any, Any]:
        """Draw the calibrated line with its band, and the one that follows the sliders."""
        figure = style.new_figure(height=3.4)
        axes, line = figure.subplots(), None
        axes.fill_between(
            self._sizes,
            self._sizes / self._law["predicted_high"],
            self._sizes / np.maximum(self._law["predicted_low"], 1e-15),
            color=style.MODEL,
            alpha=0.18,
            linewidth=0,
        )
        solid_and_dashed(
            axes, self._law, self.rate(), color=style.MODEL, label="model, as calibrated"
        )
        if moving:
            (line,) = axes.plot(
                self._sizes,
                self.rate(),
                "-.",
                color=ORIGIN_COLOURS["assumed"],
                label="model, as the sliders say",
            )
        else:
            axes.plot(self.at, float(self.rate(self.at)), "o", color=style.MODEL)
        axes.set(xscale="log", yscale="log", xlabel="batch size N", ylabel="events a second")
        axes.set_ylim(1e4, 1e10)
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis, "1/s")
        axes.legend(loc="lower right")
        return figure, axes, line

    def rate(self, n: Any = None, **assumed: float) -> np.ndarray:
        """Events a second over the drawn batch sizes, or at `n`, some parameters replaced."""
        sizes = self._sizes if n is None else np.asarray(n, dtype=float)
        parameters = (self.values | assumed).values()
        costs = {name: f(sizes, *parameters) for name, f in self._functions.items()}
        sends = costs.pop(PRODUCER, 0.0)
        seconds = np.maximum(sum(costs.values()), sends)
        return np.asarray(sizes / seconds)

    def readout(self, n: float, **assumed: float) -> str:
        """Say the rate at a batch size, as calibrated and with these parameters."""
        before, after = float(self.rate(n)), float(self.rate(n, **assumed))
        where = f"at N = {count(n)}{extrapolated(self._scenario, n)}"
        calibrated = f"as calibrated {engineering(before, 'msg/s')}"
        if not assumed:
            return f"{calibrated} {where}"
        return f"{engineering(after, 'msg/s')} {where}; {calibrated}"

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

        with style.styled():
            figure, _, _ = self._drawn(moving=False)
            style.settle(figure)
        words = self.readout(self.at)
        table = pd.DataFrame({"n": self._sizes, "events_per_second": self.rate()})
        return ReportFigure(
            figure,
            table,
            "Throughput against batch size, as calibrated",
            f"{words[0].upper()}{words[1:]}. Band: 95 % interval. {self._source}",
            view=table[::30],
        )

    def show(self) -> Any:
        """Return sliders with their drawing, for JupyterLab; elsewhere a line that says so.

        Above the sliders stand the batch size whose rate is read out and a button that puts all
        back as calibrated; beside each its value with its unit.

        Raises
        ------
        ValueError
            If ipywidgets is not installed.
        """
        try:
            import ipywidgets
        except ImportError:
            raise ValueError("ipywidgets is missing: pip install 'aethermodel[lab]'") from None
        wide, full = {"width": "100%", "min_width": "0"}, {"width": "100%", "max_width": "48rem"}
        image = ipywidgets.Image(value=self.picture(), format="png", layout={"max_width": "100%"})
        size = ipywidgets.BoundedIntText(
            value=int(self.at), min=1, max=2**32, description="N (events)"
        )
        reset = ipywidgets.Button(description="As calibrated", tooltip="put all sliders back")
        rate = ipywidgets.HTML(layout=full)
        sliders, values, rows = {}, {}, []
        for name, value in self.values.items():
            if not (value > 0 and self._costs[name]):
                continue
            sliders[name] = ipywidgets.FloatLogSlider(
                value=value,
                min=np.log10(value) - _DECADES,
                max=np.log10(value) + _DECADES,
                readout=False,
                layout=wide,
            )
            values[name] = ipywidgets.Label(layout={"min_width": "7rem"})
            # A label of its own line is never cut, however narrow the page.
            label = ipywidgets.HTML(f"{self.meanings[name]} ({name})", layout=full)
            moved = ipywidgets.HBox([sliders[name], values[name]], layout=full)
            rows.append(ipywidgets.VBox([label, moved], layout=full))

        def redraw(_: object) -> None:
            assumed = {name: s.value for name, s in sliders.items()}
            for name, value in assumed.items():
                values[name].value = engineering(value, self.units[name])
            image.value = self.picture(**assumed)
            rate.value = f"<strong>{self.readout(size.value, **assumed)}</strong>"

        def put_back(_: object) -> None:
            for name, slider in sliders.items():
                slider.value = self.values[name]

        for control in (*sliders.values(), size):
            control.observe(redraw, "value")
        reset.on_click(put_back)
        redraw(None)

        class Sliders(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
            def _repr_mimebundle_(self, **wanted: Any) -> dict[str, Any]:
                # JupyterLab takes the widget, an exported report the sentence.
                text = {"text/html": f"<p>{_ASLEEP}</p>", "text/plain": _ASLEEP}
                return {**super()._repr_mimebundle_(**wanted), **text}

        box = Sliders([ipywidgets.HBox([size, reset]), rate, *rows, image], layout=full)
        box.sliders, box.size, box.reset, box.rate = sliders, size, reset, rate
        box.values, box.image = values, image
        return box
