"""Extra-P, run by an interpreter that has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from aethermodel.calibrate.benchmark import extrap_peer


def ask_extrap(interpreter: str | Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Fit and predict by Extra-P.

    Parameters
    ----------
    interpreter : str or pathlib.Path
    asked : dict
        What `extrap_peer` reads: sizes, times, the sizes asked for, and the modeler.

    Raises
    ------
    ValueError
        If the interpreter cannot run it.
    """
    try:
        answer = subprocess.run(
            [str(interpreter), extrap_peer.__file__],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
        )
    except OSError as error:
        raise ValueError(f"cannot run Extra-P's interpreter {interpreter}: {error}") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise ValueError(f"Extra-P failed under {interpreter}: {last}") from None
    found: dict[str, Any] = json.loads(answer.stdout)
    return found
