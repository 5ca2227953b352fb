"""Identity of a run: the key of parameters, code and host."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from aethermodel.inputs.fields import Content, Id, Line
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.target import NotebookTarget

#: How much has to be unchanged for a finished point to count: its parameters; and the
#: code and extensions; and the host with its interpreter and libraries.
Reuse = Literal["params", "code", "strict"]

# What can change the figure of a probe, with the child's own work. A change to a report
# changes none.
_MEASURING = ("bus", "measure")


class Conditions(Content):
    """What a point ran under, besides its parameters.

    Attributes
    ----------
    code, extensions : str
        SHA-256 of the Python sources that a figure depends on, and of the compiled kernels.
    host : str
        Id of the host's fingerprint.
    environment : str
        Interpreter and libraries.
    """

    code: Id
    extensions: Id
    host: Id
    environment: Line


def _digest(parts: list[tuple[str, bytes]]) -> str:
    whole = hashlib.sha256()
    for name, content in sorted(parts):
        # Lengths, so that no two lists of files can give the same bytes.
        whole.update(f"{name}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def _sources(folder: Path) -> list[tuple[str, bytes]]:
    return [(str(p.relative_to(folder.parent)), p.read_bytes()) for p in folder.rglob("*.py")]


@cache
def _extensions() -> str:
    # By the stubs that lie beside them, not by what happens to be loaded: a worker
    # and its client load different ones, and must come to the same key.
    kernels = Path(str(files("cython_core") / "py.typed")).parent
    stubs = (p.relative_to(kernels).with_suffix("").parts for p in kernels.rglob("*.pyi"))
    found = []
    # Without libibverbs the verbs are not there, and no key says so.
    for name in sorted(".".join(parts) for parts in stubs if parts[0] != "verbs"):
        spec = find_spec(f"cython_core.{name}")
        if spec and spec.origin and not spec.origin.endswith(".py"):
            found.append((name, Path(spec.origin).read_bytes()))
    return _digest(found)


def _own_pipelines(sweep: Sweep, package: Path) -> list[tuple[str, bytes]]:
    """Return the files of pipelines of one's own that a sweep times, and what runs them."""
    files = [Path(str(text).rpartition(":")[0]) for text in sweep.parameters.get("pipeline", ())]
    if sweep.probe != "stage":
        return []
    own = [(str(file), file.read_bytes()) for file in files if file.is_file()]
    return own + _sources(package / "pipelines")


def conditions_of(sweep: Sweep) -> Conditions:
    """Return the conditions that a sweep's points have on this host, now."""
    import aethermodel
    from aethermodel.measure.host.fingerprint import this_host

    package = Path(str(aethermodel.__file__)).parent
    if isinstance(sweep.target, NotebookTarget):
        sources = [*_sources(package), ("notebook", sweep.target.code.encode())]
    else:
        measured = package / "sweep" / "measured.py"
        sources = [(measured.name, measured.read_bytes())]
        sources += [part for name in _MEASURING for part in _sources(package / name)]
        sources += _own_pipelines(sweep, package)
    host = this_host()
    return Conditions(
        code=_digest(sources),
        extensions=_extensions(),
        host=host.id,
        environment=" ".join([host.python, *(f"{n} {v}" for n, v in host.libraries.items())]),
    )


def identity(sweep: Sweep, job: Job, conditions: Conditions, reuse: Reuse = "strict") -> str:
    """Return what two runs of a point have in common if one can stand for the other.

    Parameters
    ----------
    sweep : Sweep
        For the target, and how it samples.
    job : Job
    conditions : Conditions
    reuse : {"params", "code", "strict"}
        How much is compared. The strict one is the point's key in the store.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    parts: dict[str, Any] = {
        "target": sweep.target.name,
        "parameters": job.parameters,
        "repeat": job.repeat,
    }
    if sweep.probe:
        parts |= {"samples": sweep.samples, "sample_seconds": sweep.sample_seconds}
    if reuse != "params":
        parts |= {"code": conditions.code, "extensions": conditions.extensions}
    if reuse == "strict":
        parts |= {"host": conditions.host, "environment": conditions.environment}
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
