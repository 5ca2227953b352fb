"""Cost of an import, by the packages that it loads rather than by the clock."""

import subprocess
import sys


def test_import_is_light():
    """What takes long to import is not imported before it is used."""
    heavy = {"sympy", "pandas", "matplotlib", "scipy", "numpy", "papermill", "nbformat"}
    assert not (heavy | {"pydantic"}) & imported("import aethermodel")
    assert not heavy & imported("import aethermodel.cli")


def imported(code):
    """Return the packages that a process has loaded once it has run some code."""
    listed = f"{code}; import sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", listed], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())
