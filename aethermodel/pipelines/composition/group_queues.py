"""Group queues: a pipeline's groups in a row, each a queue with the time that its terms say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aethermodel.model.queueing.host_pace import HostPace
from aethermodel.model.queueing.tandem import Queue, through
from aethermodel.pipelines.composition.composed_laws import ComposedLaws
from aethermodel.pipelines.composition.composition import Composed

Floats = npt.NDArray[np.float64]


def predicted(
    calibration: ComposedLaws, n: float, due: Floats, pace: HostPace | None = None
) -> Floats:
    """Return the model's latency of each batch of a schedule: groups in a row, each a queue.

    Parameters
    ----------
    calibration : ComposedLaws
        Without what is assumed.
    n : float
        Records of a batch.
    due : ndarray, shape (batches,)
    pace : HostPace, optional
        At which the host ran; full speed by default.
    """
    clock = pace.clock(2 * float(due[-1])) if pace else None
    return through(group_queues(calibration, calibration.composed([n])), due, clock)


def group_queues(calibration: ComposedLaws, composed: Composed, draw: int = 0) -> list[Queue]:
    """Return the groups as queues, by one of the draws that were composed."""
    each = {name: float(seconds.flat[draw]) for name, seconds in composed.groups.items()}
    # Where cores or the interpreter are the bound, all groups are slower by as much.
    stretch = float(composed.seconds.flat[draw]) / max(each.values())
    return [
        Queue(group.workers, stretch * group.workers * each[group.name])
        for group in calibration.groups
    ]
