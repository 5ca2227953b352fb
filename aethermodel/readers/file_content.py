"""Document: the content of a file, as text, lines or JSON, each made once when asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError

# Colours and other control sequences that a tool wrote for a terminal.
_STYLES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# What mpirun --tag-output and srun --label write before each line.
_LABEL = re.compile(r"^(?:\[\d+,\d+\]<std(?:out|err|diag)>:|\s{0,4}\d{1,6}: )")


@dataclass(frozen=True)
class Document:
    """A file that a reader is to read.

    Attributes
    ----------
    name : str
        As given.
    content : bytes
    """

    name: str
    content: bytes

    @cached_property
    def encoding(self) -> str:
        """``utf-8``, ``utf-16`` (what a Windows shell writes) or ``cp1252``; empty for none."""
        if self.content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            order: tuple[str, ...] = ("utf-16",)
        elif b"\0" in self.content:
            return ""
        else:
            order = ("utf-8", "cp1252")
        for encoding in order:
            try:
                self.content.decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
        return ""

    @cached_property
    def text(self) -> str:
        """Text without byte order mark and control sequences; empty if it is none."""
        if not self.encoding:
            return ""
        text = self.content.decode(self.encoding).removeprefix("\ufeff")
        return _STYLES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")

    @cached_property
    def lines(self) -> list[str]:
        """Lines of the text; the first is line 1 of the file."""
        return self.text.split("\n")

    @cached_property
    def unlabelled(self) -> list[str]:
        """Lines without what a launcher wrote before each."""
        return [_LABEL.sub("", line) for line in self.lines]

    @cached_property
    def is_json(self) -> bool:
        """Whether it begins as a JSON object or list does."""
        return self.text.lstrip().startswith(("{", "["))

    @cached_property
    def json(self) -> Any:
        """The value of a JSON document; None if it is not one whole document."""
        if not self.is_json:
            return None
        try:
            return parse_json(self.text.encode("utf-8", "surrogatepass"), finite=False)
        except InputError:
            return None

    @property
    def json_fault(self) -> str:
        """Why it is no JSON document, with its line."""
        try:
            parse_json(self.text.encode("utf-8", "surrogatepass"), finite=False)
        except InputError as error:
            return str(error)
        return ""
