"""Exported pages as a parser sees them, and that nothing in them can act."""

import re
from html.parser import HTMLParser

from aethermodel.report import export

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
VOID = {"img", "br", "hr", "meta", "link", "input", "wbr", "col"}


class Reader(HTMLParser):
    """Collects elements as a browser's parser would see them, and checks that they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(path, tmp_path, **options) -> str:
    return export(path, tmp_path / "page.html", **options).read_text(encoding="utf-8")


def assert_harmless(page: str) -> Reader:
    reader = Reader(page)
    names = {name for name, _ in reader.elements}
    assert not names & {"script", "iframe", "object", "embed", "link", "base", "form", "input"}
    assert len(reader.all("style")) == 1  # ours
    ids = []
    for tag, attributes in reader.elements:
        for name in attributes:
            value = attributes[name] or ""
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "srcset", "poster", "data", "action"):
                links = ("https://", "http://") if tag == "a" else ()
                assert value.startswith(("data:", "#", *links)), (tag, name, value)
                assert not value.startswith("data:text/html")
            if name not in ("content", "alt", "title", "aria-label"):
                assert "url(" not in re.sub(r"url\(#[\w.:-]+\)", "", value), (tag, name, value)
            if name == "id":
                ids.append(value)
    assert len(ids) == len(set(ids))
    policies = [m["content"] for m in reader.all("meta") if "http-equiv" in m]
    assert policies == [
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
        "media-src data:"
    ]
    for image in reader.all("img"):
        assert image["alt"].strip()
    for index, (tag, drawing) in enumerate(reader.elements):
        labelled = drawing.get("aria-labelledby", "").split()
        titled = tag == "svg" and reader.elements[index + 1][0] == "title"
        named = drawing.get("aria-label") or (labelled and set(labelled) <= set(ids))
        assert tag != "svg" or named or titled
    return reader
