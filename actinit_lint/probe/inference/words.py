"""Which words a parameter is compared with in a function's own source: `if pool == "max"`, `mode in ("a", "b")`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import lru_cache
from typing import Any


def words_for(name: str, function: Callable[..., Any]) -> list[str]:
    """The words, in the order of the source, those the code would refuse left out as far as can be seen."""
    return [word for parameter, word in _comparisons(function) if parameter == name]


@lru_cache(maxsize=256)
def _comparisons(function: Callable[..., Any]) -> tuple[tuple[str, str], ...]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ()
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.In()], comparators=[right]):
                for name in _named(left):
                    found += [(name, word) for word in _texts(right)]
            case ast.Subscript(value=ast.Dict(keys=keys), slice=index):  # {"relu": …}[act]
                for name in _named(index):
                    found += [(name, word) for key in keys if key is not None for word in _texts(key)]
    return tuple(found)


def _named(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("lower", "strip"):
        node = node.func.value
    if isinstance(node, ast.Name):
        return [node.id]
    return [node.attr] if isinstance(node, ast.Attribute) else []


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return [text for part in node.elts for text in _texts(part)]
    return []
