"""Every command and notebook that knows the built-in pipeline, run on the worked examples.

``python -m tools.example_commands [NAME...]``: of the pipeline that `aethermodel init` writes
(orders), and of quotes, trades and scoring, with small budgets. It shows that all of it runs; the
figures are noise. A line for each, and status 1 where one fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

from typer import echo

from aethermodel.execute.notebooks import execute, notebooks_folder

ROOT = Path(__file__).parents[1]
# A pass, a miss and "cannot tell" all are answers; 2 is a refusal.
_ANSWERS = (0, 1, 3)
_FEW = ("--processes", "1", "--repeats", "1", "--seconds", "15")


class Example(NamedTuple):
    """A pipeline, and small parameters that suit it.

    Attributes
    ----------
    folder : Path
    stage : str
        One of its stages.
    sizes : str
        To calibrate at.
    held_out : int
        At which the whole is run.
    """

    folder: Path
    stage: str
    sizes: str
    held_out: int


EXAMPLES = {
    "orders": Example(ROOT / "data" / "pipeline", "score", "1,16,256,2048", 500),
    "quotes": Example(ROOT / "examples" / "quotes", "price", "1,16,256,2048", 500),
    "trades": Example(ROOT / "examples" / "trades", "decode", "1,16,256,1024", 500),
    "scoring": Example(ROOT / "examples" / "scoring", "score", "1,4,16,64", 8),
}


def commands(name: str, example: Example, kept: Path) -> Iterator[tuple[str, ...]]:
    """Yield the commands on an example, the one that makes its laws first."""
    file, laws, n = f"{name}.py", str(kept / f"{name}.json"), str(example.held_out)
    known = ("--pipeline", file, "-c", laws)
    yield ("calibrate", file, *_FEW, "-n", example.sizes, "--json", laws)
    yield ("validate", file, *_FEW, "-c", laws, "-n", n)
    yield ("predict", *known, "-n", f"1,{n}", "--optimum", "--rate", "100", "--sensitivity", n)
    yield ("predict", *known, "-n", n, "--set", f"{example.stage}=x0.5", "--within", "0.01")
    yield ("recommend", laws, "--rate", "100", "--p99", "500ms")
    yield ("bench", "optimum", *known, "--processes", "1", "--repeats", "1")
    yield ("bench", "latency", *known, "--processes", "1", "--batches", "200", "--loads", "0.5")
    points = ("-p", f"term={example.stage},whole", "-p", f"batch_size=1,{n}")
    store = ("--store", str(kept / f"{name}.store"))
    yield ("sweep", "run", "--pipeline", file, *points, *store)
    yield ("report", file, *_FEW, "-c", laws, "-n", n, "-o", str(kept / f"{name}.html"))
    yield ("report", laws, "-o", str(kept / f"{name}-laws.html"))
    yield ("gate", laws, laws, "--pipeline", file, "--limit", f"T({n})=+5%")


def notebooks(name: str, example: Example, kept: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the notebooks on an example, each with its parameters."""
    file, laws = str(example.folder / f"{name}.py"), str(kept / f"{name}.json")
    own = {"pipeline": file, "calibration": laws}
    yield "20_calibrate.ipynb", {**own, "batch_sizes": [1, example.held_out]}
    few = {"processes": 1, "repeats": 1}
    yield (
        "30_model_vs_measured.ipynb",
        {
            "pipeline": file,
            "batch_sizes": str(example.held_out),
            **few,
        },
    )
    yield "40_tail_latency.ipynb", {**own, "loads": "0.5", "processes": 1, "batches": 1000}
    yield "60_what_if.ipynb", {**own, "assume": f"{example.stage}=x0.5", "rate": 100.0}
    yield "95_own_pipeline.ipynb", {**own, "faster": f"{example.stage}:0.5"}


def run(words: tuple[str, ...], folder: Path) -> str:
    """Run a command; return what is wrong with it, or nothing."""
    called = [sys.executable, "-m", "aethermodel", *words]
    done = subprocess.run(called, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode in _ANSWERS and "Traceback" not in done.stderr:
        return ""
    return (done.stderr.strip().splitlines() or ["it said nothing"])[-1]


def execution(notebook: str, parameters: dict[str, object], into: Path) -> str:
    """Execute a notebook; return what is wrong with it, or nothing."""
    source = notebooks_folder() / notebook
    try:
        execute(str(source), into, parameters)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"
    return ""


def main() -> int:
    """Run all of it on the examples that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXAMPLES))
    options = parser.parse_args()
    if unknown := set(options.names) - set(EXAMPLES):
        parser.error(f"{', '.join(sorted(unknown))}: of {', '.join(EXAMPLES)}")
    failed = 0
    with TemporaryDirectory(prefix="examples-") as folder:
        kept = Path(folder)
        for name in options.names or EXAMPLES:
            example = EXAMPLES[name]
            for words in commands(name, example, kept):
                begin = monotonic()
                failed += _told(name, " ".join(words[:2]), run(words, example.folder), begin)
            for notebook, parameters in notebooks(name, example, kept):
                begin = monotonic()
                wrong = execution(notebook, parameters, kept / f"{name}-{notebook}")
                failed += _told(name, notebook, wrong, begin)
    return int(failed > 0)


def _told(name: str, what: str, wrong: str, begin: float) -> bool:
    echo(f"{name}, {what}: {wrong or 'ran'} ({monotonic() - begin:.0f} s)")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
