"""Import contract: no module imports itself by way of others, wherever its imports stand."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output


class AcyclicModules(Contract):  # type: ignore[misc]  # import-linter is untyped
    """Imports of modules make no circle.

    Imports inside functions and under ``TYPE_CHECKING`` count like all others. Layers say which way
    imports run; this contract also holds where no layer is declared. Compiled modules are not read.
    """

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look for a circle; its imports are the check's ``circle``."""
        imports = {
            module: sorted(graph.find_modules_directly_imported_by(module))
            for module in sorted(graph.modules)
        }
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            # It names what is imported before what imports it.
            circle = error.args[1][::-1]
            lines = [
                (detail["importer"], detail["line_number"], detail["line_contents"])
                for importer, imported in pairwise(circle)
                for detail in graph.get_import_details(importer=importer, imported=imported)[:1]
            ]
            return ContractCheck(kept=False, metadata={"circle": lines})
        return ContractCheck(kept=True)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one circle, an import a line."""
        output.print_error("These imports make a circle:")
        output.new_line()
        for importer, line, text in check.metadata["circle"]:
            output.print_error(f"- {importer}, line {line}: {text}", bold=False)
