"""Cost of a report: from an empty process to the file, compared with nbconvert, and to open it.

Run as ``python -m tools.costs.report_cost``. The notebook has 12 figures; the stores have 20 points
and draw their own figures. Exit status: 0 all within the limits, 1 not.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aethermodel.cli.shared.measuring import measuring, tell_duration
from aethermodel.console import progress as shown
from aethermodel.json_documents import document, write_document
from tools.report_example import write_notebook, write_store

Progress = Callable[[int, int], None]

FIGURES = 12
#: About, of a round.
_ROUND_SECONDS = 13
#: Most seconds of an export of a notebook with `FIGURES` figures, most bytes of its file, most
#: seconds until a browser has loaded it.
LIMITS = {"export_seconds": 1.5, "bytes": 1_000_000, "open_seconds": 1.0}

_DRAWING = re.compile(rb"<svg[ >]")
_SCRIPT = re.compile(rb"<script[ >]")


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what is timed, each a fresh process, by its name.

    ``notebook`` is ours and ``nbconvert`` its peer on the same file. ``store`` draws its figures
    first, ``store_with_model`` also fits a calibration. ``drawing`` only imports what draws, and
    ``python`` nothing: no report can be faster than these.
    """
    store = write_store(folder / "with-model")
    notebook = write_notebook(folder / "executed.ipynb", store)
    bare = write_store(folder / "store")
    (bare / "calibration.json").unlink()
    python = sys.executable
    ours = [python, "-m", "aethermodel", "report"]
    stock = [python, "-m", "nbconvert", "--to", "html", "--log-level", "ERROR"]
    return {
        "notebook": [*ours, str(notebook), "-o", str(folder / "notebook.html")],
        "nbconvert": [*stock, str(notebook), "--output", str(folder / "nbconvert.html")],
        "store": [*ours, str(bare), "-o", str(folder / "store.html")],
        "store_with_model": [*ours, str(store), "-o", str(folder / "store_with_model.html")],
        "drawing": [python, "-c", "import matplotlib.figure, pandas"],
        "python": [python, "-c", ""],
    }


def time_exports(
    folder: Path, rounds: int, progress: Progress | None = None, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Time each command in turns, in an order that is random in each round.

    Parameters
    ----------
    folder : Path
        For the files.
    rounds : int
        How often each runs, after once that is not counted.
    progress : callable, optional
    seed : int
        Of the order.

    Returns
    -------
    dict
        By name: ``median_seconds``, ``low_seconds``, ``high_seconds``, ``count``; of those that
        leave a file also ``bytes``, ``drawings``, ``scripts``.

    Raises
    ------
    RuntimeError
        If a command ends without having done its work.
    """
    wanted = commands(folder)
    for command in wanted.values():
        _run(command)
    order, taken = random.Random(seed), {name: [0.0] * 0 for name in wanted}
    for i in range(rounds):
        for name in order.sample(list(wanted), len(wanted)):
            start = time.perf_counter()
            _run(wanted[name])
            taken[name].append(time.perf_counter() - start)
        if progress:
            progress(i + 1, rounds)
    return {name: spread(taken[name]) | _file(folder / f"{name}.html") for name in wanted}


def spread(seconds: list[float]) -> dict[str, Any]:
    """Return median, lowest, highest and how many."""
    return {
        "median_seconds": median(seconds),
        "low_seconds": min(seconds),
        "high_seconds": max(seconds),
        "count": len(seconds),
    }


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # 1 is a verdict on what the report says, not on its making.
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {said}")


def _file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    page = path.read_bytes()
    return {
        "bytes": len(page),
        "drawings": len(_DRAWING.findall(page)),
        "scripts": len(_SCRIPT.findall(page)),
    }


def time_opening(folder: Path, names: list[str], rounds: int) -> dict[str, dict[str, Any]] | str:
    """Open the files in turns in Chromium, with the network off, until they are loaded.

    Parameters
    ----------
    folder : Path
        Where `time_exports` left them.
    names : list of str
        Of the files.
    rounds : int

    Returns
    -------
    dict, or str
        By name: ``median_seconds``, ``low_seconds``, ``high_seconds``, ``count``; or in words
        why no browser could be asked.
    """
    chromium = which("chromium") or which("google-chrome")
    if chromium is None:
        return "Chromium is not installed"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "playwright is not installed"
    taken: dict[str, list[float]] = {name: [] for name in names}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for i in range(rounds + 1):
            for name in names:
                with _page(browser) as page:
                    page.goto((folder / f"{name}.html").resolve().as_uri(), wait_until="load")
                    ended = page.evaluate(
                        "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
                    )
                if i:  # the first warms the browser
                    taken[name].append(ended / 1e3)
        browser.close()
    return {name: spread(seconds) for name, seconds in taken.items()}


@contextmanager
def _page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1200, "height": 900}, offline=True)
    try:
        yield page
    finally:
        page.close()


def main() -> None:
    """Print a line for each command, and write all as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="exports of each kind, at least 3")
    parser.add_argument("--keep", type=Path, help="leave the exported files in this folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="a file, or - for standard output")
    given = parser.parse_args()
    if given.rounds < 3:
        parser.error("at least 3 rounds")
    tell_duration(_ROUND_SECONDS * given.rounds)
    with TemporaryDirectory() as made, measuring():
        folder = given.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        with shown("exports") as advance:
            exports = time_exports(folder, given.rounds, advance, given.seed)
        files = [name for name, figures in exports.items() if "bytes" in figures]
        opened = time_opening(folder, files, given.rounds)
    within = _within(exports, opened)
    if given.json:
        figures: dict[str, Any] = {
            "exports": exports,
            "opened": opened if isinstance(opened, dict) else None,
            "not_opened_because": opened if isinstance(opened, str) else None,
            "limits": LIMITS,
            "within_limits": within,
        }
        write_document(document("aethermodel.bench.report/1", None, figures), given.json)
    if given.json != "-":
        sys.stdout.write("\n".join(_lines(exports, opened)) + "\n")
    sys.exit(0 if within else 1)


def _within(exports: dict[str, Any], opened: dict[str, Any] | str) -> bool:
    ours = exports["notebook"]
    within = ours["median_seconds"] <= LIMITS["export_seconds"] and ours["bytes"] <= LIMITS["bytes"]
    if isinstance(opened, dict):
        within = within and opened["notebook"]["median_seconds"] <= LIMITS["open_seconds"]
    return bool(within)


def _lines(exports: dict[str, Any], opened: dict[str, Any] | str) -> Iterator[str]:
    for name, f in exports.items():
        line = f"{name:16} {_seconds(f)}"
        if "bytes" in f:
            drawn, scripts = f["drawings"], f["scripts"]
            line += f"  {f['bytes'] / 1e3:5.0f} kB, {drawn} drawings, {scripts} scripts"
        if isinstance(opened, dict) and name in opened:
            line += f"; opens in {_seconds(opened[name])}"
        yield line
    if isinstance(opened, str):
        yield f"not opened in a browser: {opened}"
    ratio = exports["nbconvert"]["median_seconds"] / exports["notebook"]["median_seconds"]
    yield f"stock nbconvert takes {ratio:.1f} times as long on the same notebook"
    yield (
        f"limits: notebook {LIMITS['export_seconds']:g} s, {LIMITS['bytes'] / 1e6:g} MB, "
        f"opens in {LIMITS['open_seconds']:g} s"
    )


def _seconds(figures: dict[str, Any]) -> str:
    low, high = figures["low_seconds"], figures["high_seconds"]
    return f"{figures['median_seconds']:6.3f} s ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
