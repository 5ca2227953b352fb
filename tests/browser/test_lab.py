"""`aethermodel lab` opens the notebooks, Run All runs each, sliders move: as a user does it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from quick_parameters import QUICK
from reading import Told, barriers, overflow
from synthetic_calibration import synthetic_calibration

from aethermodel.execute.notebooks import notebooks_folder, parameters_of, read_notebook
from aethermodel.report import export

pytestmark = pytest.mark.browser
NOTEBOOKS = sorted(path.name for path in notebooks_folder().glob("*.ipynb"))
PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A running JupyterLab on a copy of the notebooks: (address with token, folder)."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "calibration.json").write_text(json.dumps(synthetic_calibration().to_json()))
    for name in NOTEBOOKS:
        _copy_with_quick_parameters(name, folder)
    command = [sys.executable, "-m", "aethermodel", "lab", "--no-browser", "--folder", str(folder)]
    if os.geteuid() == 0:
        command.append("--allow-root")
    environment = os.environ | {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    with (folder / "log").open("w+") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            yield _address(folder / "log", server), folder
        finally:
            server.terminate()  # kernels end with their server
            server.wait(120)


def _copy_with_quick_parameters(name: str, folder: Path) -> None:
    notebook = json.loads((notebooks_folder() / name).read_text())
    quick = QUICK[name]
    if {"calibration", "foreign"} <= parameters_of(read_notebook(notebooks_folder() / name)).keys():
        # That they calibrate when given no file is tried by papermill, faster.
        quick = quick | {"calibration": str(folder / "calibration.json"), "foreign": True}
    [cell] = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", ())]
    lines = "".join(f"\n{key} = {value!r}" for key, value in quick.items())
    cell["source"] = "".join(cell["source"]) + lines
    (folder / name).write_text(json.dumps(notebook))


def _address(log: Path, server: subprocess.Popen) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/lab\?token=\w+", log.read_text())
        # Its address is said a moment before it listens.
        if found and answers(int(found[1])):
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


def answers(port: int) -> bool:
    """Say whether somebody listens at a port of this host."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def test_nobody_without_the_token_gets_in(lab):
    address, _ = lab
    with pytest.raises(HTTPError) as refused:
        urlopen(re.sub(r"/lab\?token=.*", "/api/contents", address), timeout=PATIENCE_SECONDS)
    assert refused.value.code == 403


def test_nobody_is_asked_whether_he_wants_news(lab):
    """JupyterLab asked at each start, whatever address the news had."""
    address, _ = lab
    where, token = address.split("/lab?token=")
    request = Request(f"{where}/lab/api/settings/@jupyterlab/apputils-extension:notification")
    request.add_header("Authorization", f"token {token}")
    with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        asked = json.loads(answer.read())["schema"]["properties"]
    assert asked["fetchNews"]["default"] == "false"
    assert asked["checkForUpdates"]["default"] is False


@pytest.fixture
def opened(lab, new_page):
    """Opens a notebook, ready to run, and allows no call beyond loopback; its kernel ends here."""
    address, _ = lab
    told = []

    def at(name):
        page = new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * PATIENCE_SECONDS)  # a busy host draws late
        told.append(Told(page))
        # A workspace of its own: JupyterLab would open again what another test had open.
        page.goto(address.replace("/lab?", f"/lab/workspaces/{name[:2]}/tree/{name}?"))
        page.wait_for_selector("text=Python 3 (ipykernel) | Idle")
        return page

    yield at
    asked = {re.sub(r"^(blob:|ws:|http:|//)*", "", url) for each in told for url in each.requests}
    assert not [url for url in asked if not url.startswith(("127.0.0.1:", "data:"))]
    for session in _asked(address, "GET", "sessions"):
        _asked(address, "DELETE", f"sessions/{session['id']}")


def _asked(address, method, what):
    where, token = address.split("/lab?token=")
    request = Request(f"{where}/api/{what}", method=method)
    request.add_header("Authorization", f"token {token}")
    with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.loads(answer.read() or "null")


def _run_all(page, path):
    """Run all cells and return the notebook as saved: JupyterLab draws only the cells in view."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    notebook = _executed(page, path)
    assert not [o for o in _outputs(notebook) if o["output_type"] == "error"]
    return notebook


def test_run_all_and_what_is_exported(lab, opened, new_page, tmp_path):
    """Any notebook will do for what JupyterLab does to it; the pages of all are the site's."""
    _, folder = lab
    name = "10_upper_bound.ipynb"
    shown = opened(name)
    seen = _run_all(shown, folder / name)
    assert any("<svg" in "".join(o.get("data", {}).get("text/html", "")) for o in _outputs(seen))
    assert "notified" not in shown.inner_text("body")
    # A copy: JupyterLab may be saving its own once more.
    (tmp_path / name).write_text(json.dumps(seen))
    page = new_page(viewport={"width": 360, "height": 740}, offline=True, bypass_csp=True)
    told = Told(page)
    page.goto(export(tmp_path / name, tmp_path / f"{name}.html").as_uri())
    assert not told.complaints
    assert not overflow(page)
    assert not barriers(page)


def test_sliders_redraw(lab, opened, record_property):
    _, folder = lab
    name = "60_what_if.ipynb"
    page = opened(name)
    executed = _run_all(page, folder / name)
    image = page.locator(".jp-OutputArea img.widget-image")
    image.scroll_into_view_if_needed()
    seen = [_shown(page, image)]
    sliders = page.locator(".widget-hslider .noUi-handle")
    sliders.nth(0).focus()
    page.keyboard.press("ArrowRight")
    seen.append(_changed(page, image, seen))
    box = sliders.nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    page.mouse.up()
    seen.append(_changed(page, image, seen))
    assert len(set(seen)) == 3
    assert not page.locator(".jp-OutputArea [data-mime-type*=stderr]").count()
    [redraw] = [o["text"] for o in _outputs(executed) if "One redraw takes" in str(o.get("text"))]
    record_property("told", "".join(redraw).strip())


# The next drawing may come while this one is decoded: then decoding is refused.
DECODED = """async image => {
    for (let tries = 0; tries < 100; tries++) {
        try { return await image.decode(); }
        catch { await new Promise(later => setTimeout(later, 50)); }
    }
}"""


def _shown(page, image):
    """The drawing itself: the address of the image changes with each drawing, same or not."""
    image.evaluate(DECODED)
    return image.screenshot()


def _changed(page, image, before):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if _shown(page, image) not in before:
            page.wait_for_timeout(500)  # the last redraw of a drag
            return _shown(page, image)
        page.wait_for_timeout(100)
    raise AssertionError("the slider moved and the drawing stayed as it was")


def _outputs(notebook):
    return [output for cell in _code(notebook) for output in cell["outputs"]]


def _code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _executed(page, path):
    """Save until the file says that every code cell was executed; return what it says."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(1)
        page.keyboard.press("Control+s")
        try:
            notebook = json.loads(path.read_text())
        except json.JSONDecodeError:  # JupyterLab is writing it
            continue
        done = [cell["execution_count"] for cell in _code(notebook)]
        failed = any(o["output_type"] == "error" for o in _outputs(notebook))
        if failed or all(done):
            return notebook
    raise AssertionError(f"{path.name}: {sum(map(bool, done))} of {len(done)} cells were executed")
