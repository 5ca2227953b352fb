"""Settings that probes share."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.host import affinity

#: Handlers that a tick calls, unless there are fewer topics.
CALLS = 16


def setting(default: Any, meaning: str, unit: str = "", **limits: Any) -> Any:
    """Return a field with its meaning and unit, which `aethermodel sweep probes` lists."""
    return Field(default, description=meaning, json_schema_extra={"unit": unit}, **limits)


class BatchSettings(BaseModel):
    """A batch size, and the pool of batches that makes the working set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = setting(10_000, "events N of a batch", "events", ge=1, le=2**24)
    topics: int = setting(16, "topics K of the router", "topics", ge=1, le=65_536)
    pool: int = setting(
        4, "distinct batches to cycle through: the working set", "batches", ge=1, le=1024
    )


class PlacedSettings(BatchSettings):
    """A batch, and the cores that what moves it runs on."""

    pin: str = setting(
        "", "cores of the loop and of the producer, LOOP:PRODUCER, each 2, 0-3 or node0"
    )

    @field_validator("pin", mode="before")
    @classmethod
    def _core_as_text(cls, pin: Any) -> Any:
        return str(pin) if isinstance(pin, int) and not isinstance(pin, bool) else pin

    @field_validator("pin")
    @classmethod
    def _cores_are_there(cls, pin: str) -> str:
        if pin:
            affinity.Placement.of(pin)
        return pin

    def take_cores(self) -> None:
        """Run this process as the loop on its cores, and what it starts on theirs."""
        if self.pin:
            affinity.use(self.pin)
            affinity.take("loop")


class RecordSettings(BatchSettings):
    """A batch of records of some size."""

    record_bytes: int = setting(
        EVENT_BYTES, "bytes of a record, a multiple of 8", "B", ge=8, le=65_536, multiple_of=8
    )


class CallSettings(RecordSettings):
    """A batch, and how many topics have events and a handler that is called."""

    calls: int = setting(
        CALLS,
        f"handlers that a tick calls [without it: {CALLS}, or all topics where these are fewer]",
        "calls",
        ge=0,
        le=65_536,
    )

    @model_validator(mode="after")
    def _called_topics_exist(self) -> Self:
        if "calls" not in self.model_fields_set:
            object.__setattr__(self, "calls", self.default_calls())  # frozen from here on
        if self.calls > self.topics:
            raise ValueError(f"{self.calls} handlers need as many topics, there are {self.topics}")
        return self

    def default_calls(self) -> int:
        """Return how many handlers are called where nobody says."""
        return min(CALLS, self.topics)
