"""A small evaluator for the arguments of call sites: literals, constants, arithmetic, layers; nothing that acts."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import math
import operator
import sys
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from actinit_lint.probe.inference.sources import Scope, SourceFile
from actinit_lint.probe.inference.values import Fresh, realise
from actinit_lint.probe.loading.placeholders import Placeholder
from actinit_lint.probe.loading.stubs import Stub


class NotKnown(Exception):
    """An expression's value does not follow from the source."""


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_CALLS: tuple[Any, ...] = (
    *(
        int,
        float,
        bool,
        str,
        len,
        min,
        max,
        sum,
        abs,
        round,
        range,
        list,
        tuple,
        dict,
        sorted,
        zip,
        math.prod,
        math.sqrt,
    ),
    *(math.log2, math.ceil, math.floor, math.pow),
)
_LARGEST = 10**9  # numbers beyond are no sizes


@dataclasses.dataclass(slots=True)
class Evaluator:
    """Values of expressions in one file. `names` are the loaded module's globals, `defaults` its argument parsers'."""

    source: SourceFile
    names: Mapping[str, Any]
    defaults: Mapping[str, tuple[Any, str]]
    makes: Callable[[type], bool]  # whether calling this class only builds something
    following: set[tuple[int, str]] = dataclasses.field(default_factory=set)  # names whose value is being worked out

    def value(self, node: ast.expr, scope: Scope, depth: int = 0) -> Any:
        """Raises NotKnown. What contains a new layer comes as `Fresh`."""
        if depth > 12:
            raise NotKnown
        deeper = depth + 1
        match node:
            case ast.Constant():
                return node.value
            case ast.Name(id=name):
                return self._name(name, scope, deeper)
            case ast.Attribute():
                return self._attribute(node, scope, deeper)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                made: list[Any] = []
                for part in parts:
                    if isinstance(part, ast.Starred):
                        made += list(self.value(part.value, scope, deeper))
                    else:
                        made.append(self.value(part, scope, deeper))
                return tuple(made) if isinstance(node, ast.Tuple) else made if isinstance(node, ast.List) else set(made)
            case ast.Dict():
                keys = [self.value(key, scope, deeper) for key in node.keys if key is not None]
                return dict(zip(keys, [self.value(value, scope, deeper) for value in node.values]))
            case ast.UnaryOp() if type(node.op) in _UNARY:
                return _attempt(_UNARY[type(node.op)], self.value(node.operand, scope, deeper))
            case ast.BinOp() if type(node.op) in _BINARY:
                left, right = self.value(node.left, scope, deeper), self.value(node.right, scope, deeper)
                return _attempt(_BINARY[type(node.op)], left, right)
            case ast.BinOp(op=ast.Pow()):
                left, right = self.value(node.left, scope, deeper), self.value(node.right, scope, deeper)
                if isinstance(right, (int, float)) and abs(right) <= 32:
                    return _attempt(operator.pow, left, right)
            case ast.Subscript():
                owner, key = self.value(node.value, scope, deeper), self.value(node.slice, scope, deeper)
                return _attempt(operator.getitem, owner, key)
            case ast.Slice():
                ends = (node.lower, node.upper, node.step)
                return slice(*(None if end is None else self.value(end, scope, deeper) for end in ends))
            case ast.IfExp():  # both branches are the author's own
                return self._first(scope, deeper, node.body, node.orelse)
            case ast.ListComp(generators=[ast.comprehension(target=ast.Name(id=name), ifs=[])]):
                return self._comprehension(node, name, scope, deeper)
            case ast.Call():
                return self._call(node, scope, deeper)
        raise NotKnown

    def _first(self, scope: Scope, depth: int, *nodes: ast.expr) -> Any:
        for node in nodes:
            try:
                return self.value(node, scope, depth)
            except NotKnown:
                continue
        raise NotKnown

    def _comprehension(self, node: ast.ListComp, name: str, scope: Scope, depth: int) -> Any:
        source = self.value(node.generators[0].iter, scope, depth)
        if not isinstance(source, (list, tuple, range)) or len(source) > 256:
            raise NotKnown
        inner = dataclasses.replace(self, names={**self.names, name: None})
        made = []
        for item in source:
            inner.names = {**self.names, name: item}
            made.append(inner.value(node.elt, ast.Module([], []), depth))
        return made

    def _name(self, name: str, scope: Scope, depth: int) -> Any:
        if (id(scope), name) in self.following:  # `x = x + 1`
            raise NotKnown
        self.following.add((id(scope), name))
        try:
            return self._looked_up(name, scope, depth)
        finally:
            self.following.discard((id(scope), name))

    def _looked_up(self, name: str, scope: Scope, depth: int) -> Any:
        for place in (scope, self.source.tree) if scope is not self.source.tree else (scope,):
            assigned = _assigned(place, name)
            if len(assigned) == 1 or (assigned and len({ast.dump(a) for a in assigned}) == 1):
                return self.value(assigned[0], place, depth)
            if assigned:  # several: the author's first choice
                return self._first(place, depth, *assigned)
            default = _parameter_default(place, name)
            if default is not None:
                return self.value(default, self.source.tree, depth)
            if place is scope and _is_parameter(place, name):
                raise NotKnown
        if name in self.names:
            return _usable(self.names[name])
        if name in self.source.imports:
            return _usable(imported(self.source.imports[name]))
        built_in = getattr(builtins, name, None)
        if isinstance(built_in, type):
            return built_in
        raise NotKnown

    def _attribute(self, node: ast.Attribute, scope: Scope, depth: int) -> Any:
        root = node.value
        if isinstance(root, ast.Name):
            module = self.names.get(root.id)
            if not isinstance(module, types.ModuleType):
                module = imported(self.source.imports.get(root.id, ""))
            if module is not None and not isinstance(module, (Placeholder, Stub)) and hasattr(module, node.attr):
                return _usable(getattr(module, node.attr))
        try:
            owner = self.value(root, scope, depth)
        except NotKnown:
            owner = None
        if isinstance(owner, (types.ModuleType, type)) or dataclasses.is_dataclass(owner) or _is_namespace(owner):
            if hasattr(owner, node.attr):
                return _usable(getattr(owner, node.attr))
        if isinstance(root, (ast.Name, ast.Attribute)) and node.attr in self.defaults:
            return self.defaults[node.attr][0]
        raise NotKnown

    def _call(self, node: ast.Call, scope: Scope, depth: int) -> Any:
        function = (
            self.value(node.func, scope, depth) if not isinstance(node.func, ast.Name) else self._callee(node, scope)
        )
        args = [self.value(argument, scope, depth) for argument in node.args]
        kwargs = {k.arg: self.value(k.value, scope, depth) for k in node.keywords if k.arg is not None}
        if any(function is allowed for allowed in _CALLS):
            return _attempt(function, *args, **kwargs)
        if isinstance(function, type) and self.makes(function):
            return Fresh(lambda: function(*map(realise, args), **realise(kwargs)), lambda: ast.unparse(node))
        raise NotKnown

    def _callee(self, node: ast.Call, scope: Scope) -> Any:
        assert isinstance(node.func, ast.Name)
        try:
            return self._name(node.func.id, scope, 0)
        except NotKnown:
            return getattr(builtins, node.func.id, None)


def imported(dotted: str) -> Any:
    """What an import of an already loaded module gives; None otherwise. Nothing is imported for it."""
    if dotted in sys.modules:
        return sys.modules[dotted]
    module, _, name = dotted.rpartition(".")
    return getattr(sys.modules.get(module), name, None) if module in sys.modules else None


def _attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if any(isinstance(value, Fresh) for value in (*args, *kwargs.values())):
        raise NotKnown
    try:
        value = function(*args, **kwargs)
    except Exception:
        raise NotKnown from None
    if (isinstance(value, (int, float)) and abs(value) > _LARGEST) or (
        isinstance(value, (list, tuple)) and len(value) > 4096
    ):
        raise NotKnown
    return value


def _usable(value: Any) -> Any:
    """Globals that may be shared between models: no tensors, modules, placeholders."""
    if value is None or isinstance(value, (Placeholder, Stub)):
        raise NotKnown
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, (torch.Tensor, torch.nn.Module)):
        raise NotKnown
    return value


def _is_namespace(value: object) -> bool:
    import argparse

    return isinstance(value, (argparse.Namespace, types.SimpleNamespace))


def _assigned(scope: Scope, name: str) -> list[ast.expr]:
    """The expressions a name is set to in a scope, in order."""
    return _assignments(scope).get(name, [])


@lru_cache(maxsize=4096)
def _assignments(scope: Scope) -> dict[str, list[ast.expr]]:
    """All names set in a scope, inner functions and classes left out."""
    found: dict[str, list[ast.expr]] = {}
    waiting: list[ast.AST] = list(reversed(scope.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Assign):
            parts = [part for target in node.targets for part in _parts(target, node.value)]
        else:
            parts = _parts(node.target, node.value) if isinstance(node, ast.AnnAssign) else []
        for name, value in parts:
            found.setdefault(name, []).append(value)
        waiting += reversed(list(ast.iter_child_nodes(node)))
    return found


def _parts(target: ast.expr, value: ast.expr | None) -> list[tuple[str, ast.expr]]:
    if value is None:
        return []
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        if len(target.elts) == len(value.elts):
            return [part for t, v in zip(target.elts, value.elts) for part in _parts(t, v)]
    return []


def _is_parameter(scope: Scope, name: str) -> bool:
    if isinstance(scope, ast.Module):
        return False
    arguments = scope.args
    return any(a.arg == name for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))


def _parameter_default(scope: Scope, name: str) -> ast.expr | None:
    if isinstance(scope, ast.Module):
        return None
    arguments = scope.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(positional), reversed(arguments.defaults)),
        *zip(arguments.kwonlyargs, arguments.kw_defaults),
    ]
    return next((default for argument, default in pairs if argument.arg == name), None)
