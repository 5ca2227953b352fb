"""Parameter models of notebooks by name: the project's own, and those of installed packages.

A notebook is a file from outside: it names a model, and never a module. An installed package adds
models of its own by entry points of the group ``aethermodel.parameters``:

    [project.entry-points."aethermodel.parameters"]
    mine = "my_package.settings:Mine"
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from pydantic import BaseModel

from aethermodel.inputs.refusals import quoted

GROUP = "aethermodel.parameters"

_OWN = {
    "batch": ("aethermodel.measure.probes.settings", "BatchSettings"),
    "campaign": ("aethermodel.measure.campaign.campaign_settings", "Campaign"),
    "cluster": ("aethermodel.clusters.notebook_parameters", "ClusterParameters"),
    "latency": ("aethermodel.bench.latency.latency_campaign", "LatencyCampaign"),
    "own-measurements": ("aethermodel.report.laws.own_measurements", "OwnMeasurements"),
    "own-pipeline": ("aethermodel.report.pipelines.own_pipeline", "OwnPipeline"),
    "rdma": ("aethermodel.report.figures.rdma_plan", "RdmaParameters"),
    "scale-out": ("aethermodel.sweep.scale_out", "ScaleOutCampaign"),
}


def parameter_model(name: str) -> type[BaseModel]:
    """Return the model of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name in _OWN:
        module, attribute = _OWN[name]
        model = getattr(import_module(module), attribute)
    else:
        declared = {entry.name: entry for entry in entry_points(group=GROUP)}
        if name not in declared:
            raise ValueError(
                f"the notebook's metadata name {quoted(name)} for its parameters; there are "
                f"{', '.join([*_OWN, *declared])}"
            )
        model = declared[name].load()
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ValueError(f"{name!r}, declared for a notebook's parameters, is no pydantic model")
    return model
