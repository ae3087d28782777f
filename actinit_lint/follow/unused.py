"""Initialisation code that nothing calls: functions and methods, judged over all files of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from actinit_lint.follow.account import Account
from actinit_lint.follow.modules import find_kind
from actinit_lint.follow.roots import INITIALISING, is_model
from actinit_lint.follow.values import ClassValue, Func, ProjectModule
from actinit_lint.knowledge.torch import MODULE_BASES
from actinit_lint.model import NeverApplied
from actinit_lint.program import language as la

#: Names of initialisation routines: `init_weights`, `_reset_params`, `weights_init`, `xavier_init` ...
ROUTINE = re.compile(r"(^|_)(init|initiali[sz]e|reset)(_|$)|(^|_)(weights?|params?|parameters)_init", re.IGNORECASE)
#: Methods that frameworks call by themselves.
CALLED_BY_FRAMEWORKS = frozenset(
    {"__init__", "build", "forward", "call", "setup", "configure_optimizers", "__post_init__"}
)


def never_applied(modules: Iterable[ProjectModule], accounts: Iterable[Account]) -> Iterator[NeverApplied]:
    modules = list(modules)
    built: set[int] = set()
    scripts: set[str] = set()
    for account in accounts:
        built.update(id(cls) for cls in account.made)
        if account.script:
            scripts.add(account.path)
    candidates = [c for m in modules for c in _candidates(m, built, scripts)]
    if not candidates:
        return
    mentioned, pieces = names_in(modules)
    for func, owner in candidates:
        if func.name not in mentioned and not any(piece in func.name for piece in pieces):
            yield NeverApplied(func.place, func.name, owner.name if owner is not None else None)


def _candidates(module: ProjectModule, built: set[int], scripts: set[str]) -> Iterator[tuple[Func, ClassValue | None]]:
    classes = [v for v in module.scope.vars.values() if isinstance(v, ClassValue) and v.scope.globals is module]
    models = [c for c in classes if is_model(c)]
    for value in module.scope.vars.values():
        if isinstance(value, Func) and value.scope.globals is module and _is_routine(value):
            if module.path in scripts or (value.name.startswith("_") and models):
                yield value, None
    for cls in models:
        if cls.has_unknown_base or any(_calls_hooks(name) for name in cls.externals()):
            continue
        subclasses = [c for c in classes if c is not cls and any(b is cls for b in c.lineage())]
        for name, value in cls.attrs.items():
            if not isinstance(value, Func) or not _is_routine(value) or name in CALLED_BY_FRAMEWORKS:
                continue
            if any(name in c.attrs for c in subclasses):
                continue
            private = name.startswith("_") and not name.startswith("__")
            if private or id(cls) in built or any(id(c) in built for c in subclasses):
                yield value, cls


def _calls_hooks(name: str) -> bool:
    """A library base that calls an init method by itself: layers call `reset_parameters`, frameworks their hook."""
    kind = find_kind(name)
    if MODULE_BASES.get(name):
        return True
    return (kind is None and not name.startswith(("abc.", "typing.", "builtins."))) or (
        kind is not None and kind.role in ("layer", "recurrent", "norm", "embedding", "attention")
    )


def _is_routine(func: Func) -> bool:
    node = func.node
    return (
        isinstance(node, la.Function)
        and not func.called
        and ROUTINE.search(func.name) is not None
        and bool(node.mentions & INITIALISING)
    )


def names_in(modules: Iterable[ProjectModule]) -> tuple[set[str], set[str]]:
    """Every name, attribute, text and imported name of the files, and pieces of texts put together at run time: what
    could refer to a function."""
    found: set[str] = set()
    pieces: set[str] = set()
    stack: list[Any] = [module.program.body for module in modules if module.program is not None]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(v for v in node if isinstance(v, (Struct, tuple)))
            continue
        kind = node.__class__
        if kind is la.Name:
            found.add(node.id)
        elif kind is la.Attr:
            found.add(node.name)
            stack.append(node.value)
        elif kind is la.Const:
            if isinstance(node.value, str):
                found.add(node.value)
        elif kind is la.ImportFrom:
            found.update(name for name, _ in node.names)
        elif kind is la.FString:
            pieces.update(p.value for p in node.parts if isinstance(p, la.Const) and isinstance(p.value, str))
            stack.append(node.parts)
        else:
            for field in node.__struct_fields__:
                value = getattr(node, field)
                if isinstance(value, (Struct, tuple)):
                    stack.append(value)
    return found, {piece for piece in pieces if len(piece) > 2}
