"""IPython magics: `%%law` times a cell over sizes and shows its law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from aethermodel.laws.law import Law


class ShownLaw:
    """A law as a notebook shows it, and as a terminal does.

    Parameters
    ----------
    law : Law
    """

    def __init__(self, law: Law) -> None:
        self.law = law

    def _repr_html_(self) -> str:
        return self.law._repr_html_()

    def __repr__(self) -> str:
        from aethermodel.report.laws.terminal_plot import picture

        lines = [*self.law.verdict, f"T(N) = {self.law.expression}"]
        lines += [
            f"{p.name} = {p.value:.4g} {p.unit} ({p.low:.4g} to {p.high:.4g})"
            for p in self.law.parameters
        ]
        return "\n".join([*lines, picture(self.law, 60)])


@magics_class
class LawMagics(Magics):
    """The magics of the extension."""

    @line_cell_magic
    def law(self, line: str, cell: str | None = None) -> ShownLaw | None:
        """Time a cell or a statement at each value of a variable, and show its law.

        ``%%law N=1,10,100,1000`` times the cell with N set to each;
        ``%law N=1,10,100 sorted(range(N))`` a statement. As with timeit, what the cell assigns is
        its own. Options, before or behind the sizes:

        -s STATEMENT  run before the clock, with each value; in quotes
        -r ROUNDS     samples of each size, 7
        -t SECONDS    longest time for all, 60
        -o NAME       also bind the law to this name
        -q            show nothing
        """
        name, sizes, options, statement = self._parsed(line)
        if cell is not None and statement:
            raise UsageError("%%law times the cell: give no statement on its line")
        body = statement if cell is None else cell
        if not body.strip():
            raise UsageError("%law: nothing to time; give a statement, or a cell to %%law")
        from aethermodel.inputs.refusals import InputError
        from aethermodel.laws.fit import fit
        from aethermodel.measure.sampling.function_times import time_function

        shell = self.shell
        assert shell is not None
        try:
            samples = time_function(
                lambda namespace: namespace["__law_cell__"](),
                sizes,
                setup=self._prepared(name, options["s"], body),
                rounds=options["r"],
                most_seconds=options["t"],
                source="cell",
            )
            law = fit(samples).only()
        except InputError as error:
            raise UsageError(f"%law: {error}") from None
        if options["o"]:
            shell.user_ns[options["o"]] = law
        return None if options["q"] else ShownLaw(law)

    def _parsed(self, line: str) -> tuple[str, list[int], dict[str, Any], str]:
        """Return the variable, its values, the options and what is left of the line."""
        sizes, _, tail = line.strip().partition(" ")
        behind = not sizes.startswith("-")
        given, rest = self.parse_options(
            tail if behind else line, "s:r:t:o:q", posix=False, preserve_non_opts=True
        )
        if not behind:
            sizes, _, rest = rest.strip().partition(" ")
        options = {
            "s": given.get("s", "").strip("'\""),
            "r": _number("-r", given.get("r", "7"), int),
            "t": _number("-t", given.get("t", "60"), float),
            "o": given.get("o", ""),
            "q": "q" in given,
        }
        if options["o"] and not options["o"].isidentifier():
            raise UsageError(f"%law: {options['o']!r} is no name")
        return *_sizes(sizes), options, rest

    def _prepared(self, name: str, setup: str, body: str) -> Callable[[int], dict[str, Any]]:
        """Return what makes, for a value, a namespace whose ``__law_cell__`` runs the cell."""
        import ast

        shell = self.shell
        assert shell is not None
        transformed = str(shell.transform_cell(body))  # type: ignore[no-untyped-call]
        ahead = str(shell.transform_cell(setup))  # type: ignore[no-untyped-call]
        before = compile(ahead, "<setup of %law>", "exec")
        # A function: its names are as fast as those of code that somebody would write.
        tree = ast.parse("def __law_cell__():\n    pass\n")
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef)
        function.body = ast.parse(transformed).body
        code = compile(ast.fix_missing_locations(tree), "<cell of %law>", "exec")

        def prepare(value: int) -> dict[str, Any]:
            # A copy: the cell's own names are not left behind, and sizes do not meet each other.
            namespace = {**shell.user_ns, name: value}
            exec(before, namespace)
            exec(code, namespace)
            return namespace

        return prepare


def _number(option: str, text: str, kind: type[int] | type[float]) -> int | float:
    try:
        value = kind(text)
    except ValueError:
        value = kind(0)
    if not 0 < value < float("inf"):
        raise UsageError(f"%law: {option} is a number above 0, not {text!r}")
    return value


def _sizes(text: str) -> tuple[str, list[int]]:
    from aethermodel.inputs.sizes import count_of

    name, _, values = text.partition("=")
    if not name.isidentifier() or not values:
        raise UsageError(f"%law: sizes are written N=1,10,100, not {text!r}")
    try:
        sizes = [count_of(value) for value in values.split(",")]
    except ValueError as error:
        raise UsageError(f"%law: {error}") from None
    return name, sizes


def load_ipython_extension(shell: Any) -> None:
    """Register the magics."""
    shell.register_magics(LawMagics)
