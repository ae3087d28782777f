"""How a file can name something of a library: through what it imports, or through an import that is added."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from actinit_lint.fixes.patch import Patch
from actinit_lint.fixes.tree import Tree


class Named(NamedTuple):
    """Code that means the thing, and the imports that it needs."""

    code: str
    patches: tuple[Patch, ...] = ()


class Names:
    """What the imports of a file bind. A name that is bound twice, or to something else too, means nothing here."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.bound: dict[str, str] = {}  # local name -> dotted name
        self.used: set[str] = set()  # every name that occurs
        self._last: cst.SimpleStatementLine | None = None  # import of a framework, or any other, at the top level
        assigned: set[str] = set()
        stack: list[cst.CSTNode] = [tree.module]
        while stack:
            node = stack.pop()
            if isinstance(node, (cst.Import, cst.ImportFrom)):
                self._import(node, assigned)
                continue
            if isinstance(node, cst.Name):
                self.used.add(node.value)
            assigned.update(_assigned(node))
            stack.extend(node.children)
        for name in assigned:
            self.bound.pop(name, None)

    def _import(self, node: cst.Import | cst.ImportFrom, taken: set[str]) -> None:
        if isinstance(node.names, cst.ImportStar):
            return
        package = f"{dotted(node.module)}." if isinstance(node, cst.ImportFrom) else ""
        if isinstance(node, cst.ImportFrom) and node.relative:
            package = "." * len(node.relative) + package
        for alias in node.names:
            whole = dotted(alias.name)
            local = dotted(alias.asname.name) if alias.asname is not None else whole.split(".")[0]
            means = f"{package}{whole}" if alias.asname is not None or package else local
            self.used.add(local)
            if self.bound.setdefault(local, means) != means:
                taken.add(local)

    def meaning(self, node: cst.BaseExpression) -> str | None:
        """The dotted name that an expression stands for; None where imports do not say."""
        if isinstance(node, cst.Name):
            return self.bound.get(node.value)
        if isinstance(node, cst.Attribute):
            owner = self.meaning(node.value)
            return None if owner is None else f"{owner}.{node.attr.value}"
        return None

    def name(self, wanted: str, module: str) -> Named | None:
        """Code for `wanted`, a dotted name. Where nothing of it is imported, `module` is: one of its parents.

        None where the module's last name means something else in the file.
        """
        best = max(
            (local for local, means in self.bound.items() if wanted.startswith(f"{means}.") or means == wanted),
            key=lambda local: len(self.bound[local]),
            default=None,
        )
        if best is not None:
            return Named(best + wanted.removeprefix(self.bound[best]))
        parent, _, local = module.rpartition(".")
        if not parent or local in self.used:
            return None
        added = self.added(f"from {parent} import {local}", parent)
        return None if added is None else Named(local + wanted.removeprefix(module), (added,))

    def added(self, statement: str, package: str) -> Patch | None:
        """The statement on a line of its own behind the file's imports of the same library, or behind the last one."""
        root = package.split(".")[0]
        chosen: cst.SimpleStatementLine | None = None
        for line in self.tree.module.body:
            if not isinstance(line, cst.SimpleStatementLine) or not _imports(line):
                continue
            if chosen is None or root in {name.split(".")[0] for name in _imports(line)} or not _is_of(chosen, root):
                chosen = line
        if chosen is None:
            return None
        end = self.tree.line_end(chosen)
        return Patch(end, end, f"{self.tree.newline}{statement}")

    def beside(self, function: cst.Name, wanted: str) -> Named | None:
        """Code for another name of the module that `from … import function` took a function from.

        The name is added to that import, or takes the old one's place where nothing else uses it.
        """
        means = self.bound.get(function.value)
        if means is None:
            return None
        parent = means.rpartition(".")[0]
        there = next((local for local, meant in self.bound.items() if meant == f"{parent}.{wanted}"), None)
        if there is not None:
            return Named(there)
        if wanted in self.used:
            return None
        for node in self.tree.nodes(cst.ImportFrom):
            if isinstance(node.names, cst.ImportStar) or node.relative or dotted(node.module) != parent:
                continue
            for alias in node.names:
                if alias.asname is None and dotted(alias.name) == function.value:
                    start, end = self.tree.span(alias.name)
                    alone = sum(name.value == function.value for name in self.tree.nodes(cst.Name)) == 2
                    patch = Patch(start, end, wanted) if alone else Patch(end, end, f", {wanted}")
                    return Named(wanted, (patch,))
        return None


def dotted(node: cst.CSTNode | None) -> str:
    """`a.b.c` of names and attributes, empty for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr.value}" if owner else ""
    return ""


def _assigned(node: cst.CSTNode) -> list[str]:
    """Names that a node gives another meaning."""
    if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Param)):
        return [node.name.value]
    if isinstance(node, cst.AssignTarget):
        return _targets(node.target)
    if isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr)):
        return _targets(node.target)
    if isinstance(node, (cst.AsName,)):
        return _targets(node.name)
    return []


def _targets(node: cst.CSTNode) -> list[str]:
    if isinstance(node, cst.Name):
        return [node.value]
    if isinstance(node, (cst.Tuple, cst.List)):
        return [name for element in node.elements for name in _targets(element.value)]
    return []


def _imports(line: cst.SimpleStatementLine) -> list[str]:
    """Modules that the statements of a line import, `__future__` excepted."""
    found: list[str] = []
    for statement in line.body:
        if isinstance(statement, cst.Import):
            found += [dotted(alias.name) for alias in statement.names]
        elif isinstance(statement, cst.ImportFrom):
            found.append("." * len(statement.relative) + dotted(statement.module))
    return found


def _is_of(line: cst.SimpleStatementLine, root: str) -> bool:
    return root in {name.split(".")[0] for name in _imports(line)}
