"""A law as it is drawn: at a few hundred batch sizes, dashed where nothing was calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aethermodel.report.engineering_notation import count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.calibrate.predict.scenario import Scenario

#: Batch sizes at which a law is drawn: no chord between two of them is seen as one.
POINTS = 301
DASHES = (0, (4, 2.5))


def curve(law: Calibration | Scenario, least: float, most: float) -> pd.DataFrame:
    """Return a law at many batch sizes, evenly on a logarithmic scale.

    Parameters
    ----------
    law : Calibration or Scenario
        Whatever predicts T_batch.
    least, most : float
        Batch sizes between which it is drawn.

    Returns
    -------
    pandas.DataFrame
        ``n``, ``predicted_seconds`` with its 95 % interval ``predicted_low`` and
        ``predicted_high``, and whether that is ``extrapolated``: beyond the largest batch that
        was calibrated.
    """
    import numpy as np
    import pandas as pd

    largest = _largest(law)
    sizes = np.geomspace(least, max(most, least * (1 + 1e-9)), POINTS)
    if least < largest < most:
        sizes = np.unique(np.append(sizes, largest))
    found = law.predict(sizes)
    return pd.DataFrame(
        {
            "n": sizes,
            "predicted_seconds": found.seconds,
            "predicted_low": found.low,
            "predicted_high": found.high,
            "extrapolated": sizes > largest,
        }
    )


def solid_and_dashed(axes: Axes, law: pd.DataFrame, values: Any, **line: Any) -> None:
    """Draw a curve: as `line` says where it was calibrated, dashed and named so beyond."""
    import numpy as np

    beyond = law["extrapolated"].to_numpy()
    sizes, values = law["n"].to_numpy(), np.asarray(values)
    name = line.pop("label", "")
    if not beyond.all():
        axes.plot(sizes[~beyond], values[~beyond], label=name, **line)
    if beyond.any():
        # From the last calibrated size on, so that the two parts meet.
        begin = max(int(np.argmax(beyond)) - 1, 0)
        dashed = {**line, "linestyle": DASHES, "label": f"{name}, extrapolated"}
        axes.plot(sizes[begin:], values[begin:], **dashed)


def extrapolated(law: Calibration | Scenario, n: float) -> str:
    """Return what follows a batch size in a title: nothing where it was calibrated."""
    largest = _largest(law)
    return f" (extrapolated: calibrated up to N = {count(largest)})" if n > largest else ""


def _largest(law: Any) -> float:
    return float(getattr(law, "calibration", law).largest)
