"""Inputs a torch model may accept, best first, from its layers, its `forward` and the user's own calls."""

from __future__ import annotations

import ast
import inspect
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from actinit_lint.probe.inference.specs import BATCH, Inputs, Spec

LENGTH = 32  # of sequences
SIZES = (64, 32, 28, 128, 224, 256, 96, 84, 48, 16, 299, 227, 112, 512, 384)  # image sides people use


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


def starting_inputs(model: Any, called_with: Sequence[Spec] = ()) -> list[Inputs]:
    """Candidates for the first tries. `called_with`: tensors that the user's code makes."""
    parameters = parameters_of_forward(model)
    if not parameters:
        return [Inputs({})]
    fed = layers_fed(model)
    names = [parameter.name for parameter in parameters]
    by_name = frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    mains = main_specs(model, names[0], fed.get(names[0], []), called_with)
    others = {name: other_specs(name, model, fed.get(name, [])) for name in names[1:]}
    found = []
    for position, main in enumerate(mains):
        chosen = {name: [_like(spec, main) for spec in others[name]] or [main] for name in others}
        variants = max((len(specs) for specs in chosen.values()), default=1) if position < 3 else 1
        for index in range(min(variants, 4)):
            specs = {names[0]: main}
            specs.update({name: options[min(index, len(options) - 1)] for name, options in chosen.items()})
            found.append((index, position, Inputs(specs, by_name)))
    found.sort(key=lambda item: (item[0] * 2 + item[1], item[1]))
    return [inputs for _, _, inputs in found]


def main_specs(model: Any, name: str, fed: list[Any], called_with: Sequence[Spec]) -> list[Spec]:
    """Candidates for the input that carries the data."""
    leaves = [leaf for layer in fed for leaf in _leaves(layer)[:1]]
    leaves += [leaf for leaf in _leaves(model)[:3] if leaf not in leaves]
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


def _leaves(model: Any) -> list[Any]:
    """The layers with parameters of their own, in the order of registration."""
    import torch

    found = []
    inside: set[int] = set()
    for layer in model.modules():
        if id(layer) in inside:
            continue
        whole = isinstance(layer, (torch.nn.MultiheadAttention, torch.nn.Transformer, torch.nn.TransformerEncoderLayer))
        if whole:
            inside.update(id(part) for part in layer.modules())
        if whole or (
            any(True for _ in layer.parameters(recurse=False)) and (layer is not model or not list(layer.children()))
        ):
            found.append(layer)
    return found


def specs_for(layer: Any, model: Any) -> Iterator[Spec]:
    """What a layer takes, with the sizes that are usual for it."""
    from torch import nn

    n = BATCH
    match layer:
        case nn.Embedding() | nn.EmbeddingBag():
            yield Spec((n, LENGTH), "int", layer.num_embeddings)
            yield Spec((n,), "int", layer.num_embeddings)
        case nn.Conv2d():
            sides = [_side(model), 32, 224, 28, 16, 128]
            for side in [28, *sides] if layer.in_channels == 1 and not _declared_side(model) else sides:
                yield Spec((n, layer.in_channels, side, side))
        case nn.ConvTranspose2d():
            for side in (1, 4, 8, 16):
                yield Spec((n, layer.in_channels, side, side))
            yield Spec((n, layer.in_channels))
        case nn.Conv1d() | nn.ConvTranspose1d():
            for length in (128, 1024, 32):
                yield Spec((n, layer.in_channels, length))
            yield Spec((n, 128, layer.in_channels))
        case nn.Conv3d() | nn.ConvTranspose3d():
            for depth, side in ((16, 32), (4, 64), (16, 112), (32, 32)):
                yield Spec((n, layer.in_channels, depth, side, side))
        case nn.RNNBase():
            yield Spec((n, LENGTH, layer.input_size))
        case nn.RNNCellBase():
            yield Spec((n, layer.input_size))
            yield Spec((n, LENGTH, layer.input_size))
        case nn.Linear():
            yield from _for_linear(layer.in_features, model)
        case nn.MultiheadAttention():
            yield Spec((n, LENGTH, layer.embed_dim))
        case nn.TransformerEncoderLayer():
            yield Spec((n, LENGTH, layer.self_attn.embed_dim))
        case nn.Transformer():
            yield Spec((n, LENGTH, layer.d_model))
        case nn.BatchNorm1d() | nn.InstanceNorm1d():
            yield Spec((n, layer.num_features))
            yield Spec((n, layer.num_features, LENGTH))
        case nn.BatchNorm2d() | nn.InstanceNorm2d():
            yield Spec((n, layer.num_features, 32, 32))
        case nn.BatchNorm3d() | nn.InstanceNorm3d():
            yield Spec((n, layer.num_features, 4, 16, 16))
        case nn.GroupNorm():
            yield Spec((n, layer.num_channels, 32, 32))
            yield Spec((n, layer.num_channels, LENGTH))
        case nn.LayerNorm():
            yield Spec((n, LENGTH, *layer.normalized_shape))
            yield Spec((n, *layer.normalized_shape))
        case nn.Bilinear():
            yield Spec((n, layer.in1_features))
        case _:
            yield from _for_bare_parameters(layer)


def _for_linear(features: int, model: Any) -> Iterator[Spec]:
    """Features as they are, or the image or patches they are made of."""
    for channels in (3, 1):
        patch = next((side for side in (16, 8, 4, 32, 14) if side * side * channels == features), None)
        if patch is not None:
            yield Spec((BATCH, channels, _side(model), _side(model)))
    yield Spec((BATCH, features))
    yield Spec((BATCH, LENGTH, features))
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if side * side * channels == features and side >= 8:
            yield Spec((BATCH, channels, side, side))


def _for_bare_parameters(layer: Any) -> Iterator[Spec]:
    weight = next(iter(layer.parameters(recurse=False)))
    width = int(weight.shape[-1]) if weight.dim() == 2 else int(max(weight.shape, default=1))
    if weight.dim() == 2:  # x @ W or x @ W.T
        yield Spec((BATCH, int(weight.shape[0])))
    if weight.dim() >= 3 and weight.shape[0] == 1 and weight.shape[-1] == 1:
        yield Spec((BATCH, width, 32, 32))
    yield Spec((BATCH, LENGTH, width))
    yield Spec((BATCH, width))
    yield Spec((BATCH, width, 32, 32))


def _declared_side(model: Any) -> int | None:
    """The image size a model keeps as an attribute."""
    for name in ("image_size", "img_size", "input_size", "resolution"):
        size = getattr(model, name, None)
        size = size[0] if isinstance(size, (tuple, list)) and size else size
        if type(size) is int and 8 <= size <= 1024:
            return size
    return None


def _side(model: Any) -> int:
    return _declared_side(model) or 64


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


def other_specs(name: str, model: Any, fed: list[Any]) -> list[Spec]:
    """Candidates for a further input, by its name and the layer it goes into; fitted to the main input later."""
    name = name.lower()
    found: list[Spec] = []
    for pattern, make in _BY_NAME:
        if re.fullmatch(pattern, name):
            found += make(model)
            break
    else:
        for layer in fed:
            for leaf in _leaves(layer)[:1]:
                found += list(specs_for(leaf, model))[:2]
        found.append(SAME)
    return found


#: Marks "like the main input" and "one value for each position of it".
SAME = Spec((), "zeros")
_PER_POSITION = Spec((-1,), "bool")
_SQUARE = Spec((-2,), "bool")


def _like(spec: Spec, main: Spec) -> Spec:
    """A marked spec fitted to the main input."""
    if spec is SAME:
        return main
    if spec is _PER_POSITION:
        return Spec(main.shape[:2], "bool")
    if spec is _SQUARE:
        side = main.shape[1] if len(main.shape) > 1 else main.shape[0]
        return Spec((side, side), "bool")
    return spec


def _state(model: Any) -> list[Spec]:
    """A recurrent layer's hidden state, with the cell state where there is one."""
    from torch import nn

    for layer in model.modules():
        if isinstance(layer, nn.RNNBase):
            shape = (layer.num_layers * (2 if layer.bidirectional else 1), BATCH, layer.hidden_size)
            unbatched = (shape[0], LENGTH, layer.hidden_size)
            both = [Spec(shape, "zeros"), Spec(unbatched, "zeros"), Spec(shape[::2], "zeros")]
            if isinstance(layer, nn.LSTM):
                return [Spec(shape, "zeros", wrap="pair"), Spec(unbatched, "zeros", wrap="pair"), *both]
            return both
        if isinstance(layer, nn.RNNCellBase):
            state = Spec((BATCH, layer.hidden_size), "zeros")
            return [Spec(state.shape, "zeros", wrap="pair"), state] if isinstance(layer, nn.LSTMCell) else [state]
    width = getattr(model, "hidden_size", None) or getattr(model, "hidden_dim", None)
    if type(width) is int:
        return [Spec((BATCH, width), "zeros"), Spec((1, BATCH, width), "zeros"), Spec((1, width), "zeros")]
    return [SAME]


def _actions(model: Any) -> list[Spec]:
    from torch import nn

    features = [layer.in_features for layer in model.modules() if isinstance(layer, nn.Linear)]
    declared = [getattr(model, n, None) for n in ("action_dim", "act_dim", "n_actions", "num_actions", "action_size")]
    sizes = [size for size in declared if type(size) is int]
    return [Spec((BATCH, size)) for size in (*sizes, *((2, 4, 1, 64) if features else (1,)))][:4]


def _labels(model: Any) -> list[Spec]:
    from torch import nn

    classes = [layer.num_embeddings for layer in model.modules() if isinstance(layer, nn.Embedding)]
    return [Spec((BATCH,), "int", min(classes, default=2)), Spec((BATCH, 10)), SAME, Spec((BATCH, 1))]


_BY_NAME: list[tuple[str, Any]] = [
    (r".*mask.*", lambda model: [_PER_POSITION, _SQUARE, SAME]),
    (
        r"(t|ts|time|times|time_?steps?|step|steps|noise_level|sigma|temb|timestep_index|log_?snr|diffusion_step)",
        lambda model: [Spec((BATCH,), "int", 10), Spec((BATCH,), "unit"), Spec((BATCH, 1), "unit")],
    ),
    (r"(y|labels?|targets?|class(es)?|class_labels?|label_ids|c|cond|cls|y_true|gt)", _labels),
    (r"edge_index|adj_t|edges", lambda model: [Spec((2, 8), "int", 2)]),
    (r".*adj.*", lambda model: [Spec((BATCH, BATCH)), Spec((LENGTH, LENGTH))]),
    (r".*(lens?|lengths?)", lambda model: [Spec((BATCH,), "fill", 4), Spec((LENGTH,), "fill", 2)]),
    (r".*(hidden|state|prev).*|h|h\d|hx|hc|c0|cx|h_.*|c_.*", _state),
    (r".*action.*|a|act", _actions),
    (
        r".*(pos|position|index|indices|idx|ids)",
        lambda model: [Spec((BATCH, LENGTH), "int", 2), Spec((BATCH,), "int", 2)],
    ),
    (r".*(offsets?)", lambda model: [Spec((BATCH,), "fill", 0)]),
    (
        r".*(ratio|p|prob|alpha|lambda_?|epsilon|temperature|teacher_forcing.*)",
        lambda model: [Spec((), "unit"), Spec((BATCH, 1), "unit")],
    ),
]
