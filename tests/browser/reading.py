"""Reading of an exported report, as a reader's software does it."""

from pathlib import Path

import pytest

axe_playwright_python = pytest.importorskip(
    "axe_playwright_python", reason="axe-playwright-python is not installed"
)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")

#: Elements that reach beyond the right edge though no box of their own scrolls.
_WIDER = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .filter(e => e.checkVisibility() && !e.closest('svg svg, math *'))
  .filter(e => { for (let p = e; p; p = p.parentElement)
    if (getComputedStyle(p).overflowX !== 'visible') return false; return true; })
  .map(e => e.outerHTML.slice(0, 120))"""

_BOXES = """selector => [...document.querySelectorAll(selector)].map(e => {
  for (let p = e; p; p = p.parentElement) if (p.tagName === 'DETAILS') p.open = true;
  const box = e.getBoundingClientRect();
  return [box.width, box.height, e.textContent.trim().slice(0, 60)]; })"""

_WORDS = """() => [...document.querySelectorAll('svg, img')]
  .filter(e => e.getAttribute('aria-hidden') !== 'true')
  .map(e => e.tagName === 'img' ? e.alt : (e.getAttribute('aria-labelledby') ?? '').split(' ')
    .map(id => document.getElementById(id)?.textContent ?? '').join(' ')
    || (e.getAttribute('aria-label') ?? e.querySelector('title')?.textContent ?? ''))"""


#: What stands at the end of a page though what it announces is on the next one. A column of the
#: height of a page breaks as paper does, and says where everything is. Each piece is shown with
#: the next one alone, so that every break within them can be tried.
_PARTED = """height => {
  const main = document.querySelector('main');
  const pieces = [...main.children], parted = [];
  main.style.cssText = `height: ${height}px; columns: 1; column-gap: 0; column-fill: auto`;
  const lead = main.insertBefore(document.createElement('div'), main.firstChild);
  const width = main.clientWidth;
  const seen = e => e && e.checkVisibility() && e.getClientRects()[0];
  const page = e => Math.round(e.getClientRects()[0].left / width - .45);
  const spoken = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  const inner = e => { if (!spoken(e)) for (const child of e.children)
    if (seen(child)) return inner(child);
    return e; };
  const next = e => { for (; e && e !== main; e = e.parentElement)
    for (let n = e.nextElementSibling; n; n = n.nextElementSibling) if (seen(n)) return inner(n); };
  pieces.forEach((piece, at) => {
    pieces.forEach((other, i) => { other.hidden = i !== at && i !== at + 1; });
    const pairs = [];
    for (const e of piece.querySelectorAll('h1, h2, h3, h4, .ae-heading, .ae-headline, figcaption'))
      pairs.push(e.matches('figcaption') ? [e.parentElement.querySelector('svg'), e]
        : [e, next(e)]);
    for (const e of piece.querySelectorAll('thead'))
      pairs.push([e, e.parentElement.querySelector('tbody tr')]);
    const shown = pairs.filter(([e, after]) => seen(e) && seen(after));
    for (let gap = shown.length ? height - 420 : height; gap < height; gap += 14) {
      lead.style.height = `${gap}px`;
      for (const [e, after] of shown) if (page(e) !== page(after))
        parted.push(`${e.tagName} ${e.textContent.trim().slice(0, 40)}`); } });
  return [...new Set(parted)]; }"""


class Told:
    """Everything that a page asks for, and everything that it complains of, as it happens."""

    def __init__(self, page) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)

    def _said(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def barriers(page) -> list[str]:
    """Findings of axe-core that are serious or critical, each with the first elements it names.

    The debugger brings axe into the page: the file keeps its policy, under which no script runs.
    """
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"]  # it did look
    return [
        f"{rule['id']}: {rule['help']}: {[node['html'][:160] for node in rule['nodes'][:4]]}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


def overflow(page) -> list[str]:
    """Elements that make the page itself scroll sideways."""
    page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    needed, given = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    if needed <= given + 1:  # as below: widths are rounded
        return []
    return page.evaluate(_WIDER) or [f"(no single element): {needed} of {given} pixels"]


def parted(page, width: int, height: int) -> list[str]:
    """Headings, heads of tables and figures that a break parts from what follows them.

    Each is tried near the end of a page, at 30 places.
    """
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(media="print")
    return page.evaluate(_PARTED, height)


def boxes(page, selector: str) -> list[tuple[float, float, str]]:
    """Width, height and text of elements, the folds around them opened."""
    return [tuple(box) for box in page.evaluate(_BOXES, selector)]


def alternatives(page) -> list[str]:
    """The text alternative of every picture that is not decoration."""
    return page.evaluate(_WORDS)
