"""Law: a fitted curve that draws, describes and saves itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from aethermodel.laws.fitted_curve import FittedCurve


@dataclass(frozen=True)
class Law(FittedCurve):
    """Law of one curve: time over size.

    Its figures are those of `FittedCurve`: ``family``, ``parameters``, ``holds``, ``verdict`` and
    others; so are `predict`, `draws` and `expression`.
    """

    def at(self, value: float) -> Self:
        """Return the law of the size alone at one value of the second variable.

        Raises
        ------
        InputError
            If there is no second variable, or no such value of it.
        """
        from aethermodel.laws.law_slice import section

        return section(self, value)

    def plot(self, axes: Any = None) -> Any:
        """Draw the law, its interval and the data; return the matplotlib axes."""
        from aethermodel.laws.drawing import plot

        return plot(self, axes)

    def _repr_html_(self) -> str:
        from aethermodel.laws.law_description import html

        return html(self)

    def document(self) -> dict[str, Any]:
        """Return the law as JSON values."""
        from aethermodel.laws.law_file import to_document

        return to_document(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild a law from JSON values.

        Raises
        ------
        InputError
            If they are not those of a law.
        """
        from aethermodel.laws.law_file import from_document

        return from_document(cls, document)
