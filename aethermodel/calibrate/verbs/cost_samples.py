"""Samples of the verbs send path, one setting a row."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from aethermodel.inputs.fields import Content, Fingerprint, Line, Times
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import parse_json

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = "aethermodel.bench.rdma/1"
#: Columns that say how a batch was sent.
SETTING = ("messages", "message_bytes", "list_length", "signal_every", "window", "inline")
#: Most bytes of a file.
_MOST = 64 * 2**20
COMMITTED = "data/soft-roce-sweep.json"


Count = Annotated[int, Field(ge=1, le=2**40)]


class Row(Content):
    """One setting and its samples.

    Attributes
    ----------
    held_out : bool
        Decided by the design, before anything was measured.
    posts, completions : int
        A batch, as counted; the formulas say ceil(N/p) and ceil(N/k).
    packets : int or None
        A batch, as the driver counted them, acknowledgements included: N (ceil(b/MTU) + 1)
        where every message is acknowledged and none sent again; None where it does not tell.
    samples_seconds : list of list of float
        Seconds a batch: by process, then in the order in which they were taken.
    noisy : int
        Samples that were disturbed and kept for want of better ones.
    """

    messages: Count
    message_bytes: Count
    list_length: Count
    signal_every: Count
    window: Count
    inline: bool
    held_out: bool
    posts: Count
    completions: Count
    packets: Annotated[int, Field(ge=0, le=2**50)] | None = None
    samples_seconds: list[Times] = Field(min_length=1, max_length=10_000)
    noisy: int = Field(0, ge=0, le=2**40)

    @model_validator(mode="after")
    def _sound(self) -> Row:
        if not all(self.samples_seconds):
            raise ValueError("samples_seconds must be positive figures, some in each process")
        for name, each in (("posts", self.list_length), ("completions", self.signal_every)):
            formula = -(-self.messages // each)
            if getattr(self, name) != formula:
                raise ValueError(f"{name} are {getattr(self, name)}, by the formula {formula}")
        return self


class VerbsSamples(Content):
    """One sweep.

    Attributes
    ----------
    fabric : {"soft-roce", "rdma-nic"}
        Provenance label.
    host : dict
        Fingerprint of the machine; of the guest where it ran in one.
    emulated : bool
        Whether the processor itself was emulated: then only ratios mean anything.
    device : str
    mtu, inline_limit : int
        Packet payload and longest inline message, in bytes.
    created : str
        Date.
    seed : int
        Of the design, its split, and the order.
    result : dict
        What the command that measured made of it, for readers of the file; never read back.
    rows : tuple of Row
    """

    schema_: Literal["aethermodel.bench.rdma/1"] = Field(SCHEMA, alias="schema")
    fabric: Literal["soft-roce", "rdma-nic"]
    host: Fingerprint
    emulated: bool
    device: Line
    kernel: Line
    mtu: int = Field(ge=256, le=2**20)
    inline_limit: int = Field(ge=0, le=2**20)
    created: Line
    seed: int = Field(ge=-(2**63), lt=2**63)
    command: Line
    result: dict[str, Any] = Field(default_factory=dict)
    rows: tuple[Row, ...] = Field(min_length=2, max_length=100_000, strict=False)

    @property
    def label(self) -> str:
        """Provenance label, with what else must be known of the figures."""
        return f"{self.fabric}, emulated processor" if self.emulated else self.fabric

    @classmethod
    def load(cls, path: Path | str | None = None) -> VerbsSamples:
        """Read a sweep; the committed one by default.

        Raises
        ------
        InputError
            In one line, if the file is no sweep.
        """
        where = Path(path) if path else files("aethermodel") / COMMITTED
        with refusing(str(where)):
            return cls.model_validate(parse_json(read_bytes(str(where), _MOST)))

    def text(self) -> str:
        """Return the sweep as JSON, one setting a line."""
        head = self.model_dump(by_alias=True, exclude={"rows", "host"})
        head["host"] = self.host.facts()
        lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items()]
        rows = ",\n  ".join(json.dumps(row.model_dump()) for row in self.rows)
        return "{\n " + ",\n ".join(lines) + ',\n "rows": [\n  ' + rows + "\n ]\n}\n"

    def table(self) -> pd.DataFrame:
        """Return one row a setting.

        Returns
        -------
        pandas.DataFrame
            The settings, ``held_out``, counted ``posts``, ``completions`` and ``packets``,
            ``seconds`` (the fastest sample: what disturbs a sample of fixed work only ever adds
            time, and the fastest is what the costs themselves take; Chen and Revels 2016, arXiv
            1608.04295), ``low`` and ``high`` (the fastest of the fastest and of the slowest
            process), ``median_seconds`` (of all samples), ``spread`` (of all samples:
            interquartile range over median), ``samples``, ``noisy``.
        """
        import pandas as pd

        rows = []
        for row in self.rows:
            fastest = [min(values) for values in row.samples_seconds]
            every = np.concatenate([np.asarray(values) for values in row.samples_seconds])
            low, middle, high = np.percentile(every, [25, 50, 75])
            rows.append(
                row.model_dump(exclude={"samples_seconds"})
                | {
                    "seconds": min(fastest),
                    "low": min(fastest),
                    "high": max(fastest),
                    "median_seconds": float(middle),
                    "spread": float((high - low) / middle),
                    "samples": every.size,
                }
            )
        return pd.DataFrame(rows)
