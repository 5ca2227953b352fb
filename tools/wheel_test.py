"""Wheel test: sdist to wheel to an empty environment, and a report from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _run(*command: str, cwd: Path, verdict: bool = False) -> None:
    """Run a command; one that gives a verdict may end with 1, too: a busy host fails it."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment["PATH"] = f"{Path(command[0]).parent}:{environment['PATH']}"
    done = subprocess.run(command, cwd=cwd, env=environment, check=False)
    if done.returncode > verdict:
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}")


def main() -> int:
    """Build, install, and write a report from a folder that knows nothing of the sources."""
    with tempfile.TemporaryDirectory(prefix="aether-wheel-") as folder:
        work = Path(folder)
        # The source archive holds what is committed, and the wheel is built from it.
        make = f"import mesonpy; mesonpy.build_sdist({folder!r})"
        _run(sys.executable, "-c", make, cwd=ROOT)
        (archive,) = work.glob("*.tar.gz")
        build = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        # The build tools of this environment serve both builds.
        _run(
            *build,
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            folder,
            str(archive),
            cwd=work,
        )
        (wheel,) = work.glob("*.whl")
        # Where no kernel is built, one wheel serves every platform.
        pure = work / "pure"
        without = "-Csetup-args=-Dkernels=disabled"
        _run(
            *build,
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            without,
            "-w",
            str(pure),
            str(archive),
            cwd=work,
        )
        (kernelless,) = pure.glob("*.whl")
        if not kernelless.name.endswith("-py3-none-any.whl"):
            raise SystemExit(f"{kernelless.name}: built without kernels it should fit anywhere")
        venv.create(work / "env", with_pip=True)
        python = str(work / "env/bin/python")
        _run(
            python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "-q",
            str(wheel),
            cwd=work,
        )
        command = str(work / "env/bin/aethermodel")
        _run(
            command,
            "predict",
            "-c",
            str(ROOT / "data/calibrations/uvloop.json"),
            "--foreign",
            "-n",
            "10000",
            cwd=work,
        )
        report = str(work / "report.html")
        _run(
            command,
            "report",
            "--run",
            "--seconds",
            "40",
            "--output",
            report,
            cwd=work,
            verdict=True,
        )
        size = (work / "report.html").stat().st_size
    print(f"{wheel.name}: installed, and wrote a report of {size:,} bytes")  # noqa: T201 - a tool
    return 0


if __name__ == "__main__":
    sys.exit(main())
