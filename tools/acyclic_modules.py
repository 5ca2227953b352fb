"""Import contract: no module imports itself by way of others, wherever its imports stand."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output

# Cython's own imports stand on a line each.
_IMPORT = re.compile(r"\s*(?:from\s+([\w.]+)\s+c?import\s+(.+)|c?import\s+([\w.]+))")
#: Importer and imported, with the line of the import.
Lines = dict[tuple[str, str], tuple[int, str]]


def compiled_imports(package: str) -> Lines:
    """Return the imports among a package's modules that Cython's make, or that are of these.

    Parameters
    ----------
    package : str
        Name of an importable package.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return {}
    root, found = Path(spec.origin).parent, {}
    files = [*root.rglob("*.py"), *root.rglob("*.pyx"), *root.rglob("*.pxd")]
    modules = {
        file: ".".join([package, *file.relative_to(root).with_suffix("").parts]) for file in files
    }
    compiled = {module for file, module in modules.items() if file.suffix == ".pyx"}
    for file, own in sorted(modules.items()):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if not (match := _IMPORT.match(line)):
                continue
            imported = match[1] or match[3]
            if imported != own and compiled & {own, imported} and imported.startswith(package):
                found[own, imported] = number, line.strip()
    return found


class AcyclicModules(Contract):  # type: ignore[misc]  # import-linter is untyped
    """Imports of modules make no circle.

    Imports inside functions and under ``TYPE_CHECKING`` count like all others. Layers say which way
    imports run; this contract also holds where no layer is declared. Cython's modules count, too.
    """

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look for a circle; its imports are the check's ``circle``."""
        imports = {
            module: sorted(graph.find_modules_directly_imported_by(module))
            for module in sorted(graph.modules)
        }
        compiled: Lines = {}
        for package in sorted({module.partition(".")[0] for module in imports}):
            compiled |= compiled_imports(package)
        for importer, imported in compiled:
            imports.setdefault(importer, []).append(imported)
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            # It names what is imported before what imports it.
            circle = pairwise(error.args[1][::-1])
            lines = [(pair[0], *_line(graph, compiled, *pair)) for pair in circle]
            return ContractCheck(kept=False, metadata={"circle": lines})
        return ContractCheck(kept=True)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one circle, an import a line."""
        output.print_error("These imports make a circle:")
        output.new_line()
        for importer, line, text in check.metadata["circle"]:
            output.print_error(f"- {importer}, line {line}: {text}", bold=False)


def _line(graph: ImportGraph, compiled: Lines, importer: str, imported: str) -> tuple[int, str]:
    if found := compiled.get((importer, imported)):
        return found
    detail = graph.get_import_details(importer=importer, imported=imported)[0]
    return detail["line_number"], detail["line_contents"]
