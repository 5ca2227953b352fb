"""Losses of a report: what it cannot show of a notebook, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal[
    "script",
    "frame",
    "object",
    "foreign",
    "picture",
    "sound",
    "deep",
    "viewer",
    "broken",
    "raw",
    "long",
]

_WHY: dict[Kind, str] = {
    "script": "drawn by a script, and a report runs none",
    "frame": "a page in a frame, and a report loads none",
    "object": "an embedded object, and a report loads none",
    "foreign": "HTML within a drawing, which a report leaves out",
    "picture": "a picture that is not in the notebook, and a report loads none",
    "sound": "sound or film that is not in the notebook, and a report loads none",
    "deep": "HTML that nests too deep to be read; its source is shown",
    "viewer": "a form that needs a viewer of its own",
    "broken": "data that cannot be read",
    "long": "a text too long to be typeset; its source is shown",
    "raw": "a raw cell in another form than HTML, Markdown or text",
}
_LONGEST = 120


class Loss(NamedTuple):
    """Something that is not shown, or only in part.

    Attributes
    ----------
    kind : str
    detail : str
        Its address or form; may be empty.
    part : bool
        What is beside it in the same output is shown.
    """

    kind: Kind
    detail: str = ""
    part: bool = False

    @property
    def why(self) -> str:
        """What it is and why it is missing, as the end of a sentence."""
        detail = " ".join(self.detail.split())
        if len(detail) > _LONGEST:
            detail = f"{detail[:_LONGEST]}..."
        return f"{_WHY[self.kind]} ({detail})" if detail else _WHY[self.kind]


def told(losses: Iterable[Loss]) -> list[str]:
    """Return a line for each reason: how many outputs are not shown, or in part, and why."""
    counted = Counter((loss.part, loss.kind) for loss in losses)
    lines = []
    for (part, kind), count in sorted(counted.items()):
        outputs = f"{count} output{'s' if count > 1 else ''}"
        how = "shown in part" if part else "not shown"
        lines.append(f"{outputs} {how}: {_WHY[kind]}")
    return lines
