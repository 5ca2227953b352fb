"""Printable text: control signs escaped, and signs that an encoding lacks replaced.

Names of files, stored errors and the text of any file may hold control sequences, which a
terminal obeys, and signs that reverse the order of what follows. Standard output and standard
error of a command pass through here once (`use_printable_streams`), whatever wrote to them.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
import unicodedata
from typing import Any

# C0 without tab and new line, delete, C1, line separators, signs that direct the writing,
# invisible tags, and what no encoding has: lone surrogates.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
# For signs of ours that an encoding lacks; one letter each where tables would lose their columns.
_FORMS = {
    "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{MINUS SIGN}": "-", "\N{HYPHEN}": "-",
    "\N{MICRO SIGN}": "u", "\N{GREEK SMALL LETTER MU}": "u", "\N{MULTIPLICATION SIGN}": "x",
    "\N{MIDDLE DOT}": ".", "\N{BULLET}": "*", "\N{HORIZONTAL ELLIPSIS}": "~",
    "\N{ALMOST EQUAL TO}": "~", "\N{INFINITY}": "inf", "\N{PLUS-MINUS SIGN}": "+-",
    "\N{LESS-THAN OR EQUAL TO}": "<=", "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{NOT EQUAL TO}": "!=", "\N{RIGHTWARDS ARROW}": "->", "\N{LEFTWARDS ARROW}": "<-",
    "\N{DEGREE SIGN}": "deg", "\N{CHECK MARK}": "+", "\N{BALLOT X}": "x",
    "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
}  # fmt: skip
_HANDLER = "aethermodel.forms"


def printable(text: str, *, one_line: bool = False) -> str:
    r"""Return a text in which nothing acts on a terminal.

    Parameters
    ----------
    text : str
        From anywhere.
    one_line : bool
        Escape new lines too, and whatever has no form of its own.

    Returns
    -------
    str
        Control signs as Python writes them, such as ``\x1b``.
    """
    if one_line:
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _ACTING.sub(_escaped, text)


def _escaped(sign: re.Match[str]) -> str:
    return sign[0].encode("unicode_escape").decode("ascii")


def encodable(text: str, encoding: str) -> str:
    """Return a text that an encoding can say: signs that it lacks in ASCII, or escaped."""
    if text.isascii():
        return text
    return text.encode(encoding, _HANDLER).decode(encoding)


def _ascii_forms(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_ascii_form, lacking)), error.end


def _ascii_form(sign: str) -> str:
    if sign in _FORMS:
        return _FORMS[sign]
    if unicodedata.category(sign) in ("Zs", "No"):  # spaces, raised and lowered figures
        return unicodedata.normalize("NFKD", sign).encode("ascii", "replace").decode("ascii")
    return sign.encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error(_HANDLER, _ascii_forms)


class PrintableStream(io.TextIOWrapper):
    """A standard stream to which anything may be written.

    Parameters
    ----------
    stream : io.TextIOWrapper
        The stream whose buffer it writes to.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._said_in = codecs.lookup(stream.encoding).name
        # Other libraries write past a stream that calls itself ASCII; all that gets here is.
        encoding = "latin-1" if self._said_in == "ascii" else self._said_in
        super().__init__(
            stream.buffer,
            encoding=encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=True,
        )
        self.rich_proxied_file = _StyledStream(self)

    def write(self, text: str) -> int:
        """Write a text, its control signs escaped."""
        self.write_styled(printable(text))
        return len(text)

    def write_styled(self, text: str) -> int:
        """Write a text whose control sequences are meant."""
        return super().write(encodable(text, self._said_in))


class _StyledStream:
    """What rich writes to (it looks for ``rich_proxied_file``): colours and bars are its own."""

    def __init__(self, stream: PrintableStream) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write_styled(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def use_printable_streams() -> None:
    """Let standard output and standard error of this process take any text."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            stream.flush()
            setattr(sys, name, PrintableStream(stream))
