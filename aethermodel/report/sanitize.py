"""What a notebook's outputs may bring into a report: structure and drawings, never behaviour.

Outputs come from whatever ran in the notebook. The well-kept sanitizer nh3 (Rust's ammonia)
parses them as a browser does and keeps only the elements and attributes named here; this module
adds what a one-file report needs: no loads from anywhere, ids unique over the whole page, a text
alternative on every picture, and a box that scrolls around every table.
"""

from __future__ import annotations

import re
from html import escape

import nh3

_HTML = """a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em
figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span
strong sub summary sup table tbody td tfoot th thead time tr u ul var wbr"""
_SVG = """svg g defs path rect circle ellipse line polyline polygon text tspan textPath use image
clipPath mask pattern marker symbol linearGradient radialGradient stop title desc"""
_MATHML = """math mrow mi mo mn ms mtext mspace mfrac msqrt mroot mstyle mpadded mphantom msub msup
msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd merror"""
_ATTRIBUTES = """id class style title role lang dir tabindex width height
alt align border colspan rowspan scope headers span start type value open datetime download
viewBox preserveAspectRatio d x y x1 y1 x2 y2 cx cy r rx ry dx dy points transform
pathLength gradientUnits gradientTransform patternUnits patternTransform patternContentUnits
clipPathUnits maskUnits markerWidth markerHeight markerUnits refX refY orient offset fill
fill-opacity fill-rule stroke stroke-width stroke-dasharray stroke-dashoffset stroke-linecap
stroke-linejoin stroke-miterlimit stroke-opacity opacity clip-path clip-rule mask marker-start
marker-mid marker-end stop-color stop-opacity font-family font-size font-style font-weight
text-anchor dominant-baseline letter-spacing textLength
display mathvariant mathsize mathcolor stretchy fence separator form lspace rspace largeop
movablelimits accent accentunder minsize maxsize symmetric linethickness displaystyle scriptlevel
columnalign rowalign columnspacing rowspacing columnspan notation voffset depth"""
_LINKS = {"a": {"href"}, "use": {"href"}, "image": {"href"}, "img": {"src"}}
_LINKS |= {"linearGradient": {"href"}, "radialGradient": {"href"}, "textPath": {"href"}}
_FORGET = {"script", "style", "iframe", "object", "embed", "noscript", "template", "foreignObject"}

_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|avif|svg\+xml)[;,]", re.IGNORECASE)
_DOWNLOAD = re.compile(r"data:(text/csv|text/plain|application/json)[;,]", re.IGNORECASE)
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
_LOCAL_URL = re.compile(r"""url\(\s*(["']?)#([\w.:-]+)\1\s*\)""", re.IGNORECASE)
# A backslash or a comment can spell url( so that no one recognises it. Fixed and absolute boxes
# could cover the report's own words.
_STYLE_TRICKS = re.compile(
    r"url\s*\(|image-set|image\s*\(|src\s*\(|@|\\|/\*|expression|"
    r"position\s*:\s*(fixed|absolute|sticky)",
    re.IGNORECASE,
)
_ID_LISTS = frozenset({"aria-labelledby", "aria-describedby", "aria-controls", "headers"})
# What nh3 writes has every "<" outside tags escaped and every value in double quotes, so this
# matches exactly the tags.
_TAG = re.compile(r'<(/?)([A-Za-z][\w-]*)((?:[^">]|"[^"]*")*)>')


class Sanitizer:
    """Cleans the fragments of one page and remembers the ids that the page holds already.

    Parameters
    ----------
    reserved : iterable of str
        Ids that the page itself uses.
    """

    def __init__(self, reserved: tuple[str, ...] = ()) -> None:
        self.ids = set(reserved)
        self._found: set[str] = set()
        self._renamed: dict[str, str] = {}
        self._cleaner = nh3.Cleaner(
            tags=set(f"{_HTML} {_SVG} {_MATHML}".split()),
            attributes={"*": set(_ATTRIBUTES.split()), **_LINKS},
            clean_content_tags=_FORGET,
            attribute_filter=self._attribute,
            generic_attribute_prefixes={"aria-"},
            url_schemes={"http", "https", "mailto", "data"},
            url_relative="pass_through",
        )

    def clean(self, fragment: str, picture: str = "Image in this report") -> str:
        """Return a fragment of HTML that neither acts nor loads and fits into the page.

        Parameters
        ----------
        fragment : str
            HTML with inline SVG and MathML, from anyone.
        picture : str
            Text alternative for pictures that bring none.

        Returns
        -------
        str
            Well-formed HTML. Ids that the page holds already have a number behind them, and
            what refers to them within the fragment follows.
        """
        cleaned = self._pass(fragment, {})
        clashes = self._found & self.ids
        if clashes:
            taken = self.ids | self._found
            renamed = {}
            for name in sorted(clashes):
                renamed[name] = free_id(name, taken)
                taken.add(renamed[name])
            cleaned = self._pass(fragment, renamed)
        self.ids |= self._found
        return _completed(cleaned, picture)

    def _pass(self, fragment: str, renamed: dict[str, str]) -> str:
        self._found, self._renamed = set(), renamed
        return self._cleaner.clean(fragment)

    def _attribute(self, tag: str, name: str, value: str) -> str | None:
        """Decide on one attribute: its value, another value, or None to drop it."""
        name = name.rpartition(":")[2]
        if name == "id":
            return self._own_id(value)
        if name in _ID_LISTS:
            return " ".join(self._renamed.get(part, part) for part in value.split())
        if name in ("href", "src"):
            return self._reference(tag, value.strip())
        value = _LOCAL_URL.sub(lambda m: f"url(#{self._renamed.get(m[2], m[2])})", value)
        foreign = _LOCAL_URL.sub("", value)
        if name == "style":
            return None if _STYLE_TRICKS.search(foreign) else value
        return None if "url(" in foreign.lower().replace(" ", "") else value

    def _own_id(self, value: str) -> str | None:
        name = self._renamed.get(value, value)
        if not name or any(c.isspace() for c in name) or name in self._found:
            return None
        self._found.add(name)
        return name

    def _reference(self, tag: str, value: str) -> str | None:
        if tag in ("img", "image"):
            return value if _PICTURE.match(value) else None
        if value.startswith("#"):
            return f"#{self._renamed.get(value[1:], value[1:])}"
        if tag == "a" and (_LINK.match(value) or _DOWNLOAD.match(value)):
            return value
        return None


def free_id(name: str, taken: set[str]) -> str:
    """Return `name`, or `name` with the first number that makes it free."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def _completed(html: str, picture: str) -> str:
    """Give pictures without words their alternative, and tables a box to scroll in."""
    boxed: list[bool] = []
    before = ""

    def tag(match: re.Match[str]) -> str:
        nonlocal before
        closing, name, attributes = match.groups()
        outside, before = before, match[0]
        if name == "table":
            if closing:
                return "</table></div>" if boxed and boxed.pop() else match[0]
            boxed.append("ae-scroll" not in outside)
            box = '<div class="scroll" tabindex="0" role="group" aria-label="Table">'
            return box + match[0] if boxed[-1] else match[0]
        if name == "img" and not closing and not re.search(r'\balt="[^"]', attributes):
            plain = re.sub(r'\salt(="")?(?=\s|$)', "", attributes)
            return f'<img alt="{escape(picture)}"{plain}>'
        if name == "svg" and not closing and not _named(attributes, html[match.end() :]):
            return f'<svg role="img" aria-label="{escape(picture)}"{attributes}>'
        return match[0]

    return _TAG.sub(tag, html)


def _named(attributes: str, following: str) -> bool:
    """Tell whether a drawing has a name of its own or says that it is decoration."""
    if re.search(r'\saria-(label|labelledby)="[^"]|\saria-hidden="true"', attributes):
        return True
    return following.lstrip()[:6] == "<title"
