"""Published costs of network cards for the verbs cost model, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from aethermodel.inputs.fields import Content, Line, Name
from aethermodel.inputs.quantities import Quantity, si
from aethermodel.model.verbs.verbs_cost import COST_NAMES, COSTS, VerbsCosts
from aethermodel.published.parameter_files import entry, read_parameters

if TYPE_CHECKING:
    import pandas as pd

_NAME = "rdma-nics.toml"
# SI unit in which each cost is written: what it is a count of, the file leaves to the model.
_WRITTEN = {
    name: unit.removesuffix("/message").removesuffix("/packet").removeprefix("1")
    for name, (unit, _) in COSTS.items()
}


class Figure(Content):
    """One figure: with a source, or with the reason why it is assumed."""

    value: Quantity
    source: Line | None = None
    assumed: Annotated[Line, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _either(self) -> Figure:
        if (self.source is None) == (self.assumed is None):
            raise ValueError("needs a source or, instead, why it is assumed")
        return self


class _File(Content):
    sources: dict[Name, Line]
    common: dict[Name, Figure]
    cards: dict[Name, dict[Name, Figure]] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _whole(self) -> _File:
        for card, own in self.cards.items():
            given = self.common | own
            if unknown := given.keys() - set(COST_NAMES):
                raise ValueError(f"{card}: no cost is called {sorted(unknown)[0]}")
            if missing := [name for name in COST_NAMES if name not in given]:
                raise ValueError(f"{card} lacks {missing[0]}")
            for name, figure in given.items():
                if figure.source is not None and figure.source not in self.sources:
                    raise ValueError(f"{card}: {name} names an unknown source {figure.source}")
        return self


@dataclass(frozen=True)
class Card:
    """One network card on paper.

    Attributes
    ----------
    name : str
        Key in the file.
    costs : VerbsCosts
        In SI units.
    sources : dict of str to str
        Where each cost comes from, or why it is assumed.
    assumed : frozenset of str
        The costs that no source gives.
    """

    name: str
    costs: VerbsCosts
    sources: dict[str, str]
    assumed: frozenset[str]

    def table(self) -> pd.DataFrame:
        """Return one row a cost: ``cost``, ``value``, ``unit``, ``basis`` and ``source``."""
        import pandas as pd

        return pd.DataFrame(
            {
                "cost": COST_NAMES,
                "value": [getattr(self.costs, name) for name in COST_NAMES],
                "unit": [COSTS[name][0] for name in COST_NAMES],
                "basis": ["assumed" if n in self.assumed else "published" for n in COST_NAMES],
                "source": [self.sources[name] for name in COST_NAMES],
            }
        )


def load_cards(path: Path | None = None) -> dict[str, Card]:
    """Read ``data/rdma-nics.toml``; prefixed units become SI here, on input.

    Parameters
    ----------
    path : pathlib.Path, optional
        Another file of the same form.

    Raises
    ------
    ValueError
        In one line, if the file is not of that form.
    """
    return dict(_own()) if path is None else read_parameters(_NAME, path, _File, _cards)


@cache
def _own() -> dict[str, Card]:
    return read_parameters(_NAME, None, _File, _cards)


def _cards(content: _File, _: str) -> dict[str, Card]:
    cards = {}
    for name, own in content.cards.items():
        given = content.common | own
        figures: Any = {cost: _si(cost, given[cost]) for cost in COST_NAMES}
        cards[name] = Card(
            name,
            VerbsCosts(**figures),
            {c: content.sources.get(f.source or "", f.assumed or "") for c, f in given.items()},
            frozenset(c for c, figure in given.items() if figure.assumed),
        )
    return cards


def _si(cost: str, figure: Figure) -> float:
    try:
        return si(figure.value, _WRITTEN[cost])
    except ValueError as error:
        raise ValueError(f"{cost}: {error}") from None


def card(name: str) -> Card:
    """Return one card by name.

    Raises
    ------
    ValueError
        If the file does not have it.
    """
    return entry(load_cards(), name, "card", _NAME)
