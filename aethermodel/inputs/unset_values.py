"""Unset values: None, which notebooks and command lines hand over, stands for the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, model_validator


def without_unset(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was set, for a model to complete with its defaults."""
    return {name: value for name, value in values.items() if value is not None}


class UnsetIsDefault(BaseModel):
    """Parameters of a notebook, which hands over every one, set or not."""

    @model_validator(mode="before")
    @classmethod
    def _unset_is_default(cls, given: Any) -> Any:
        return without_unset(given) if isinstance(given, dict) else given
