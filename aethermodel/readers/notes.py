"""Notes on lines of a file that were left out or read otherwise: one for each reason."""

from __future__ import annotations

from aethermodel.inputs.refusals import quoted
from aethermodel.text.printable import printable

_MOST_REASONS, _MOST_RANGES = 20, 12


class Notes:
    """Collects reasons, and the lines that each is about."""

    def __init__(self) -> None:
        self._lines: dict[str, list[int]] = {}

    def add(self, reason: str, line: int = 0) -> None:
        """Note a reason; line 0 is the whole file."""
        if reason not in self._lines and len(self._lines) >= _MOST_REASONS:
            reason = "left out for further reasons"
        self._lines.setdefault(reason, []).append(line)

    def extend(self, other: Notes) -> None:
        """Note everything that other notes hold."""
        for reason, lines in other._lines.items():
            for line in lines:
                self.add(reason, line)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def told(self, row_word: str = "line") -> tuple[str, ...]:
        """Return a line for each reason, such as ``lines 3, 7-9: no time 'OOM': left out``."""
        return tuple(
            printable(f"{_where(lines, row_word)}{reason}", one_line=True)
            for reason, lines in self._lines.items()
        )


def unlike(what: str, cell: object) -> str:
    """Say that a cell does not hold what it should."""
    text = "" if cell is None else str(cell).strip()
    return f"{quoted(text)} is no {what}" if text else f"no {what}"


def _where(lines: list[int], word: str) -> str:
    numbers = sorted({line for line in lines if line})
    if not numbers:
        return ""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    written = [f"{a}" if a == b else f"{a}-{b}" for a, b in ranges[:_MOST_RANGES]]
    left = sum(b - a + 1 for a, b in ranges[_MOST_RANGES:])
    more = f" and {left} more" if left else ""
    return f"{word}{'s' if len(numbers) > 1 else ''} {', '.join(written)}{more}: "
