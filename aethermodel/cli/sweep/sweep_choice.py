"""Choice of a sweep: its file, its store and the options that change it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aethermodel.sweep.plan import Sweep
    from aethermodel.sweep.store import Store

#: Options of a sweep that a command line may give, and their names in a sweep file.
_SETTINGS = {
    "probe": "probe",
    "notebook": "notebook",
    "repeats": "repeats",
    "samples": "samples",
    "sample_seconds": "sample_seconds",
    "timeout": "timeout_seconds",
    "noise_gate": "noise_gate",
    "retries": "retries",
    "seed": "seed",
}


def sweep_and_store(given: dict[str, Any]) -> tuple[Sweep, Store]:
    """Put file, store and options together; options win."""
    from aethermodel.inputs.input_files import refusing
    from aethermodel.output_files import check_apart
    from aethermodel.sweep.plan import Sweep, parse_axes, read_sweep_file
    from aethermodel.sweep.store import Store

    if given["reuse"] not in ("params", "code", "strict"):
        raise ValueError(f"--reuse is params, code or strict, not {given['reuse']!r}")
    source: Path | None = given["source"]
    base: dict[str, Any] = {}
    stored: Sweep | None = None
    folder: Path | None = given["store"]
    if source is not None and source.is_dir():
        stored = Store(source).sweep()
        folder = folder or source
    elif source is not None:
        base = read_sweep_file(source)
        folder = folder or Path("sweeps") / source.stem
    elif folder is not None and not any(given.get(x) for x in ("probe", "notebook", "pipeline")):
        stored = Store(folder).sweep()
    if stored:
        base = stored.model_dump()
    for option, name in _SETTINGS.items():
        if given.get(option) is not None:
            base[name] = given[option]
    if own := given.get("pipeline"):
        _of_a_pipeline(base, own)
    if axes := parse_axes(given.get("parameter") or ()):
        base["parameters"] = {**(base.get("parameters") or {}), **axes}
    if not base:
        more = ", --probe or --notebook" if "probe" in given else ""
        raise ValueError(f"wanted: a sweep file, or the folder of a store{more}")
    if stored and base == stored.model_dump():
        sweep = stored
    elif source is not None and source.is_file():
        with refusing(source):
            sweep = Sweep.model_validate(base)
    else:
        sweep = Sweep.model_validate(base)
    if folder is None:
        own = Path(str(given["pipeline"]).partition(":")[0]).stem if given.get("pipeline") else ""
        folder = Path("sweeps") / (own or Path(sweep.probe or sweep.notebook or "").stem)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: the store of a sweep is a folder")
    store = Store(folder)
    if json := given["json"]:
        check_apart(json, sweep.target.files)
        if json != "-":
            store.check_outside(Path(json))
    return sweep, store


def _of_a_pipeline(base: dict[str, Any], reference: str) -> None:
    """Let a sweep time a pipeline of one's own: the whole, or the term that is an axis.

    Raises
    ------
    ValueError
        If the sweep is of something else already, or the pipeline cannot be loaded.
    """
    from aethermodel.cli.pipelines.pipeline_choice import chosen
    from aethermodel.pipelines.pipeline_file import load_pipeline

    if base.get("probe") not in (None, "stage") or base.get("notebook"):
        raise ValueError("--pipeline is a sweep of its own: leave out --probe and --notebook")
    named = chosen(None, reference)
    assert named is not None
    base["probe"] = "stage"
    axes = dict(base.get("parameters") or {})
    base["parameters"] = {**axes, "pipeline": [load_pipeline(named).reference]}
