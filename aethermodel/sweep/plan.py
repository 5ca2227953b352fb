"""Sweep plan: target, axes, and how each point runs."""

from __future__ import annotations

import csv
import itertools
import json
import math
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from aethermodel import thresholds
from aethermodel.inputs.fields import Content, Name
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import (
    MOST_WRITTEN,
    check_plain,
    parse_toml,
    parse_yaml,
)
from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.inputs.written_words import scalar
from aethermodel.sweep.target import NotebookTarget, ProbeTarget, Target

_MOST_POINTS = 100_000


@dataclass(frozen=True)
class Job:
    """One point, once.

    Attributes
    ----------
    parameters : dict
        Complete: defaults included.
    repeat : int
    order : int
        Position in the random order of the whole sweep.
    """

    parameters: dict[str, Any]
    repeat: int
    order: int


class Sweep(Content):
    """A sweep as its file or the command line gives it.

    Attributes
    ----------
    probe : str, optional
        Mode ``measure``: the probe to time at each point, in a fresh child.
    notebook : str, optional
        Mode ``notebook``: the notebook to execute at each point. Exactly one of both.
    parameters : dict
        A value, or a list of values, by name; the points are all combinations.
    repeats : int
        How often each point is run. A repeat runs every point once, in an order of its
        own, in children of a server of its own: so that drift does not look like the
        effect of a parameter, and address layout and hash seed differ.
    samples : int
        Samples of a probe at each point.
    sample_seconds : float
        Least duration of such a sample.
    timeout_seconds : float
        For one point.
    noise_gate : float
        Largest share of a point's samples (of a notebook's time) that the system may
        disturb; above it, the point goes back into the queue.
    retries : int
        How often; the last try counts, and is marked.
    seed : int
        Of the random order.
    """

    probe: Name | None = None
    notebook: Annotated[str, Field(max_length=4096)] | None = None
    parameters: dict[Name, list[Any]] = Field(default_factory=dict, max_length=100)
    repeats: int = Field(1, ge=1, le=10_000)
    samples: int = Field(5, ge=1, le=10_000)
    sample_seconds: float = Field(0.005, ge=0.0001, le=60)
    timeout_seconds: float = Field(300, gt=0, le=86_400)
    noise_gate: float = Field(thresholds.NOISE_GATE, ge=0, le=1)
    retries: int = Field(thresholds.RETRIES, ge=0, le=100)
    seed: int = Field(0, ge=-(2**63), lt=2**63)

    @field_validator("parameters", mode="before")
    @classmethod
    def _single_values_are_axes_too(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: v if isinstance(v, list) else [v] for name, v in given.items()}

    @model_validator(mode="after")
    def _every_point_is_right(self) -> Sweep:
        if (self.probe is None) == (self.notebook is None):
            raise ValueError("a sweep wants either a probe or a notebook")
        _ = self.points
        return self

    @cached_property
    def target(self) -> Target:
        """The probe or the notebook."""
        return ProbeTarget(self.probe) if self.probe else NotebookTarget(self.notebook or "")

    @cached_property
    def points(self) -> tuple[dict[str, Any], ...]:
        """All combinations of the axes, checked and completed."""
        for name, values in self.parameters.items():
            if not values:
                raise ValueError(f"{name}: no values")
            for value in values:
                _refuse_what_json_cannot_say(name, value)
        if math.prod(map(len, self.parameters.values())) * self.repeats > _MOST_POINTS:
            raise ValueError(f"more than {_MOST_POINTS:,} points")
        points = []
        for combination in itertools.product(*self.parameters.values()):
            point = self.target.check(dict(zip(self.parameters, combination, strict=True)))
            points.append(point)
        if len({repr(point) for point in points}) < len(points):
            raise ValueError("a value is given twice")
        return tuple(points)

    def describe(self, parameters: dict[str, Any]) -> str:
        """Return in one line what tells a point from the others."""
        varied = [name for name, values in self.parameters.items() if len(values) > 1]
        return " ".join(f"{name}={parameters[name]}" for name in varied) or "the one point"

    def jobs(self) -> list[Job]:
        """Return every point of every repeat, in the order in which they run."""
        jobs: list[Job] = []
        for repeat in range(self.repeats):
            block = list(self.points)
            random.Random(f"{self.seed}/{repeat}").shuffle(block)
            first = len(jobs)
            jobs += [Job(point, repeat, first + i) for i, point in enumerate(block)]
        return jobs


def _refuse_what_json_cannot_say(name: str, value: Any) -> None:
    """Refuse a date, NaN and the like: no key could be made of them."""
    try:
        json.dumps(value, allow_nan=False)
        check_plain(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: a value is a finite number, a text, true, false or none, not {quoted(value)}"
        ) from None


def _value(text: str) -> Any:
    return None if text.strip().lower() == "none" else scalar(text)


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Read an axis such as ``batch_size=1,10,100``.

    A value that has commas of its own stands in double quotes. A number is what reads as one to
    everybody; ``017``, ``0x1f`` and ``12:30:00`` are texts.

    Raises
    ------
    ValueError
        If it is no axis.
    """
    name, equals, values = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name) or not values:
        raise ValueError(f"-p wants NAME=VALUE,VALUE,..., not {text!r}")
    try:
        return name, [_value(text) for text in next(csv.reader([values], skipinitialspace=True))]
    except csv.Error as error:
        raise ValueError(f"-p {name}: {error}") from None
    except InputError as error:
        raise ValueError(f"{name}: {error}") from None


def parse_axes(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Read the axes of a command line.

    Raises
    ------
    ValueError
        If one is malformed, or a name is given twice.
    """
    axes: dict[str, list[Any]] = {}
    for text in texts:
        name, values = parse_axis(text)
        if name in axes:
            raise ValueError(f"-p {name} is given twice")
        axes[name] = values
    return axes


def read_sweep_file(path: Path) -> dict[str, Any]:
    """Read a sweep from TOML or YAML, by the file's name; nothing is checked yet.

    The paths of a notebook and of a pipeline count from the folder of the file, if they are there.

    Raises
    ------
    ValueError
        If the file is neither.
    """
    parsers = {".toml": parse_toml, ".yaml": parse_yaml, ".yml": parse_yaml}
    if path.suffix not in parsers:
        raise InputError(f"{path}: a sweep file ends in .toml, .yaml or .yml")
    with refusing(path):
        given = parsers[path.suffix](read_bytes(path, MOST_WRITTEN))
    if not isinstance(given, dict):
        raise InputError(f"{path}: no sweep in it")
    notebook = given.get("notebook")
    if isinstance(notebook, str) and (path.parent / notebook).is_file():
        given["notebook"] = str((path.parent / notebook).resolve())
    axes = given.get("parameters")
    if isinstance(axes, dict) and isinstance(own := axes.get("pipeline"), str):
        file, colon, name = own.partition(":")
        if (path.parent / file).is_file():
            axes["pipeline"] = f"{(path.parent / file).resolve()}{colon}{name}"
    return given
