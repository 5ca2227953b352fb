"""Chromium of the system, driven by playwright: no browser is downloaded."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

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


# Not for the session: the driver holds this thread's event loop, and other tests run their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


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
