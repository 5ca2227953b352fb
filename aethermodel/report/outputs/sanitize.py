"""Sanitiser of notebook outputs: keeps structure and drawings, drops behaviour.

Outputs come from whatever ran in the notebook. They are put into canonical form
(`aethermodel.report.outputs.fragment`), and the well-kept sanitizer nh3 (Rust's ammonia) keeps only
the elements and attributes named here. This module adds what a one-file report needs: no loads from
anywhere, each id once on the page, a text alternative on every picture, and a box that scrolls
around every table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape, unescape
from typing import cast

import nh3

from aethermodel.report.outputs.fragment import HTML, MATHML, SVG, Fragment, read_fragment, unmarked
from aethermodel.report.outputs.ids import Ids
from aethermodel.report.outputs.losses import Kind, Loss
from aethermodel.report.outputs.stylesheet import declarations, sheet


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


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
_LINKS |= {"source": {"src"}, "audio": {"src"}, "video": {"src"}}
_SOUND = frozenset({"audio", "video", "source"})
_FORGET = {"script", "style", "iframe", "object", "embed", "noscript", "template", "foreignObject"}
# By these the page shows its own parts; what has them in an output means something else.
_OWN_CLASSES = _names(
    """cell code contents error missing name noted output paper prose skip stderr
stopped"""
)

_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|avif|svg\+xml)[;,]", re.IGNORECASE)
_RECORDING = re.compile(r"data:(audio|video)/[\w.+-]+[;,]", re.IGNORECASE)
_DOWNLOAD = re.compile(r"data:(text/csv|text/plain|application/json)[;,]", re.IGNORECASE)
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
_LOCAL_URL = re.compile(r"""url\(\s*(["']?)#([\w.:-]+)\1\s*\)""", re.IGNORECASE)
_URL = re.compile(r"url\s*\(|image-set|image\s*\(|src\s*\(", re.IGNORECASE)
_ID_LISTS = frozenset({"aria-labelledby", "aria-describedby", "aria-controls", "headers"})
# What nh3 writes has every "<" outside tags escaped and every value in double quotes, so this
# matches exactly the tags.
_TAG = re.compile(r'<(/?)([A-Za-z][\w-]*)((?:[^">]++|"[^"]*+")*+)>')
_TITLED = re.compile(r"\s*<title[\s>]")
_MISSING = "missing:"
_MISSING_SOURCE = re.compile(rf'\ssrc="{_MISSING}([^"]*)"')
_HREF = re.compile(r'\shref="#([^"]*)"')
_ALT = re.compile(r'\salt="([^"]*)"')
_OUR_BLOCK = re.compile(r'\sclass="ae[ "]')
_MOST_SOURCE = 100_000


@dataclass
class Clean:
    """A fragment that neither acts nor loads and fits into the page.

    Attributes
    ----------
    html : str
        Well-formed.
    losses : list of Loss
        What was taken out that a reader would have seen.
    coloured : bool
        It has colours of its own and is read on the light ground that they were chosen for.
    scope : str
        Id that the element around it must have: its style sheet names it. Empty without one.
    ours : bool
        It is a block of this project, whose style the page has.
    """

    html: str
    losses: list[Loss] = field(default_factory=list)
    coloured: bool = False
    scope: str = ""
    ours: bool = False


class Sanitizer:
    """Cleans the fragments of one page.

    Parameters
    ----------
    reserved : iterable of str
        Ids that the page itself uses.

    Attributes
    ----------
    ids : Ids
        The ids that the page holds.
    sheets : list of str
        Style sheets of outputs, each for its own output, to stand in the page's head.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self.ids = Ids(reserved)
        self.sheets: list[str] = []
        self._reference: Callable[[str], str] = str
        self._own_id: Callable[[str], str | None] = str
        self._prefix = ""
        self._coloured = False
        self._cleaner = nh3.Cleaner(
            tags=set(HTML | SVG | MATHML),
            attributes={"*": set(_ATTRIBUTES.split()), **_LINKS},
            clean_content_tags=_FORGET,
            attribute_filter=self._attribute,
            generic_attribute_prefixes={"aria-"},
            set_tag_attribute_values={"audio": {"controls": ""}, "video": {"controls": ""}},
            url_schemes={"http", "https", "mailto", "data"},
            url_relative="pass_through",
        )

    def prose(self, html: str, own: Iterable[str] = ()) -> Clean:
        """Clean a text of the notebook.

        Parameters
        ----------
        html : str
            With inline SVG and MathML, from anyone.
        own : iterable of str
            Ids of its headings, taken from `ids` for it.

        Returns
        -------
        Clean
            Ids that the page holds already have a number behind them, and what refers to them
            within the text follows.
        """
        fragment = read_fragment(html)
        if fragment.too_deep:
            return _source(html)
        headings, renamed = set(own), {"": ""}

        def free(name: str) -> str:
            if name not in renamed:
                renamed[name] = name if name in headings else self.ids.free(name)
            return renamed[name]

        def kept(name: str) -> str:
            return renamed.get(name, name)

        self._pass(fragment, free, kept, "")  # to learn the ids, which what is above may name
        return self._complete(self._pass(fragment, free, kept, ""), fragment, "Image", None)

    def output(self, html: str, picture: str) -> Clean:
        """Clean an output.

        Parameters
        ----------
        html : str
            As for `prose`.
        picture : str
            Text alternative for pictures that bring none.

        Returns
        -------
        Clean
            All its ids, and all references to them, have a prefix that no other output has.
        """
        fragment = read_fragment(html)
        if fragment.too_deep:
            return _source(html)
        scope = self.ids.output()
        prefix, found = f"{scope}.", set()

        def prefixed(name: str) -> str:
            return prefix + name

        def own(name: str) -> str:
            found.add(name)
            return prefixed(name)

        cleaned = self._pass(fragment, own, prefixed, prefix)
        clean = self._complete(cleaned, fragment, picture, (prefix, found))
        # The page has the style of our own blocks already.
        for text in () if clean.ours else fragment.sheets:
            css = sheet(text, scope, prefix)
            if css.text:
                self.sheets.append(css.text)
                clean.scope = scope
                clean.coloured |= css.coloured
        return clean

    def _pass(
        self,
        fragment: Fragment,
        own_id: Callable[[str], str],
        reference: Callable[[str], str],
        prefix: str,
    ) -> str:
        seen: set[str] = set()

        def once(name: str) -> str | None:
            if not name or any(c.isspace() for c in name) or name in seen:
                return None
            seen.add(name)
            return own_id(name)

        self._own_id, self._reference, self._prefix = once, reference, prefix
        self._coloured = False
        return unmarked(self._cleaner.clean(fragment.html))

    def _complete(
        self, cleaned: str, fragment: Fragment, picture: str, own: tuple[str, set[str]] | None
    ) -> Clean:
        completion = _Completion(picture, own)
        html = completion.of(cleaned)
        acting = [Loss(cast(Kind, kind), address) for kind, address in fragment.acting]
        # Drawings have black ink unless they say otherwise; our own follow the page's colours.
        coloured = self._coloured or (own is not None and "<svg" in html)
        ours = bool(_OUR_BLOCK.search(html))
        return Clean(html, [*acting, *completion.losses], coloured and not ours, ours=ours)

    def _attribute(self, tag: str, name: str, value: str) -> str | None:
        """Decide on one attribute: its value, another value, or None to drop it."""
        name = name.rpartition(":")[2]
        if name == "id":
            return self._own_id(value)
        if name in _ID_LISTS:
            return " ".join(map(self._reference, value.split()))
        if name in ("href", "src"):
            return self._address(tag, value.strip())
        if name == "class":
            return " ".join(c for c in value.split() if c not in _OWN_CLASSES) or None
        if name == "tabindex":
            return value if value in ("0", "-1") else None
        if name == "style":
            css = declarations(value, self._prefix)
            self._coloured |= css.coloured
            return css.text or None
        value = _LOCAL_URL.sub(lambda m: f"url(#{self._reference(m[2])})", value)
        return None if _URL.search(_LOCAL_URL.sub("", value)) else value

    def _address(self, tag: str, value: str) -> str | None:
        if tag == "image":
            return value if _PICTURE.match(value) else None
        if tag == "img":
            return value if _PICTURE.match(value) else _MISSING + value
        if tag in _SOUND:
            return value if _RECORDING.match(value) else _MISSING + value
        if value.startswith("#"):
            return f"#{self._reference(value[1:])}"
        if tag == "a" and (_LINK.match(value) or _DOWNLOAD.match(value)):
            return value
        return None


def _source(html: str) -> Clean:
    """Show HTML that cannot be read as what it is: text."""
    more = "" if len(html) <= _MOST_SOURCE else f"\n... {len(html) - _MOST_SOURCE:,} more"
    text = escape(html[:_MOST_SOURCE]) + more
    return Clean(f'<pre tabindex="0">{text}</pre>', [Loss("deep", part=True)])


class _Completion:
    """Gives pictures without words their alternative, and tables a box to scroll in."""

    def __init__(self, picture: str, own: tuple[str, set[str]] | None) -> None:
        self.losses: list[Loss] = []
        self._picture = picture
        self._own = own
        self._boxed: list[bool] = []
        self._before = ""
        self._html = ""

    def of(self, html: str) -> str:
        """Complete a fragment that the sanitizer wrote."""
        self._html = html
        return _TAG.sub(self._tag, html)

    def _tag(self, match: re.Match[str]) -> str:
        closing, name, attributes = match.groups()
        outside, self._before = self._before, match[0]
        if name == "table":
            return self._table(match[0], bool(closing), outside)
        if closing:
            return match[0]
        if name == "img":
            return self._img(attributes)
        if name == "svg" and not self._is_named(attributes, match.end()):
            return f'<svg role="img" aria-label="{escape(self._picture)}"{attributes}>'
        if name in _SOUND and (missing := _MISSING_SOURCE.search(attributes)):
            self.losses.append(Loss("sound", unescape(missing[1])))
            return f"<{name}{_MISSING_SOURCE.sub('', attributes)}>"
        if name == "a" and self._own:
            return f"<a{_HREF.sub(self._link, attributes)}>"
        return match[0]

    def _table(self, tag: str, closing: bool, outside: str) -> str:
        if closing:
            return "</table></div>" if self._boxed and self._boxed.pop() else tag
        self._boxed.append("ae-scroll" not in outside)
        box = '<div class="ae-scroll" tabindex="0" role="group" aria-label="Table">'
        return box + tag if self._boxed[-1] else tag

    def _img(self, attributes: str) -> str:
        alt = _ALT.search(attributes)
        words = alt[1] if alt and alt[1].strip() else ""
        missing = _MISSING_SOURCE.search(attributes)
        if missing or not re.search(r"\ssrc=", attributes):
            return self._missing(unescape(missing[1]) if missing else "", words)
        if words:
            return f"<img{attributes}>"
        plain = re.sub(r'\salt(="[^"]*")?(?=\s|$)', "", attributes)
        return f'<img alt="{escape(self._picture)}"{plain}>'

    def _missing(self, address: str, words: str) -> str:
        """Name a picture that is not in the notebook; `words` is escaped already."""
        shown = "" if address.startswith("data:") else address
        self.losses.append(Loss("picture", shown))
        named = words or escape(shown[:80]) or "without a name"
        if shown.startswith(("http://", "https://")):
            named = f'<a rel="noopener noreferrer" href="{escape(shown)}">{named}</a>'
        return f'<span class="missing">Picture not shown: {named}</span>'

    def _link(self, href: re.Match[str]) -> str:
        """Let a link to what is not in the output lead to where the page has it."""
        prefix, found = self._own or ("", set())
        name = unescape(href[1]).removeprefix(prefix)
        return href[0] if name in found else f' href="#{escape(name)}"'

    def _is_named(self, attributes: str, place: int) -> bool:
        """Tell whether a drawing has a name of its own or says that it is decoration."""
        if re.search(r'\saria-(label|labelledby)="[^"]|\saria-hidden="true"', attributes):
            return True
        return bool(_TITLED.match(self._html, place))
