"""Cost of an import, by the packages that it loads rather than by the clock."""

import subprocess
import sys
from pathlib import Path

CALIBRATION = next(Path(__file__).parents[2].glob("data/calibrations/*.json"))
PREDICT = f"""
import contextlib, io, sys
from aethermodel.cli import main
sys.argv = ["aethermodel", "predict", "-c", {str(CALIBRATION)!r}, "--foreign", "--optimum"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
"""


def test_import_is_light():
    """What takes long to import is not imported before it is used."""
    heavy = {"sympy", "pandas", "matplotlib", "scipy", "numpy", "papermill", "nbformat"}
    assert not (heavy | {"pydantic"}) & imported("import aethermodel")
    assert not heavy & imported("import aethermodel.cli")


#: What fresh processes run for each figure: they would start a second later, twenty times over.
MEASURED = """
from importlib import import_module
from pathlib import Path
import aethermodel

root = Path(aethermodel.__file__).parent
for folder in ("probes", "transports", "harness", "harness/processes"):
    for path in (root / "measure" / folder).glob("*.py"):
        parts = path.relative_to(root.parent).with_suffix("").parts
        import_module(".".join(parts).removesuffix(".__init__"))
import aethermodel.measure.sampling.worker
import aethermodel.bench.latency.measurement
import aethermodel.bench.latency.adaptive
import aethermodel.bench.pipeline.row_worker
import aethermodel.pipelines.execution.probe
"""


def test_processes_that_are_measured_import_no_fits():
    assert not {"sympy", "pandas", "scipy", "matplotlib"} & imported(MEASURED.strip())


def test_a_prediction_loads_nothing_that_it_does_not_need():
    """An optimiser that it fits without, a report's figures, and tables of measurements."""
    heavy = {"scipy.optimize", "aethermodel.report.figures.comparison", "pandas", "matplotlib"}
    loaded = imported(PREDICT, whole=True)
    assert "aethermodel.calibrate.term_fit.fit_term" in loaded
    assert not heavy & loaded


def imported(code, whole=False):
    """Return the packages, or all modules, that a process has loaded once it has run some code."""
    wanted = "sorted(sys.modules)" if whole else "sorted(m for m in sys.modules if '.' not in m)"
    listed = f"{code}\nimport sys; print(*{wanted})"
    done = subprocess.run(
        [sys.executable, "-c", listed], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())
