"""Inputs a torch model may accept, best first, from its layers, its `forward` and the user's own calls."""

from __future__ import annotations

import ast
import inspect
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from actinit_lint.probe.inference.leaves import LENGTH, leaves_of, specs_for
from actinit_lint.probe.inference.others import fitted, other_specs
from actinit_lint.probe.inference.specs import BATCH, Inputs, Spec


def parameters_of_forward(model: Any) -> list[inspect.Parameter]:
    """What `forward` must be given; its first parameter at least, where it has one."""
    try:
        found = list(inspect.signature(model.forward).parameters.values())
    except (ValueError, TypeError):
        found = [inspect.Parameter("input", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    given = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = [p for p in given if p.default is p.empty]
    if required:
        return required
    if given:
        return given[:1]
    return [p for p in found if p.kind is p.VAR_POSITIONAL]


def starting_inputs(
    model: Any, called_with: Sequence[Spec] = (), sizes: Mapping[str, int] = MappingProxyType({})
) -> list[Inputs]:
    """Candidates for the first tries. `called_with`: tensors that the user's code makes; `sizes`: numbers the
    constructor was given, by name.
    """
    parameters = parameters_of_forward(model)
    if not parameters:
        return [Inputs({})]
    fed = layers_fed(model)
    names = [parameter.name for parameter in parameters]
    by_name = frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    mains = main_specs(model, names[0], fed.get(names[0], []), called_with)
    if len(names) > 1 and mains and len(mains[0].shape) == 2:  # only one part of what the first layer takes
        mains[:0] = _named_size(names[0], sizes)
    others = {name: _named_size(name, sizes) + other_specs(name, model, fed.get(name, [])) for name in names[1:]}
    found = []
    for position, main in enumerate(mains):
        chosen = {name: [fitted(spec, main) for spec in others[name]] or [main] for name in others}
        variants = max((len(specs) for specs in chosen.values()), default=1) if position < 3 else 1
        for index in range(min(variants, 4)):
            specs = {names[0]: main}
            specs.update({name: options[min(index, len(options) - 1)] for name, options in chosen.items()})
            found.append((index, position, Inputs(specs, by_name)))
    found.sort(key=lambda item: (item[0] * 2 + item[1], item[1]))
    return [inputs for _, _, inputs in found]


def main_specs(model: Any, name: str, fed: list[Any], called_with: Sequence[Spec]) -> list[Spec]:
    """Candidates for the input that carries the data."""
    leaves = [leaf for layer in fed for leaf in leaves_of(layer)[:1]]
    leaves += [leaf for leaf in leaves_of(model)[:3] if leaf not in leaves]
    found: list[Spec] = []
    first = leaves[0] if leaves else None
    found += [spec for spec in called_with if first is not None and _fits(spec, first)]
    for leaf in leaves[:4]:
        found += list(specs_for(leaf, model))
    found += called_with
    if not leaves:
        found += [Spec((BATCH, 64)), Spec((BATCH, 3, 64, 64)), Spec((BATCH, LENGTH, 64)), Spec((BATCH, 64, 32, 32))]
    rank = rank_hint(model, name)
    if rank is not None:
        found += [Spec((BATCH, 3, 64, 64))] if rank == 4 and not any(len(s.shape) == 4 for s in found) else []
        found.sort(key=lambda spec: len(spec.shape) != rank)
    return list(dict.fromkeys(found))


def _named_size(name: str, sizes: Mapping[str, int]) -> list[Spec]:
    """`state: float32[N, 17]` where the constructor was given `state_dim=17`."""
    wanted = re.compile(rf"(n_|num_)?{re.escape(name)}s?(_?(dims?|size|features|width|channels))?")
    return [Spec((BATCH, size)) for key, size in sizes.items() if wanted.fullmatch(key) and key != name]


def _fits(spec: Spec, layer: Any) -> bool:
    """Whether a tensor is one that a layer could be the first to see."""
    from torch import nn

    shape = spec.shape
    if isinstance(layer, nn.Embedding):
        return spec.kind == "int" and spec.high <= layer.num_embeddings
    if spec.kind != "float":
        return False
    match layer:
        case nn.Conv2d() | nn.ConvTranspose2d():
            return len(shape) == 4 and shape[1] == layer.in_channels
        case nn.Conv1d():
            return len(shape) == 3 and layer.in_channels in shape[1:]
        case nn.Conv3d():
            return len(shape) == 5 and shape[1] == layer.in_channels
        case nn.Linear():
            return shape[-1] == layer.in_features or math.prod(shape[1:]) == layer.in_features
        case nn.RNNBase():
            return len(shape) == 3 and shape[-1] == layer.input_size
    return False


_UNPACKED = re.compile(r"((?:\*?\w+\s*,\s*)+\*?\w*)\s*=\s*(\w+)\.(?:shape|size\(\))\s*(?:$|[#;])", re.MULTILINE)


def rank_hint(model: Any, name: str) -> int | None:
    """The number of axes that `b, c, h, w = x.shape` or an einops pattern gives away."""
    source = _forward_source(model)
    for left, right in _UNPACKED.findall(source):
        parts = [part for part in re.split(r"[,\s]+", left) if part]
        if right == name and not any(part.startswith("*") for part in parts):
            return len(parts)
    found = re.search(rf"(?:rearrange|reduce|repeat)\(\s*{re.escape(name)}\s*,\s*['\"]([^'\"]*?)->", source)
    pattern = found.group(1) if found else None
    if pattern is None:
        first = next((layer for layer in model.modules() if type(layer).__name__ in ("Rearrange", "Reduce")), None)
        pattern = first.pattern.partition("->")[0] if first is not None and hasattr(first, "pattern") else None
        if first is not None and list(model.modules()).index(first) > 4:
            pattern = None
    if not pattern or "..." in pattern:
        return None
    return len(re.sub(r"\([^)]*\)", "x", pattern).split())


def layers_fed(model: Any) -> dict[str, list[Any]]:
    """The layers that each parameter of `forward` goes into first: `self.conv1(x)`, `self.embed(tokens)`."""
    try:
        tree = ast.parse(_forward_source(model))
    except SyntaxError:
        return {}
    function = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if function is None or not function.args.args:
        return {}
    owner = function.args.args[0].arg
    fed: dict[str, list[Any]] = {}
    for node in _in_order(function):
        if not isinstance(node, ast.Call):
            continue
        layer = _attribute(model, node.func, owner)
        if layer is None or not hasattr(layer, "modules"):
            continue
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            for part in ast.walk(argument):
                if isinstance(part, ast.Name) and len(fed.setdefault(part.id, [])) < 2:
                    fed[part.id].append(_entrance(layer))
    return fed


def _in_order(function: ast.FunctionDef) -> list[ast.AST]:
    """Nodes by place, inner calls before the outer ones that use them."""
    nodes = [node for node in ast.walk(function) if hasattr(node, "lineno")]
    return sorted(nodes, key=lambda node: (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]


def _entrance(layer: Any) -> Any:
    """The part of a layer that its first argument goes into."""
    for _ in range(6):
        if not list(layer.children()) or type(layer).__module__.startswith("torch.nn.modules.container"):
            break
        if type(layer).__module__.startswith("torch."):
            break
        parameters = parameters_of_forward(layer)
        inner = layers_fed(layer).get(parameters[0].name, []) if parameters else []
        if not inner or inner[0] is layer:
            break
        layer = inner[0]
    return layer


def _attribute(model: Any, function: ast.expr, owner: str) -> Any:
    """`self.encoder.embed` or `self.layers[0]` in the built model."""
    match function:
        case ast.Name(id=name) if name == owner:
            return model
        case ast.Attribute(value=value, attr=attribute):
            inner = _attribute(model, value, owner)
            return getattr(inner, attribute, None) if inner is not None else None
        case ast.Subscript(value=value):
            inner = _attribute(model, value, owner)
            return next(iter(inner.children()), None) if inner is not None and hasattr(inner, "children") else None
    return None


def _forward_source(model: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(type(model).forward))
    except (OSError, TypeError):
        return ""
