"""Settings of known systems for batch and wait, from their sourced file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from aethermodel.inputs.fields import Content, Line, Name
from aethermodel.published.parameter_files import entry, read_parameters

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class _Setting(Content):
    name: Annotated[Line, Field(min_length=1, max_length=64)]
    role: Literal["batch", "wait", "record"]
    unit: Literal["records", "bytes", "s", "ms", "us", "ns"]
    source: Annotated[Line, Field(pattern=r"^https://")]
    note: Line = ""
    times: Annotated[int, Field(ge=1, le=16)] = 1
    most: Annotated[int, Field(ge=1)] | None = None


class _System(Content):
    title: Annotated[Line, Field(min_length=1)]
    settings: Annotated[list[_Setting], Field(min_length=1, max_length=16)]
    remark: Line = ""


_NAME = "batching-settings.toml"
_File = Annotated[dict[Name, _System], Field(min_length=1, max_length=1000)]


@dataclass(frozen=True)
class Setting:
    """A value for one setting of a system, by its documented name.

    Attributes
    ----------
    name : str
    value : float
        In `unit`; whole but for a wait in seconds.
    unit : str
        ``records``, ``bytes``, ``s``, ``ms``, ``us`` or ``ns``.
    source : str
        Address of the documentation.
    note : str
    """

    name: str
    value: float
    unit: str
    source: str
    note: str


@dataclass(frozen=True)
class System:
    """A system with settings for batch and wait.

    Attributes
    ----------
    name, title, remark : str
        Key in the file, full name, and what its settings cannot say.
    """

    name: str
    title: str
    remark: str
    _settings: tuple[_Setting, ...]

    @property
    def needs_record_bytes(self) -> bool:
        """Whether a setting is in bytes."""
        return any(setting.unit == "bytes" for setting in self._settings)

    def rounded_wait(self, seconds: float) -> float:
        """Round a wait down to what a setting of this system can say; it stays as it is without."""
        steps = [_SECONDS[s.unit] for s in self._settings if s.role == "wait" and s.unit != "s"]
        return math.floor(seconds / steps[0] * (1 + 1e-9)) * steps[0] if steps else seconds

    def settings(
        self, records: int, wait_seconds: float, record_bytes: float | None
    ) -> tuple[Setting, ...]:
        """Write a largest batch and a longest wait as this system's settings.

        Parameters
        ----------
        records : int
            Of a batch.
        wait_seconds : float
            Rounded down to the unit of the setting.
        record_bytes : float or None
            Needed where a setting is in bytes.

        Raises
        ------
        ValueError
            If it is needed and missing.
        """
        if self.needs_record_bytes and record_bytes is None:
            named = next(s.name for s in self._settings if s.unit == "bytes")
            raise ValueError(f"{named} of {self.title} is in bytes: say how large a record is")
        return tuple(
            self._written(setting, records, wait_seconds, record_bytes or 0.0)
            for setting in self._settings
        )

    def _written(
        self, setting: _Setting, records: int, wait_seconds: float, record_bytes: float
    ) -> Setting:
        if setting.role == "wait":
            value = wait_seconds / _SECONDS[setting.unit]
            value = value if setting.unit == "s" else math.floor(value * (1 + 1e-9))
        elif setting.role == "record":
            value = record_bytes
        else:
            value = records * (record_bytes if setting.unit == "bytes" else 1) * setting.times
            value = math.ceil(value)
        if setting.most is not None:
            value = min(value, setting.most)
        return Setting(setting.name, float(value), setting.unit, setting.source, setting.note)


def load_systems(path: Path | None = None) -> dict[str, System]:
    """Read ``data/batching-settings.toml``.

    Parameters
    ----------
    path : pathlib.Path, optional
        Another file of the same form.

    Raises
    ------
    InputError
        In one line, if the file is not of that form.
    """
    return read_parameters(_NAME, path, _File, _systems)


def _systems(content: dict[str, _System], _: str) -> dict[str, System]:
    return {
        name: System(name, written.title, written.remark, tuple(written.settings))
        for name, written in content.items()
    }


def system(name: str) -> System:
    """Return a system by name.

    Raises
    ------
    ValueError
        If the file does not have it.
    """
    return entry(dict(sorted(load_systems().items())), name, "system", _NAME)
