"""The user's source files around a model: where it is called, and what its script's argument parser defaults to."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from actinit_lint.probe.loading.load import Loaded

_MOST_FILES, _MOST_BYTES = 60, 300_000
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


@dataclass(slots=True)
class SourceFile:
    """`imports` maps what the file's imports bind to dotted names."""

    path: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    starred: list[str] = field(default_factory=list)  # modules imported with *

    def label(self, line: int) -> str:
        return f"{os.path.basename(self.path)}:{line}"


def sources_around(loaded: Loaded, word: str) -> list[SourceFile]:
    """The model's own file first, then those of its project near it that mention `word`."""
    files = [read(loaded.path, loaded.tree)]
    for path in _near(loaded.path, loaded.workspace.root, loaded.workspace.top):
        if len(files) >= _MOST_FILES:
            break
        try:
            if os.path.getsize(path) > _MOST_BYTES:
                continue
            with open(path, "rb") as file:
                data = file.read()
            if word.encode() in data:
                files.append(read(path, ast.parse(data)))
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
    return files


def read(path: str, tree: ast.Module) -> SourceFile:
    source = SourceFile(path, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                source.imports[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                source.imports[alias.asname or alias.name] = f"{module}.{alias.name}"
                if alias.name == "*":
                    source.starred.append(module)
    return source


def spellings(name: str, path: str, source: SourceFile) -> tuple[set[str], set[str]]:
    """How a file calls what `path` defines as `name`: plain names, and the names it is an attribute of."""
    if source.path == path:
        return {name}, set()
    stem = os.path.splitext(os.path.basename(path))[0]
    homes = {stem, os.path.basename(os.path.dirname(path))}
    plain, owners = set(), set()
    for bound, dotted in source.imports.items():
        module, _, last = dotted.rpartition(".")
        if last == name and (homes & set(module.split(".")) or not module.strip(".")):
            plain.add(bound)
        elif homes & set(dotted.split(".")):
            owners.add(bound)
    if any(homes & set(module.split(".")) or not module.strip(".") for module in source.starred):
        plain.add(name)
    return plain, owners


def _near(path: str, root: str, top: str) -> Iterator[str]:
    """Python files of the model's folder, of the folders above it up to the project's, and of those beside them."""
    folders = [os.path.dirname(path)]
    while folders[-1] not in (root, top, os.path.dirname(folders[-1])):
        folders.append(os.path.dirname(folders[-1]))
    for extra in (top, root):
        if extra not in folders:
            folders.append(extra)
    folders += [
        os.path.join(folder, name) for folder in folders[-2:] for name in ("tests", "test", "scripts", "examples")
    ]
    seen = {path}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names[:400]:
            file = os.path.join(folder, name)
            if name.endswith(".py") and file not in seen:
                seen.add(file)
                yield file


def walk_scopes(tree: ast.Module) -> Iterator[tuple[ast.AST, Scope]]:
    """Every node with the innermost function (or the module) it stands in."""
    waiting: list[tuple[ast.AST, Scope]] = [(tree, tree)]
    while waiting:
        node, scope = waiting.pop()
        inner = node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
        children = list(ast.iter_child_nodes(node))
        for child in children:
            yield child, inner
        waiting += [(child, inner) for child in reversed(children)]


def parser_defaults(sources: list[SourceFile]) -> dict[str, tuple[Any, str]]:
    """`add_argument("--hidden", default=128)` in any of the files: name → (value, "train.py:12")."""
    found: dict[str, tuple[Any, str]] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr != "add_argument":
                continue
            flags = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            options = {k.arg: k.value for k in node.keywords}
            name = options.get("dest")
            flag = name.value if isinstance(name, ast.Constant) else _longest_flag(flags)
            value = _default(options)
            if isinstance(flag, str) and value is not None:
                found.setdefault(flag, (value, source.label(node.lineno)))
    return found


def _longest_flag(flags: list[str]) -> str | None:
    long = [flag for flag in flags if flag.startswith("--")] or flags
    return long[0].lstrip("-").replace("-", "_") if long else None


def _default(options: dict[str | None, ast.expr]) -> Any:
    action = options.get("action")
    if isinstance(action, ast.Constant) and action.value in ("store_true", "store_false"):
        return action.value == "store_false"
    try:
        value = ast.literal_eval(options["default"]) if "default" in options else None
    except (ValueError, TypeError, SyntaxError):
        return None
    kind = options.get("type")
    if isinstance(value, str) and isinstance(kind, ast.Name) and kind.id in ("int", "float"):
        try:
            return int(value) if kind.id == "int" else float(value)
        except ValueError:
            return None
    return value
