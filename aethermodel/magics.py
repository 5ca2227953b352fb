"""IPython magics: `%%law` times a cell over sizes and shows its law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

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
        from aethermodel.cli.law_tables import picture

        lines = [*self.law.verdict, f"T(N) = {self.law.expression}"]
        lines += [
            f"{p.name} = {p.value:.4g} {p.unit} ({p.low:.4g} to {p.high:.4g})"
            for p in self.law.parameters
        ]
        return "\n".join([*lines, picture(self.law, 60)])


@magics_class
class LawMagics(Magics):
    """The magics of the extension."""

    @magic_arguments()
    @argument("sizes", help="values of the variable, such as N=1,10,1e3")
    @argument("-s", "--setup", default="", help="a statement run before the clock, with each value")
    @argument("-r", "--rounds", type=int, default=7, help="samples of each size")
    @argument("-t", "--seconds", type=float, default=60.0, help="longest time for all")
    @argument("-o", "--output", default="", help="also bind the law to this name")
    @argument("-q", "--quiet", action="store_true", help="show nothing")
    @argument("statement", nargs="*", help="of %%law: what to time")
    @line_cell_magic
    def law(self, line: str, cell: str | None = None) -> ShownLaw | None:
        """Time the cell, or a statement, at each value of a variable and show its law.

        ``%%law N=1,10,100,1000`` times the cell with N set; ``%law N=1,10,100 sorted(range(N))``
        a statement.
        """
        arguments = parse_argstring(self.law, line)
        name, sizes = _sizes(arguments.sizes)
        body = cell if cell is not None else " ".join(arguments.statement)
        if cell is not None and arguments.statement:
            raise UsageError("%%law times the cell: give no statement on its line")
        if not body.strip():
            raise UsageError("%law: nothing to time; give a statement, or a cell to %%law")
        if arguments.output and not arguments.output.isidentifier():
            raise UsageError(f"%law: {arguments.output!r} is no name")
        from aethermodel.laws.fit import fit
        from aethermodel.measure.sampling.function_times import time_function

        shell = self.shell
        assert shell is not None
        try:
            samples = time_function(
                lambda namespace: namespace["__law_cell__"](),
                sizes,
                setup=self._prepared(name, arguments.setup, body),
                rounds=arguments.rounds,
                most_seconds=arguments.seconds,
                source="cell",
            )
            law = fit(samples).only()
        except ValueError as error:
            raise UsageError(f"%law: {error}") from None
        if arguments.output:
            shell.user_ns[arguments.output] = law
        return None if arguments.quiet else ShownLaw(law)

    def _prepared(self, name: str, setup: str, body: str) -> Callable[[int], dict[str, Any]]:
        """Return what makes, for a value, a namespace whose ``__law_cell__`` runs the cell."""
        import ast

        shell = self.shell
        assert shell is not None
        transformed = shell.transform_cell(body)
        before = compile(shell.transform_cell(setup), "<setup of %law>", "exec")
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
