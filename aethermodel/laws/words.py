"""Words: what a law says of itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

_PREFIXES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"), (1e-12, "ps"))


def duration(seconds: float) -> str:
    """Write a time with three digits and a fitting unit."""
    if seconds == 0:
        return "0 s"
    size, unit = next(
        ((size, unit) for size, unit in _PREFIXES if abs(seconds) >= size), _PREFIXES[-1]
    )
    return f"{seconds / size:.3g} {unit}"


def html(law: Law) -> str:
    """Return a law as an HTML fragment: verdict and parameters."""
    rows = "".join(
        f"<tr><td>{escape(p.name)}</td><td>{p.value:.4g}</td><td>{p.low:.4g}</td>"
        f"<td>{p.high:.4g}</td><td>{escape(p.unit)}</td></tr>"
        for p in law.parameters
    )
    lines = "".join(f"<p>{escape(line)}</p>" for line in law.verdict)
    head = "<tr><th></th><th>value</th><th>low</th><th>high</th><th>unit</th></tr>"
    return f"<div>{lines}<table>{head}{rows}</table></div>"
