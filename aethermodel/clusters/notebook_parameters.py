"""Parameters of a notebook on a cluster."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from aethermodel.clusters.analysis import Analysis


class ClusterParameters(BaseModel):
    """Which cluster to look at.

    Attributes
    ----------
    cluster : str
        A cluster file; empty: the sample, data/cluster.toml.
    changes : str
        Other settings with semicolons between them, such as
        ``consumers.count=32; links.rate=100 Gbit/s``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster: str = ""
    changes: str = ""

    def analysis(self) -> Analysis:
        """Read the file.

        Raises
        ------
        InputError
            If it describes no cluster.
        """
        from aethermodel.clusters.analysis import Analysis
        from aethermodel.clusters.cluster_file import load_cluster

        sample = files("aethermodel") / "data" / "cluster.toml"
        changes = [text.strip() for text in self.changes.split(";") if text.strip()]
        return Analysis.of(load_cluster(self.cluster or str(sample), changes))
