"""Chromium of the system, driven by playwright: no browser is downloaded."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

# Nothing but the page under test is to make a request.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# Neither for the session, as the driver holds this thread's event loop and other tests run their
# own, nor for each module: it is open from the first test of this folder to the last in a row.
_running = ExitStack()
_chromium = []


@pytest.fixture
def browser() -> object:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not _chromium:
        driver = _running.enter_context(playwright.sync_playwright())
        _chromium.append(driver.chromium.launch(executable_path=CHROMIUM, args=QUIET))
        _running.callback(lambda: _chromium.pop().close())
    return _chromium[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """Close the browser where the next test is none of this folder."""
    try:
        return (yield)
    finally:
        if nextitem is None or nextitem.path.parent != Path(__file__).parent:
            _running.close()


@pytest.fixture
def new_page(browser, request) -> Iterator[Callable[..., object]]:
    """Opens pages in contexts of their own, by the options of ``browser.new_context``.

    What each shows when its test ends, passed or failed, is kept in ``reports/screenshots``
    under the name of the test.
    """
    folder = request.config.rootpath / "reports" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    with ExitStack() as contexts:
        pages = []

        def opened(**options):
            context = contexts.enter_context(browser.new_context(**options))
            pages.append(context.new_page())
            return pages[-1]

        yield opened
        for number, page in enumerate(pages):
            suffix = f"-{number + 1}" if number else ""
            page.screenshot(path=folder / f"{name}{suffix}.png", full_page=True)
