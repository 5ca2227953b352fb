"""Laws: one for each curve of a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.laws.law import Law


class Laws(Mapping[str, Law]):
    """Laws by the name of their curve."""

    def __init__(self, laws: Mapping[str, Law]) -> None:
        self._laws = dict(laws)

    def __getitem__(self, name: str) -> Law:
        if name in self._laws:
            return self._laws[name]
        # ``host-a`` for ``host=host-a``: the value alone, where it names one curve.
        values = [key for key in self._laws if key.partition("=")[2] == name and "," not in key]
        if len(values) == 1:
            return self._laws[values[0]]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._laws)

    def __len__(self) -> int:
        return len(self._laws)

    def only(self) -> Law:
        """Return the one law.

        Raises
        ------
        InputError
            If there are several, or none.
        """
        if len(self._laws) != 1:
            names = "; ".join(self._laws)
            raise InputError(f"there are {len(self._laws)} curves: choose one of {names}")
        return next(iter(self._laws.values()))

    def at(self, name: str, value: float) -> Laws:
        """Return what all laws say at one value of the second variable, by its name.

        Raises
        ------
        InputError
            If a law has no second variable of this name, or no such value of it.
        """
        for law in self._laws.values():
            if law.second_name != name:
                second = law.second_name
                has = f"its second variable is {second}" if second else "it has none"
                raise InputError(
                    f"{law.name or 'the law'}: no second variable {quoted(name)}: {has}"
                )
        return Laws({curve: law.at(value) for curve, law in self._laws.items()})

    def verdict(self) -> str:
        """What all laws say, in words."""
        lines = []
        for name, law in self._laws.items():
            lines += [f"{name}: {line}" if name else line for line in law.verdict]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return "\n".join(law._repr_html_() for law in self._laws.values())

    def save(self, path: str | Path) -> None:
        """Write a law file."""
        from aethermodel.laws.law_file import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Laws:
        """Read a law file.

        Raises
        ------
        InputError
            If it is none.
        """
        from aethermodel.laws.law_file import load

        return cls(load(Law, Path(path)))
