"""Constructor arguments as the user's own code gives them: `Net(784, args.hidden)` in a training script or a test."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from actinit_lint.probe.inference.arguments import Inferrer, parameters_of
from actinit_lint.probe.inference.evaluator import Evaluator, NotKnown
from actinit_lint.probe.inference.names import DEPTH_ROLES, role_of
from actinit_lint.probe.inference.sources import Scope, SourceFile, spellings, walk_scopes
from actinit_lint.probe.inference.specs import BATCH, Spec
from actinit_lint.probe.inference.values import Arguments

_MOST = 4  # call sites tried


def from_call_sites(
    name: str,
    function: Callable[..., Any],
    sources: list[SourceFile],
    names: Mapping[str, Any],
    defaults: Mapping[str, tuple[Any, str]],
    inferrer: Inferrer,
    makes: Callable[[type], bool],
) -> list[Arguments]:
    """Best first: those known in full, then those where a size had to be assumed. `sources`: its own file first."""
    found: dict[str, Arguments] = {}
    for source in sources:
        evaluator = Evaluator(source, names, defaults, makes)
        for call, scope in _calls(name, sources[0].path, source):
            arguments = _bound(call, scope, function, evaluator, inferrer)
            if arguments is not None:
                found.setdefault(arguments.text(name), arguments)
    return sorted(found.values(), key=lambda arguments: len(arguments.assumed))[:_MOST]


def _calls(name: str, path: str, source: SourceFile) -> Iterator[tuple[ast.Call, Scope]]:
    plain, owners = spellings(name, path, source)
    if not plain and not owners:
        return
    for node, scope in walk_scopes(source.tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=called) if called in plain:
                    yield node, scope
                case ast.Attribute(value=ast.Name(id=owner), attr=called) if called == name and owner in owners:
                    yield node, scope
                case ast.Attribute(value=ast.Attribute(attr=owner), attr=called) if called == name and owner in path:
                    yield node, scope


def _bound(
    call: ast.Call, scope: Scope, function: Callable[..., Any], evaluator: Evaluator, inferrer: Inferrer
) -> Arguments | None:
    """The call's arguments by parameter name, unknown ones inferred; None where too little is known."""
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    parameters = {parameter.name: parameter for parameter in parameters_of(function)}
    try:
        given = inspect.signature(function).bind_partial(
            *call.args, **{keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
        )
    except (TypeError, ValueError):
        return None
    known: dict[str, Any] = {}
    assumed: set[str] = set()
    extra: list[Any] = []
    for name, value in given.arguments.items():
        kind = inspect.signature(function).parameters[name].kind
        try:
            if kind is inspect.Parameter.VAR_POSITIONAL:
                extra = [evaluator.value(part, scope) for part in value]
            elif kind is inspect.Parameter.VAR_KEYWORD:
                known.update({key: evaluator.value(part, scope) for key, part in value.items()})
            else:
                known[name] = evaluator.value(value, scope)
        except NotKnown:
            if name not in parameters:
                return None
            assumed.add(name)
    if not known and not extra and assumed:
        return None  # nothing that a guess would not know
    for name, parameter in parameters.items():
        if name not in known and (name in assumed or parameter.default is parameter.empty):
            known[name] = inferrer.value(parameter, function)
            assumed.add(name)
    depth = any(role_of(name) in DEPTH_ROLES for name in assumed)
    args: tuple[Any, ...] = ()
    if extra:  # positional parameters before *args must be given by place
        args = (
            *(known.pop(name) for name in list(given.arguments) if name in known and _by_place(parameters[name])),
            *extra,
        )
    return Arguments(args, known, evaluator.source.label(call.lineno), frozenset(assumed), depth)


def _by_place(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not inspect.Parameter.KEYWORD_ONLY


def tensors_made(sources: list[SourceFile], names: Mapping[str, Any]) -> list[tuple[Spec, str]]:
    """The tensors that the files make, with their places: `torch.randn(1, 3, 224, 224)`, `summary(net, (3, 32, 32))`.

    The first axis becomes the batch.
    """
    found: dict[Spec, str] = {}
    for source in sources:
        evaluator = Evaluator(source, names, {}, lambda _: False)
        for node, scope in walk_scopes(source.tree):
            if isinstance(node, ast.Call):
                try:
                    spec = _tensor(node, scope, evaluator)
                except NotKnown:
                    continue
                if spec is not None:
                    found.setdefault(spec, source.label(node.lineno))
    return list(found.items())[:6]


def _tensor(call: ast.Call, scope: Scope, evaluator: Evaluator) -> Spec | None:
    called = (
        call.func.attr
        if isinstance(call.func, ast.Attribute)
        else call.func.id
        if isinstance(call.func, ast.Name)
        else ""
    )
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if called in ("randn", "rand", "ones", "zeros"):
        sizes = [evaluator.value(argument, scope) for argument in call.args]
        if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
            sizes = list(sizes[0])
        return _batched(sizes)
    if called == "randint":
        values = [evaluator.value(argument, scope) for argument in call.args]
        size = evaluator.value(keywords["size"], scope) if "size" in keywords else values[-1] if values else None
        if isinstance(size, (tuple, list)) and values and len(values) >= 2:
            high = values[1] if isinstance(values[1], int) else values[0]
            made = _batched(list(size))
            return Spec(made.shape, "int", high) if made is not None and isinstance(high, int) else None
        return None
    if called in ("summary", "get_model_complexity_info"):
        size = keywords.get("input_size") or (call.args[1] if len(call.args) > 1 else None)
        value = evaluator.value(size, scope) if size is not None else None
        if isinstance(value, (tuple, list)):
            batched = called == "summary" and "input_size" in keywords and len(value) != 3
            return _batched(list(value) if batched else [1, *value])
    return None


def _batched(sizes: list[Any]) -> Spec | None:
    if len(sizes) < 2 or not all(type(size) is int and 0 < size <= 4096 for size in sizes):
        return None
    return Spec((BATCH, *sizes[1:]))
