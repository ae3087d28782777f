"""Constructors of layers and parts as they stand in a file, run or not: what coverage is counted against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from actinit_lint.follow.modules import find_kind
from actinit_lint.follow.state import MISSING
from actinit_lint.follow.statements import expects_a_raise
from actinit_lint.follow.values import ClassValue, External, ProjectModule, Value
from actinit_lint.knowledge.kinds import Kind
from actinit_lint.knowledge.names import canonical
from actinit_lint.program import language as la


def layer_sites(module: ProjectModule, body: Any = None) -> Iterator[int]:
    """Numbers of the calls in a file, or in a part of it, whose callee is a library layer by its imported name."""

    def wanted(name: str) -> bool:
        kind = library_kind(module, name)
        return kind is not None and kind.role in ("layer", "recurrent")

    return _sites(module, wanted, body)


def part_sites(module: ProjectModule, is_part: Callable[[ClassValue], bool]) -> Iterator[int]:
    """Numbers of the calls in a file whose callee is one of the project's classes that count as parts."""

    def wanted(name: str) -> bool:
        value = module.scope.vars.get(name, MISSING)
        return isinstance(value, ClassValue) and is_part(value)

    return _sites(module, wanted)


def _sites(module: ProjectModule, wanted: Callable[[str], bool], body: Any = None) -> Iterator[int]:
    assert module.program is not None
    stack: list[Any] = [module.program.body if body is None else body]
    while stack:
        node = stack.pop()
        if isinstance(node, la.Check):
            continue
        if isinstance(node, la.With) and any(expects_a_raise(item) for item, _ in node.items):
            continue  # what is there to raise never becomes a layer
        if isinstance(node, la.Call):
            name = dotted(node.func)
            if name is not None and wanted(name):
                yield node.at
        if isinstance(node, Struct):
            for field in node.__struct_fields__:
                value = getattr(node, field)
                if isinstance(value, (Struct, tuple)):
                    stack.append(value)
        elif isinstance(node, tuple):
            stack.extend(v for v in node if isinstance(v, (Struct, tuple)))


def library_kind(module: ProjectModule, name: str) -> Kind | None:
    """The table row of a library class by the name that a file has for it."""
    head, _, rest = name.partition(".")
    value: Value = module.scope.vars.get(head, MISSING)
    if not isinstance(value, External):
        return None
    return find_kind(canonical(f"{value.name}.{rest}" if rest else value.name))


def dotted(node: la.Expr) -> str | None:
    if isinstance(node, la.Name):
        return node.id
    if isinstance(node, la.Attr):
        inner = dotted(node.value)
        return f"{inner}.{node.name}" if inner is not None else None
    return None
