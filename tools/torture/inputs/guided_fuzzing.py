"""Coverage-guided inputs: atheris looks for bytes that reach new code of a reader.

Only where atheris is installed; it takes over the process that it runs in, so each reader has
one of its own.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.torture.fault_campaign import TrialBody
from tools.torture.journal import Journal

#: Seconds of one trial: what atheris instruments takes some to import.
SECONDS = 20
_MOST_BYTES = 16_384
_ROOT = Path(__file__).resolve().parents[3]
_START = """
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
from tools.torture.inputs.guided_fuzzing import fuzz
fuzz(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
"""
_EXECUTED = re.compile(rb"stat::number_of_executed_units:\s+(\d+)")


def prepare() -> TrialBody:
    """Return a trial of one reader, in a process of its own."""
    from tools.torture.inputs import readers

    labels = sorted(readers.READERS)

    def trial(draw: random.Random, journal: Journal) -> None:
        label = draw.choice(labels)
        with tempfile.TemporaryDirectory(prefix="coverage-") as made:
            folder = Path(made)
            seed = draw.randrange(1, 2**31)
            command = [
                sys.executable,
                "-c",
                _START,
                str(_ROOT),
                label,
                made,
                str(SECONDS),
                str(seed),
            ]
            done = subprocess.run(command, cwd=made, capture_output=True, check=False)
            executed = _EXECUTED.search(done.stderr)
            found = sorted(folder.glob("found-*"))
            journal.input(label, found[0].read_bytes() if found else b"")
            if executed:
                journal.count("inputs", int(executed[1]) - 1)
                journal.tally.labels[label] += int(executed[1]) - 1
            if found:
                text = done.stderr.decode(errors="replace")
                lines = [
                    line for line in text.splitlines() if re.match(r"[A-Za-z.]+(Error|Exc)", line)
                ]
                journal.find("traceback", lines[-1] if lines else found[0].name[:20], text[-6000:])
            elif not executed:
                journal.find("crash", "atheris did not run", done.stderr.decode()[-3000:])

    return trial


def fuzz(label: str, folder: Path, seconds: int, seed: int) -> None:
    """Run atheris on one reader; never returns."""
    import atheris

    with atheris.instrument_imports(include=["aethermodel"]):
        from tools.torture.inputs import readers

        reader = readers.READERS[label]
        sample = reader.sample()
        corpus = folder / "corpus"
        corpus.mkdir()
        (corpus / "sample").write_bytes(sample)
        readers.attempt(reader, sample, folder)  # so that what it imports is instrumented, too

    def one(data: bytes) -> None:
        readers.attempt(reader, data, folder)

    options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={_MOST_BYTES}"]
    options += [f"-artifact_prefix={folder}/found-", "-print_final_stats=1", "-timeout=20"]
    atheris.Setup(["coverage", *options, str(corpus)], one)
    atheris.Fuzz()
