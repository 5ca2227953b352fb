"""Link check of a built site: every local link leads to a page, and to an anchor on it."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """Links and anchors of one page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ("a", "link") and values.get("href"):
            self.links.append(values["href"])
        if tag in ("img", "script") and values.get("src"):
            self.links.append(values["src"])
        self.anchors.update(values[name] for name in ("id", "name") if values.get(name))

    def has(self, fragment: str) -> bool:
        """Whether a link with this fragment leads somewhere on the page."""
        return unquote(fragment) in self.anchors


def read(path: Path) -> _Page:
    """Return the links and anchors of a page."""
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def broken_links(site: Path) -> list[str]:
    """Return one line for each local link that leads nowhere.

    Parameters
    ----------
    site : Path
        Folder of HTML files.
    """
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("data:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                faults.append(f"{path.relative_to(site.resolve())}: {link} does not exist")
            elif parts.fragment and target in pages and not pages[target].has(parts.fragment):
                faults.append(f"{path.relative_to(site.resolve())}: {link} has no such anchor")
    return faults


def main() -> int:
    """Check the site in the folder given; 1 where a link is broken."""
    faults = broken_links(Path(sys.argv[1]))
    print("\n".join(faults) or "all links lead somewhere")  # noqa: T201 - a tool's output
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
