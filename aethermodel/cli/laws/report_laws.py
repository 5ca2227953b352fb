"""Report of laws: one HTML page of a law file, or of measurements, fitted."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any


def report_laws(
    path: Path,
    output: Path,
    rate: float | None,
    latency: float | None,
    options: dict[str, Any],
    json: str | None,
) -> None:
    """Write the page of the laws of a file.

    Parameters
    ----------
    path : Path
        Law file, or measurements.
    output : Path
    rate, latency : float, optional
        Arrivals a second, and seconds, to answer for.
    options : dict
        Of `aethermodel.read`, for measurements.
    json : str, optional
        Where figures of the page go.
    """
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.gate.runs import laws_of
    from aethermodel.json_documents import document, write_document
    from aethermodel.output_files import write_whole
    from aethermodel.report.laws.law_page import law_report

    laws = laws_of(path, options)
    made_by = shlex.join(["aethermodel", *sys.argv[1:]])
    page = law_report(laws, rate=rate, latency=latency, command=made_by)
    write_whole(output, page)
    holding = sum(law.holds for law in laws.values())
    if json:
        figures = {
            "report": str(output),
            "bytes": len(page.encode()),
            "curves": len(laws),
            "holding": holding,
        }
        content = document("aethermodel.report.law_page/1", None, figures, measured=False)
        write_document(content, json)
    if json != "-":
        held = f"{holding} of {len(laws)} curves have a law that holds"
        if len(laws) == 1:
            held = "one curve, with a law that holds" if holding else "one curve, without a law"
        say(f"{output}: {held}; {len(page) / 1e3:.0f} kB")
