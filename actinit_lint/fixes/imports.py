"""What a file imports, wherever in it."""

from __future__ import annotations

from collections.abc import Iterator

from actinit_lint.program import Program
from actinit_lint.program import language as la


def import_statements(program: Program) -> Iterator[la.Import | la.ImportFrom]:
    stack: list[la.Stmt] = list(program.body)
    while stack:
        statement = stack.pop()
        if isinstance(statement, (la.Import, la.ImportFrom)):
            yield statement
        for inner in ("body", "orelse", "final"):
            stack.extend(getattr(statement, inner, ()))
        for handler in getattr(statement, "handlers", ()):
            stack.extend(handler)


def taken_names(program: Program) -> set[str]:
    """Names that a file takes out of others with `from … import …`."""
    found = import_statements(program)
    return {name for one in found if isinstance(one, la.ImportFrom) for name, _ in one.names}


def imports(program: Program) -> Iterator[str]:
    """Dotted names of modules that a file may import: of `from a import b`, both `a` and `b`."""
    for one in import_statements(program):
        yield one.module
        if isinstance(one, la.ImportFrom):
            yield from (name for name, _ in one.names)
