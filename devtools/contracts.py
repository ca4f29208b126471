"""Import contracts that import-linter does not bring: who may use a library, and lists of what is allowed.

Its own `forbidden` names what must not be imported and so passes whatever is new; these refuse by default.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

Finding = tuple[str, str]
"""(importer, imported)"""


def inside(module: str, packages: set[str]) -> bool:
    """Tell whether `module` is one of `packages` or lies in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def names(field: object) -> set[str]:
    """Return a set field's names; on an instance the field holds what was parsed, which its type hides."""
    return {str(name) for name in cast("Iterable[str]", field)}


class FindingsContract(Contract):
    """A contract that is broken by each import it finds."""

    @abstractmethod
    def findings(self, graph: ImportGraph) -> Iterator[Finding]:
        """Yield every import that breaks the contract."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001, RUF100
        """Collect the findings."""
        found = sorted(set(self.findings(graph)))
        details = [(*pair, self._lines(graph, *pair)) for pair in found]
        return ContractCheck(kept=not found, metadata={"findings": details})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each finding."""
        for importer, imported, lines in check.metadata["findings"]:
            output.print_error(f"{importer} -> {imported} ({lines})", bold=False)

    @staticmethod
    def _lines(graph: ImportGraph, importer: str, imported: str) -> str:
        details = graph.get_import_details(importer=importer, imported=imported)
        return ", ".join(f"line {detail['line_number']}" for detail in details) or "indirectly"


class ExclusiveLibrary(FindingsContract):
    """`libraries` (from outside) are imported only by `only_in` and what lies in it; nobody else may."""

    libraries = fields.SetField(subfield=fields.StringField())
    only_in = fields.SetField(subfield=fields.StringField())

    def findings(self, graph: ImportGraph) -> Iterator[Finding]:
        """Yield direct imports by anyone else."""
        for library in names(self.libraries) & graph.modules:
            for importer in graph.find_modules_that_directly_import(library):
                if not inside(importer, names(self.only_in)):
                    yield importer, library


class AllowedExternals(FindingsContract):
    """`source_modules` import from outside the tree (standard library too) only what `allowed` lists."""

    source_modules = fields.SetField(subfield=fields.StringField())
    allowed = fields.SetField(subfield=fields.StringField())

    def findings(self, graph: ImportGraph) -> Iterator[Finding]:
        """Yield direct imports of anything else."""
        sources = names(self.source_modules)
        for importer in graph.modules:
            if not inside(importer, sources):
                continue
            for imported in graph.find_modules_directly_imported_by(importer):
                if graph.is_module_squashed(imported) and not inside(imported, names(self.allowed)):
                    yield importer, imported


class AllowedPart(FindingsContract):
    """Of `package`, `source_modules` reach only `allowed`, directly and through the package's own imports."""

    source_modules = fields.SetField(subfield=fields.StringField())
    package = fields.StringField()
    allowed = fields.SetField(subfield=fields.StringField())

    def findings(self, graph: ImportGraph) -> Iterator[Finding]:
        """Yield the first import on each way to a module that is not allowed."""
        package, sources = str(self.package), names(self.source_modules)
        waiting = [module for module in graph.modules if inside(module, sources)]
        seen = set(waiting)
        while waiting:
            importer = waiting.pop()
            for imported in graph.find_modules_directly_imported_by(importer):
                if not inside(imported, {package}) or imported in seen:
                    continue
                seen.add(imported)
                if imported == package or inside(imported, names(self.allowed)):
                    waiting.append(imported)
                else:
                    yield importer, imported
