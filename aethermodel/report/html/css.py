"""Style sheets of blocks and of the page.

An object shown in JupyterLab brings the blocks' style with it and takes its colours from the
lab's theme; the exported page holds the same rules once and sets the colours itself.
"""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).with_name("templates")


def _sheet(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


BLOCK_STYLE = f"<style>{_sheet('lab.css')}\n{_sheet('blocks.css')}</style>"
"""Style element of a block that stands alone, as in a JupyterLab output."""

PAGE_STYLE = f"{_sheet('page.css')}\n{_sheet('blocks.css')}"
"""Style sheet of the exported page, without its element."""
