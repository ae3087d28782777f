"""A pruned file: executed one statement at a time, so that a failing one costs only the names it binds."""

from __future__ import annotations
import __future__

import ast
from dataclasses import dataclass, field
from typing import Any

from actinit_lint.probe.loading.placeholders import Placeholder, Unset
from actinit_lint.probe.loading.prune import Pruned, bound_names, prune

_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(slots=True)
class Script:
    """`failures` are (line, error) of kept statements that did not work."""

    path: str
    source: str
    tree: ast.Module
    pruned: Pruned
    failures: list[tuple[int, BaseException]] = field(default_factory=list)

    @staticmethod
    def read(path: str) -> Script:
        with open(path, "rb") as file:
            data = file.read()
        tree = ast.parse(data, path)
        return Script(path, decode(data), tree, prune(tree))

    def execute(self, names: dict[str, Any]) -> None:
        """Run the kept statements in a module's dict."""
        for name, line in self.pruned.unset.items():
            names.setdefault(name, Placeholder(name, self.path, line))
        self._run(self.pruned.kept, names)

    def rebuild(self, names: dict[str, Any]) -> dict[str, Any]:
        """The module's names after the statements that make values have run once more; definitions stay."""
        again = dict(names)
        failed = {line for line, _ in self.failures}
        for statement in self.pruned.kept:
            if not isinstance(statement, _DEFINITIONS) and statement.lineno not in failed:
                self._one(statement, again)
        return again

    def _run(self, statements: list[ast.stmt], names: dict[str, Any]) -> None:
        for statement in statements:
            try:
                self._one(statement, names)
            except Exception as error:
                self.failures.append((statement.lineno, error))
                for name in bound_names(statement):
                    names.setdefault(name, Placeholder(name, self.path, statement.lineno, one_line(error)))

    def _one(self, statement: ast.stmt, names: dict[str, Any]) -> None:
        module = ast.Module([statement], [])
        exec(compile(module, self.path, "exec", flags=self._flags(), dont_inherit=True), names)

    def _flags(self) -> int:
        postponed = any(
            isinstance(s, ast.ImportFrom) and s.module == "__future__" and any(a.name == "annotations" for a in s.names)
            for s in self.tree.body
        )
        return __future__.annotations.compiler_flag if postponed else 0


def one_line(error: BaseException, limit: int = 200) -> str:
    """An error as one line of text."""
    if isinstance(error, Unset):
        return str(error)
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(": ")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def decode(data: bytes) -> str:
    """Source text, by its own encoding declaration."""
    import io
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding, errors="replace")
    except SyntaxError:
        return data.decode("utf-8", errors="replace")
