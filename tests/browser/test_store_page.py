"""The report of a store as it is read: nothing cut off on a desk, nothing cramped on a phone."""

import pytest
from reading import barriers, overflow

from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.report.sweep.store_page import find_calibration, store_report
from tools.report_example import write_store

pytestmark = pytest.mark.browser

_CUT = """() => [...document.querySelectorAll('.ae-scroll, .ae-formula, pre')]
  .filter(e => e.scrollWidth > e.clientWidth && !e.closest('details:not([open])'))
  .map(e => e.textContent.trim().slice(0, 80))"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = write_store(tmp_path_factory.mktemp("s") / "store")
    report = store_report(SweepResult.load(folder), find_calibration(folder, None))
    path = folder / "report.html"
    path.write_text(report.html())
    return path


@pytest.fixture
def opened(new_page, page_file):
    def at(width, **options):
        page = new_page(viewport={"width": width, "height": 900}, offline=True, **options)
        page.goto(page_file.as_uri(), wait_until="load")
        return page

    return at


def test_on_a_desk_nothing_has_to_be_scrolled_sideways(opened):
    assert opened(1200).evaluate(_CUT) == []


def test_on_a_phone_the_command_is_whole_and_facts_stand_below_their_names(opened):
    page = opened(360, bypass_csp=True)
    assert not [text for text in page.evaluate(_CUT) if text.startswith("aethermodel sweep run")]
    name, fact = (page.locator(f".ae-host {tag}").first.bounding_box() for tag in ("dt", "dd"))
    assert fact["y"] >= name["y"] + name["height"]
    assert not overflow(page)
    assert not barriers(page)
