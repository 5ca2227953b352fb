"""`aethermodel lab`: JupyterLab on the notebooks."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer


def command(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="port; 0 takes a free one")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="a folder of notebooks [default: the project's]",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="open a browser window")] = True,
    allow_root: Annotated[
        bool, typer.Option("--allow-root", help="run as root, as in a container")
    ] = False,
) -> None:
    """Open the notebooks in JupyterLab, on loopback only, with a fresh random token.

    Example: aethermodel lab --no-browser
    """
    from aethermodel.execute.notebooks import notebooks_folder

    if find_spec("jupyterlab") is None:
        raise ValueError("JupyterLab is not installed; pip install 'aethermodel[lab]'")
    if os.geteuid() == 0 and not allow_root:
        raise ValueError("JupyterLab as root gives root to whoever has its token; add --allow-root")
    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={folder or notebooks_folder()}",
        # Nothing here is to call anywhere: no news, no check for a newer version. That nobody is
        # asked whether he wants them is among the defaults (`_defaults`).
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if not browser:
        arguments.append("--no-browser")
    if allow_root:
        arguments.append("--allow-root")
    # Without a token set from outside, the server draws a random one of 192 bits and shows it.
    environment = {key: value for key, value in os.environ.items() if key != "JUPYTER_TOKEN"}
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        filter(None, (environment.get("JUPYTER_CONFIG_PATH"), str(_defaults())))
    )
    os.execve(sys.executable, arguments, environment)


def _defaults() -> Path:
    """Return the folder of the settings that JupyterLab starts with; a user's own win over them.

    JupyterLab reads ``labconfig/default_setting_overrides.json`` in every folder of its
    configuration path.
    """
    from importlib.resources import files

    # An editable install maps single files to the checkout; a file leads to its folder.
    folder = files("aethermodel") / "data" / "jupyter" / "labconfig"
    return Path(str(folder / "default_setting_overrides.json")).parents[1]
