"""`aethermodel init`: a pipeline of one's own to start from, with its test, sweep and notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aethermodel.cli.shared import options

#: What is written, by where it comes from.
_FILES = {"orders.py": "orders.py", "test_orders.py": "test_orders.py", "sweep.toml": "sweep.toml"}
_NOTEBOOK = "95_own_pipeline.ipynb"


def command(
    folder: Annotated[Path, typer.Argument(help="folder to write into; made if it is not there")],
    force: options.Force = False,
) -> None:
    """Write a pipeline to start from: orders.py, test_orders.py, sweep.toml, orders.ipynb.

    Example: aethermodel init mine && cd mine && aethermodel validate orders.py
    """
    from importlib.resources import files

    from aethermodel.cli.shared.outputs import refuse_existing
    from aethermodel.execute.notebooks import notebooks_folder
    from aethermodel.output_files import write_whole

    source = files("aethermodel") / "data" / "pipeline"
    texts = {folder / name: (source / own).read_text("utf-8") for name, own in _FILES.items()}
    notebook = (notebooks_folder() / _NOTEBOOK).read_text("utf-8")
    # The parameter's empty default is the sample; here it is the file beside the notebook.
    texts[folder / "orders.ipynb"] = notebook.replace(
        'pipeline = \\"\\"', 'pipeline = \\"orders.py\\"', 1
    )
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: not a folder")
    refuse_existing(texts, force=force)
    for path, text in texts.items():
        write_whole(path, text)
        typer.echo(path)
    typer.echo(f"Next: cd {folder} && aethermodel calibrate orders.py --json calibration.json")
