"""`aethermodel lab` opens the notebooks, and Run All runs each of them, as a user does it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from quick_parameters import QUICK

from aethermodel.execute.notebooks import notebooks_folder

pytestmark = pytest.mark.browser
NOTEBOOKS = sorted(path.name for path in notebooks_folder().glob("*.ipynb"))
PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A running JupyterLab on a copy of the notebooks: (address with token, folder)."""
    folder = tmp_path_factory.mktemp("lab")
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
            server.wait(30)


def _copy_with_quick_parameters(name: str, folder: Path) -> None:
    notebook = json.loads((notebooks_folder() / name).read_text())
    [cell] = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", ())]
    quick = "".join(f"\n{key} = {value!r}" for key, value in QUICK[name].items())
    cell["source"] = "".join(cell["source"]) + quick
    (folder / name).write_text(json.dumps(notebook))


def _address(log: Path, server: subprocess.Popen) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", log.read_text()):
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


def test_nobody_without_the_token_gets_in(lab):
    address, _ = lab
    with pytest.raises(HTTPError) as refused:
        urlopen(re.sub(r"/lab\?token=.*", "/api/contents", address), timeout=10)
    assert refused.value.code == 403


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_run_all(lab, browser, name):
    """Judged by the saved notebook: JupyterLab draws only the cells in view."""
    address, folder = lab
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        # A workspace of its own: JupyterLab would open again what another test had open.
        page.goto(address.replace("/lab?", f"/lab/workspaces/{name[:2]}/tree/{name}?"))
        page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        cells = _executed(page, folder / name)
    finally:
        page.close()
    errors = [o for cell in cells for o in cell["outputs"] if o["output_type"] == "error"]
    assert not errors
    assert any("<svg" in "".join(o.get("data", {}).get("text/html", "")) for o in _outputs(cells))


def _outputs(cells):
    return [output for cell in cells for output in cell["outputs"]]


def _executed(page, path):
    """Save until the file says that every code cell was executed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(1)
        page.keyboard.press("Control+s")
        try:
            notebook = json.loads(path.read_text())
        except json.JSONDecodeError:  # JupyterLab is writing it
            continue
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        done = [cell["execution_count"] for cell in cells]
        failed = any(o["output_type"] == "error" for o in _outputs(cells))
        if failed or all(done):
            return cells
    raise AssertionError(f"{path.name}: {sum(map(bool, done))} of {len(done)} cells were executed")
