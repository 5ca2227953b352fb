"""Performance models for batched event pipelines, and the measurements that test them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.execute.recorded_figures import record
    from aethermodel.laws.fit import fit
    from aethermodel.laws.law import Law
    from aethermodel.laws.law_group import Laws
    from aethermodel.measure.campaign.stored_calibrations import load_calibration
    from aethermodel.model.batch import BatchModel
    from aethermodel.pipelines.pipeline import Pipeline
    from aethermodel.readers.measurements import Measurements
    from aethermodel.readers.read import read

__version__ = "0.1.0"
__all__ = [
    "BatchModel",
    "Calibration",
    "Law",
    "Laws",
    "Measurements",
    "Pipeline",
    "fit",
    "load_calibration",
    "read",
    "record",
]

# SymPy and pandas take most of a second to import: they are loaded when a name
# that needs them is first asked for.
_HOMES = {
    "BatchModel": "aethermodel.model.batch",
    "Calibration": "aethermodel.calibrate.calibration.calibration",
    "Law": "aethermodel.laws.law",
    "Laws": "aethermodel.laws.law_group",
    "Measurements": "aethermodel.readers.measurements",
    "Pipeline": "aethermodel.pipelines.pipeline",
    "fit": "aethermodel.laws.fit",
    "read": "aethermodel.readers.read",
    "record": "aethermodel.execute.recorded_figures",
    "load_calibration": "aethermodel.measure.campaign.stored_calibrations",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def load_ipython_extension(shell: object) -> None:
    """Register the magics, for ``%load_ext aethermodel``."""
    import_module("aethermodel.plugins.magics").load_ipython_extension(shell)
