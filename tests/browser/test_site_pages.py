"""Pages of all notebooks as `make docs` leaves them, on a phone: nothing cut off, no barrier."""

from pathlib import Path

import pytest
from reading import Told, barriers, overflow

pytestmark = pytest.mark.browser
NOTEBOOKS = sorted(path.stem for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SITE = Path(__file__).parents[2] / "build" / "site" / "notebooks"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebooks_page_fits_a_phone(new_page, name):
    path = SITE / f"{name}.html"
    if not path.exists():
        pytest.skip("the site is not built (make docs)")
    page = new_page(viewport={"width": 360, "height": 740}, offline=True, bypass_csp=True)
    told = Told(page)
    page.goto(path.as_uri())
    assert not told.complaints
    assert not overflow(page)
    assert not barriers(page)
