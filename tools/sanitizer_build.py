"""The tests of the native code, under the compiler's sanitizers: ``make asan`` and ``make tsan``.

Builds the extensions a second time, under ``.build/NAME``, and runs tests and a short torture with
those instead of the environment's own. Python and numpy are as they are, so that what they alone
do goes unseen; what they do with memory of ours is seen, as the allocator and ``memcpy`` are the
sanitizer's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPRESSIONS = ROOT / "tools" / "sanitizers"

# The environment's own build is found by a finder that the installation of this project in place
# left behind; it comes first, in every Python that a test starts. This takes it away.
_SITE = """\
import sys

sys.meta_path[:] = [
    finder for finder in sys.meta_path if "_editable_loader" not in type(finder).__module__
]
"""


@dataclass(frozen=True)
class Sanitizer:
    """One way to build and run.

    Attributes
    ----------
    flag : str
        What the compiler's ``-fsanitize`` takes.
    libraries : tuple of str
        To be there before Python starts, as Python itself is not built with it.
    environment : dict
        Of the tests.
    prefix : tuple of str
        Of the command line.
    tests : tuple of str
        What is run by default: pytest's arguments.
    torture : str
        And the campaigns, in their short form; may be empty.
    """

    flag: str
    libraries: tuple[str, ...]
    environment: dict[str, str]
    prefix: tuple[str, ...]
    tests: tuple[str, ...]
    torture: str


SANITIZERS = {
    "asan": Sanitizer(
        flag="address,undefined",
        libraries=("libasan.so", "libubsan.so"),
        environment={
            # What Python still holds at its end is no leak of ours. Memory that cannot be had is
            # NULL, as without the sanitizer.
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:abort_on_error=1"
            ":handle_segv=1:strict_string_checks=1:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            # Small blocks come from the sanitizer's allocator too, or what is read behind them is
            # not seen.
            "PYTHONMALLOC": "malloc",
        },
        prefix=(),
        tests=(
            *("--numprocesses", "logical", "--maxprocesses", "4", "--dist", "worksteal"),
            *("tests/cython_core", "tests/bus"),
            # Of measuring those that call kernels, but for what judges a time or a signal's name.
            *("tests/measure/harness/test_batch_pool.py", "tests/measure/transports"),
            *("tests/measure/probes", "-k", "not others_measure_of_a_tick"),
        ),
        torture="frames,ring-kills,bus-kills,tcp-streams,schedules",
    ),
    "tsan": Sanitizer(
        flag="thread",
        libraries=("libtsan.so",),
        environment={
            # A test forks while threads wait, which starts its own anew.
            "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:exitcode=66:die_after_fork=0"
            f":suppressions={SUPPRESSIONS / 'tsan.txt'}",
            "PYTHONMALLOC": "malloc",
        },
        # It wants its shadow memory at fixed addresses, which random ones may take.
        prefix=("setarch", "--addr-no-randomize"),
        tests=(
            "tests/cython_core/routing/test_route_variants.py",
            "tests/cython_core/ring/test_ring_threads.py",
        ),
        # Threads of a forked child, which the torture has many of, it takes for its parent's.
        torture="",
    ),
}


def build(name: str, sanitizer: Sanitizer) -> Path:
    """Build the package, and return the folder that holds it installed."""
    folder = ROOT / ".build" / name
    site = folder / "site"
    options = [
        f"-Db_sanitize={sanitizer.flag}",
        "-Db_lundef=false",
        # Quick to compile; lines suffice to find a place.
        "-Doptimization=1",
        "-Ddebug=false",
        "-Dc_args=-g1",
        "-Db_ndebug=false",
        f"-Dpython.platlibdir={site}",
        f"-Dpython.purelibdir={site}",
    ]
    native = folder / "native.ini"
    folder.mkdir(parents=True, exist_ok=True)
    native.write_text(f"[binaries]\npython = '{sys.executable}'\n")
    again = ["--reconfigure"] if (folder / "build" / "build.ninja").exists() else []
    _run(["meson", "setup", *again, f"--native-file={native}", *options, str(folder / "build")])
    _run(["ninja", "-C", str(folder / "build")])
    shutil.rmtree(site, ignore_errors=True)  # or a file that is gone would stay
    _run(["meson", "install", "-C", str(folder / "build"), "--no-rebuild", "--quiet"])
    (site / "sitecustomize.py").write_text(_SITE)
    return site


def _run(command: list[str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}, check=True)


def environment(sanitizer: Sanitizer, site: Path) -> dict[str, str]:
    """Return the environment in which Python runs with the sanitizer."""
    compiler = (sysconfig.get_config_var("CC") or "gcc").split()[0]
    compiler = os.environ.get("CC", compiler)
    libraries = [
        subprocess.run(
            [compiler, f"-print-file-name={library}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for library in sanitizer.libraries
    ]
    missing = [library for library in libraries if not Path(library).is_absolute()]
    if missing:
        sys.exit(f"{compiler} has no {', '.join(missing)}: install its sanitizers' libraries")
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    # To files: what a process that dies writes to standard error, pytest may have taken.
    options = {
        name: f"{text}:log_path={site.parent / 'report'}"
        for name, text in sanitizer.environment.items()
        if name.endswith("_OPTIONS")
    }
    return (
        os.environ
        | sanitizer.environment
        | options
        | {
            "LD_PRELOAD": " ".join(libraries),
            "PYTHONPATH": path,
            "PYTHONSAFEPATH": "1",  # or the sources in this folder come first
            "AETHER_SANITIZER": "1",
        }
    )


def reports(site: Path) -> list[Path]:
    """Return the files that the sanitizer wrote."""
    return sorted(site.parent.glob("report.*"))


def main() -> int:
    """Build, run pytest, perhaps the torture; return the first bad status, or 1 for a report."""
    parser = argparse.ArgumentParser(prog="python tools/sanitizer_build.py", description=__doc__)
    parser.add_argument("name", choices=sorted(SANITIZERS))
    parser.add_argument(
        "tests",
        nargs=argparse.REMAINDER,
        help="arguments of pytest; by default a set of tests, and then a short torture",
    )
    chosen = parser.parse_args()
    sanitizer = SANITIZERS[chosen.name]
    site = build(chosen.name, sanitizer)
    pytest = ["-m", "pytest", "-p", "no:cacheprovider"]
    torture = ["tools/torture", "--short", "--lanes", "1", "--seconds", "1800"]
    runs = [[*pytest, *(chosen.tests or sanitizer.tests)]]
    if not chosen.tests and sanitizer.torture:
        runs.append([*torture, "--only", sanitizer.torture])
    for report in reports(site):
        report.unlink()
    status = 0
    for arguments in runs:
        command = [*sanitizer.prefix, sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment(sanitizer, site), check=False)
        status = status or done.returncode
    for report in reports(site):
        sys.stdout.write(report.read_text(errors="replace"))
    sys.stdout.write(f"{chosen.name}: {len(reports(site))} reports\n")
    return status or bool(reports(site))


if __name__ == "__main__":
    sys.exit(main())
