"""HTML fragment in canonical form: balanced, of bounded depth, read in one pass.

Parsers of HTML mend what is broken, and some mending takes the square of the input: a deep nest,
text between a table's cells, a thousand open ``<b>``. Here broken HTML is mended in linear time,
roughly as a browser would, so that the sanitizer behind it has nothing left to mend. Nothing
passes that this module does not write itself; whether it is harmless is not judged here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Elements within elements; a page of tables in tables has about thirty.
MOST_DEPTH = 200
_MOST_ATTRIBUTES = 100
_MOST_REFERENCES = 1_000

HTML = _names(
    """a abbr audio b blockquote br caption cite code col colgroup dd del details dfn div dl dt em
figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small
source span strong sub summary sup table tbody td tfoot th thead time tr u ul var video
wbr"""
)
SVG = _names(
    """svg g defs path rect circle ellipse line polyline polygon text tspan textPath use image
clipPath mask pattern marker symbol linearGradient radialGradient stop title desc"""
)
MATHML = _names(
    """math mrow mi mo mn ms mtext mspace mfrac msqrt mroot mstyle mpadded mphantom msub msup
msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd merror"""
)
_DRAWN = frozenset(name.lower() for name in SVG | MATHML)
_KNOWN = HTML | _DRAWN | {"foreignobject", "template"}

# What acts or loads, by what a reader calls it.
_ACTING = {
    "script": "script", "iframe": "frame", "frame": "frame", "object": "object",
    "embed": "object", "applet": "object", "foreignobject": "foreign",
}  # fmt: skip
# Their content is text to a parser, whatever it looks like.
_RAW = _names("script style iframe noembed noframes textarea title xmp")
_VOID = _names("br col hr img source wbr")
_PARTS = _names("caption colgroup col thead tbody tfoot tr td th")
_GRID = _names("table thead tbody tfoot tr colgroup")
_CELLS = _names("td th caption")
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_BLOCKS = _HEADINGS | _names(
    """blockquote details dl div dd dt figcaption figure hr li ol p pre section summary table
ul"""
)
# An HTML element may stand within these of a drawing or a formula.
_OPEN_TO_HTML = _names("foreignobject desc title mi mo mn ms mtext")
_SCOPES = _CELLS | _OPEN_TO_HTML | {"table", "template", "svg", "math"}
_LISTS = {"li": ("ul", "ol"), "dd": ("dl",), "dt": ("dl",)}

_OPENING = re.compile(r"<(?:(/?)([A-Za-z][^\s/>]*)|!--|!\[CDATA\[|[!?/])")
_VALUE = r"""\s*+=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])[^\s>]*+)"""
_REST = re.compile(rf"(?:[\s/]++|(?:=[^\s/>=]*+|[^\s/>=]++)(?:{_VALUE})?+)*+>")
_ATTRIBUTE = re.compile(
    r"""([A-Za-z_][\w:.-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?|"[^"]*"|'[^']*'"""
)
_LONE_AMPERSAND = re.compile(r"&(?!(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]\w{0,31});)")
# Noncharacters that stand for what text must escape: parsers are slow with many references.
_MARKS = {"&": "\ufdd0", "<": "\ufdd1"}
_MARKED = str.maketrans({**_MARKS, "\0": "\N{REPLACEMENT CHARACTER}", "\ufdd0": "", "\ufdd1": ""})


@dataclass
class Fragment:
    """A fragment that was read.

    Attributes
    ----------
    html : str
        In canonical form, to be passed on to a sanitizer and then to `unmarked`.
    sheets : list of str
        What its style elements hold.
    acting : list of (str, str)
        What acts or loads, in order: kind (``script``, ``frame``, ``object``, ``foreign``) and
        address, which may be empty.
    too_deep : bool
        It nests more than `MOST_DEPTH` elements, and the rest is left empty.
    """

    html: str = ""
    sheets: list[str] = field(default_factory=list)
    acting: list[tuple[str, str]] = field(default_factory=list)
    too_deep: bool = False


class _TooDeepError(Exception):
    pass


def read_fragment(source: str) -> Fragment:
    """Read HTML from anyone, in time that grows as its length.

    Parameters
    ----------
    source : str
        HTML with inline SVG and MathML, well-formed or not.

    Returns
    -------
    Fragment
    """
    reader = _Reader(source)
    try:
        reader.read()
    except _TooDeepError:
        return Fragment(too_deep=True)
    return reader.fragment


def unmarked(html: str) -> str:
    """Write what text must escape as HTML does, after a sanitizer has seen the fragment."""
    return html.replace(_MARKS["&"], "&amp;").replace(_MARKS["<"], "&lt;")


class _Reader:
    """Follows the rules by which a browser closes what is left open."""

    def __init__(self, source: str) -> None:
        self.fragment = Fragment()
        self._source = source
        self._written: list[str] = []
        # Name of each open element, and whether a drawing or formula goes on in it.
        self._open: list[tuple[str, bool]] = []
        self._ends: dict[str, re.Pattern[str]] = {}

    def read(self) -> None:
        place, source = 0, self._source
        while found := _OPENING.search(source, place):
            self._text(source[place : found.start()])
            place = self._markup(found)
        self._text(source[place:])
        self._close_to(0)
        self.fragment.html = "".join(self._written)

    def _markup(self, found: re.Match[str]) -> int:
        """Read one piece of markup and return where it ends."""
        source, name = self._source, (found[2] or "").lower()
        if not name:
            ends = {"<!--": "-->", "<![CDATA[": "]]>"}
            end = ends.get(found[0], ">")
            stop = source.find(end, found.end())
            stop = len(source) if stop < 0 else stop
            if end == "]]>" and self._drawing:
                self._write_text(source[found.end() : stop])
            return stop + len(end)
        rest = _REST.match(source, found.end())
        if rest is None:  # the end of the source is within the tag, which is then none
            return len(source)
        if found[1]:
            self._end(name)
            return rest.end()
        return self._start(name, source[found.end() : rest.end() - 1], rest.end())

    @property
    def _drawing(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    @property
    def _top(self) -> str:
        return self._open[-1][0] if self._open else ""

    def _start(self, name: str, inside: str, place: int) -> int:
        if name in _ACTING:
            pairs = dict(_attributes(inside))
            address = pairs.get("src") or pairs.get("data") or ""
            self.fragment.acting.append((_ACTING[name], unescape(address)))
        if name in _RAW and not (name == "title" and self._drawing):
            return self._skip(name, place)
        if name not in _KNOWN:
            return place
        if self._drawing and name not in _DRAWN and name not in _OPEN_TO_HTML:
            self._leave_drawing()
        # The self-closing sign means something in drawings and formulas only.
        empty = inside.endswith("/") and (self._drawing or name in ("svg", "math"))
        if not self._drawing and not self._make_room(name):
            return place
        self._push(name, _written(inside))
        if name in _VOID and not self._drawing_of(name):
            self._open.pop()
        elif empty:
            self._close_to(len(self._open) - 1)
        return place

    def _drawing_of(self, name: str) -> bool:
        """Whether the element just opened belongs to a drawing or formula itself."""
        return name in _DRAWN and self._open[-1][1]

    def _skip(self, name: str, place: int) -> int:
        if name not in self._ends:
            self._ends[name] = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
        end = self._ends[name].search(self._source, place)
        stop = end.start() if end else len(self._source)
        if name == "style":
            self.fragment.sheets.append(self._source[place:stop])
        return stop

    def _make_room(self, name: str) -> bool:
        """Close what a start tag closes, open what it needs; False where it means nothing."""
        if name in _PARTS:
            return self._make_room_in_table(name)
        if self._top in _GRID:
            if name == "table":
                self._close_to(self._last(("table",)) or 0)
            else:
                self._open_cell()
        if name in _BLOCKS:
            self._close_open("p", _SCOPES)
        if name in _LISTS:
            for other in ("li",) if name == "li" else ("dd", "dt"):
                self._close_open(other, _SCOPES | set(_LISTS[name]) | {"blockquote", "section"})
        if name in _HEADINGS and self._top in _HEADINGS:
            self._close_to(len(self._open) - 1)
        if name == "a":
            self._close_open("a", _SCOPES)
        return True

    def _make_room_in_table(self, name: str) -> bool:
        table = self._last(("table",))
        if table is None:
            return False
        keeps = {"td": ("tr",), "th": ("tr",), "tr": ("tbody", "thead", "tfoot")}
        keeps["col"] = ("colgroup",)
        inside = self._last(keeps.get(name, ()), table)
        if inside is None and name in ("td", "th"):
            inside = self._last(keeps["tr"], table)
        self._close_to((table if inside is None else inside) + 1)
        if name in ("td", "th") and self._top != "tr":
            self._push("tr", "")
        return True

    def _open_cell(self) -> None:
        """What stands between a table's cells gets a cell of its own."""
        if self._top == "colgroup":
            self._close_to(len(self._open) - 1)
        if self._top != "tr":
            self._push("tr", "")
        self._push("td", "")

    def _last(self, names: tuple[str, ...], after: int = -1) -> int | None:
        for place in range(len(self._open) - 1, after, -1):
            if self._open[place][0] in names:
                return place
        return None

    def _close_open(self, name: str, scopes: frozenset[str]) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == name:
                self._close_to(place)
                return
            if self._open[place][0] in scopes:
                return

    def _leave_drawing(self) -> None:
        root = self._last(("svg", "math"))
        self._close_to(root or 0)

    def _end(self, name: str) -> None:
        if name in _VOID:
            return
        # An end tag in a cell closes nothing around the cell's table.
        scopes = {"table"} if name in _GRID | _CELLS else _CELLS | {"table"}
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == name:
                self._close_to(place)
                return
            if self._open[place][0] in scopes:
                return

    def _push(self, name: str, attributes: str) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise _TooDeepError
        drawing = name in ("svg", "math") or (self._drawing and name not in _OPEN_TO_HTML)
        self._open.append((name, drawing))
        self._written.append(f"<{name}{attributes}>")

    def _close_to(self, depth: int) -> None:
        """Close elements until so many are open."""
        while len(self._open) > depth:
            name, _ = self._open.pop()
            self._written.append(f"</{name}>")

    def _text(self, raw: str) -> None:
        if raw:
            self._write_text(unescape(raw) if "&" in raw else raw)

    def _write_text(self, text: str) -> None:
        if self._top in _GRID and not text.isspace():
            self._open_cell()
        self._written.append(text.translate(_MARKED))


def _attributes(inside: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(inside):
        name = (match[1] or "").lower()
        value = next((v for v in match.groups()[1:] if v is not None), "")
        if name and len(found) < _MOST_ATTRIBUTES and value.count("&") <= _MOST_REFERENCES:
            found.setdefault(name, value)  # as in a browser the first one counts
    return list(found.items())


def _written(inside: str) -> str:
    if not inside.strip("/ "):
        return ""
    return "".join(
        f' {name}="{_LONE_AMPERSAND.sub("&amp;", value).replace(chr(34), "&quot;")}"'
        for name, value in _attributes(inside)
    )
