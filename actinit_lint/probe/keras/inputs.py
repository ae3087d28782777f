"""Inputs a Keras model may accept, best first, and what to try after an error."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from actinit_lint.probe.inference.evaluator import Evaluator, NotKnown
from actinit_lint.probe.inference.leaves import LENGTH
from actinit_lint.probe.inference.sources import SourceFile, walk_scopes
from actinit_lint.probe.inference.specs import BATCH, Inputs, Spec

_SIDE = 32
_VOCABULARY = 10  # where no layer says how many there are


def starting_inputs(model: Any, mined: Sequence[Spec]) -> list[Inputs]:
    """Candidates for a model or layer that was just made."""
    declared = _declared(model)
    if declared is not None:
        return [declared]
    names = call_parameters(model)
    if not names:
        return [Inputs({})]
    usual = [spec for layer in _first_layers(model) for spec in specs_for(layer)]
    fitting = [
        spec for spec in mined if not usual or (len(spec.shape), spec.kind) == (len(usual[0].shape), usual[0].kind)
    ]
    mains = [*fitting, *usual, *mined]
    mains += [
        Spec((BATCH, 64)),
        Spec((BATCH, LENGTH, 64)),
        Spec((BATCH, _SIDE, _SIDE, 3)),
        Spec((BATCH, LENGTH), "int", 10),
    ]
    found = []
    for main in dict.fromkeys(mains):
        found.append(Inputs({names[0]: main, **{name: _other(name, main) for name in names[1:]}}))
    return found


def _declared(model: Any) -> Inputs | None:
    """What a functional or built sequential model says about its inputs; a list of several is given as one argument."""
    try:
        inputs = model.inputs
    except (AttributeError, ValueError):
        return None
    if not inputs:
        return None
    embedded = {id(source): layer.input_dim for layer in model._flatten_layers() for source in _embeds(layer)}
    specs = {}
    for number, tensor in enumerate(inputs):
        sizes = tuple(LENGTH if size is None else int(size) for size in tensor.shape[1:])
        whole = id(tensor) in embedded or "int" in str(tensor.dtype)
        high = embedded.get(id(tensor), _VOCABULARY)
        specs[f"input {number + 1}" if len(inputs) > 1 else "input"] = Spec(
            (BATCH, *sizes), "int" if whole else "float", high if whole else 2
        )
    return Inputs(specs, together=len(inputs) > 1, from_model=True)


def _embeds(layer: Any) -> list[Any]:
    """The tensors that an embedding layer of a functional model is applied to."""
    import keras

    if not isinstance(layer, keras.layers.Embedding):
        return []
    try:
        source = layer.input
    except (AttributeError, ValueError):
        return []
    return source if isinstance(source, list) else [source]


def call_parameters(model: Any) -> list[str]:
    """What `call` must be given; its first parameter at least."""
    try:
        found = list(inspect.signature(model.call).parameters.values())
    except (ValueError, TypeError):
        return ["inputs"]
    given = [
        p
        for p in found
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in ("training", "mask")
    ]
    required = [p.name for p in given if p.default is p.empty]
    return required or [p.name for p in given[:1]]


def _other(name: str, main: Spec) -> Spec:
    if "mask" in name:
        return Spec(main.shape[:2], "bool")
    if re.fullmatch(r"(t|time|times|timesteps?|step|labels?|y|class(es)?)", name):
        return Spec((BATCH,), "int", 2)
    return main


def _first_layers(model: Any) -> list[Any]:
    """Layers in the order they were made, containers left out."""
    found: list[Any] = []
    waiting = [model]
    while waiting and len(found) < 3:
        layer = waiting.pop(0)
        inner = list(getattr(layer, "layers", None) or layer._layers)
        whole = type(layer).__module__.startswith("keras.") and not hasattr(layer, "layers")
        if inner and not whole:
            waiting[0:0] = inner
        else:
            found.append(layer)
    return found


def specs_for(layer: Any) -> Iterator[Spec]:
    """What a layer that is not built yet takes: any width does, the number of axes counts."""
    from keras import layers

    n = BATCH
    image, sequence = Spec((n, _SIDE, _SIDE, 3)), Spec((n, LENGTH, 64))
    match layer:
        case layers.Embedding():
            yield Spec((n, LENGTH), "int", layer.input_dim)
            yield Spec((n,), "int", layer.input_dim)
        case layers.Conv2D() | layers.DepthwiseConv2D() | layers.SeparableConv2D() | layers.MaxPooling2D():
            yield image
            yield Spec((n, 28, 28, 1))
            yield Spec((n, 64, 64, 3))
        case layers.Conv2DTranspose():
            yield Spec((n, 8, 8, 16))
        case layers.Conv1D() | layers.SeparableConv1D():
            yield sequence
        case layers.Conv3D():
            yield Spec((n, 16, 16, 16, 1))
        case layers.LSTM() | layers.GRU() | layers.SimpleRNN() | layers.Bidirectional() | layers.RNN():
            yield sequence
        case layers.MultiHeadAttention() | layers.LayerNormalization():
            yield sequence
        case layers.Flatten() | layers.Rescaling() | layers.RandomFlip():
            yield Spec((n, 28, 28))
            yield image
        case layers.Dense():
            yield Spec((n, 64))


def proposals(error: BaseException, inputs: Inputs) -> Iterator[Inputs]:
    """Inputs worth trying after what Keras, or torch below it, says."""
    message = str(error)
    name, spec = inputs.names()[0], inputs.first()
    found = re.search(r"expected axis (-?\d+) of input shape to have value (\d+)", message)
    if found:
        yield from inputs.resized(name, int(found[1]), int(found[2]))
    found = re.search(r"expected (?:min_|max_)?ndim=(\d)", message)
    if found:
        yield from _of_rank(inputs, int(found[1]))
    if re.search(r"unpack|not iterable|list|tuple", message):
        for wrap in ("pair", "triple"):
            yield from inputs.changed(name, wrap=wrap)
    for rank in (4, 3, 2):
        if rank != len(spec.shape):
            yield from _of_rank(inputs, rank)
    if spec.kind == "int":
        yield from inputs.changed(name, kind="float")
    elif len(spec.shape) <= 3:
        yield from inputs.changed(name, kind="int", high=_VOCABULARY, shape=spec.shape[:2])
    for side in (28, 64, 128, 224):
        if len(spec.shape) == 4:
            yield from inputs.changed(name, shape=(BATCH, side, side, spec.shape[-1]))


def _of_rank(inputs: Inputs, rank: int) -> Iterator[Inputs]:
    made: dict[int, list[tuple[int, ...]]] = {
        2: [(BATCH, 64)],
        3: [(BATCH, LENGTH, 64), (BATCH, 28, 28)],
        4: [(BATCH, _SIDE, _SIDE, 3), (BATCH, 28, 28, 1), (BATCH, 8, 8, 64)],
        5: [(BATCH, 8, _SIDE, _SIDE, 3)],
    }
    for shape in made.get(rank, []):
        yield from inputs.changed(inputs.names()[0], shape=shape, kind="float")


def shapes_given(sources: list[SourceFile], names: dict[str, Any]) -> list[tuple[Spec, str]]:
    """Shapes that the user's code gives: `input_shape=(28, 28, 1)`, `Input((784,))`, `model.build((None, 32))`."""
    found: dict[Spec, str] = {}
    for source in sources:
        evaluator = Evaluator(source, names, {}, lambda _: False)
        for node, scope in walk_scopes(source.tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            shape = keywords.get("input_shape") or keywords.get("batch_input_shape")
            skip = 1 if "batch_input_shape" in keywords else 0
            if shape is None and called in ("Input", "InputLayer"):
                shape = keywords.get("shape") or (node.args[0] if node.args else None)
            elif shape is None and called in ("build", "normal", "uniform", "zeros", "ones", "rand", "randn", "random"):
                shape, skip = (
                    (keywords.get("input_shape") or keywords.get("shape") or (node.args[0] if node.args else None)),
                    1,
                )
            spec = _spec(shape, skip, evaluator, scope)
            if spec is not None:
                found.setdefault(spec, source.label(node.lineno))
    return list(found.items())[:6]


def _spec(node: ast.expr | None, skip: int, evaluator: Evaluator, scope: Any) -> Spec | None:
    if node is None:
        return None
    try:
        value = evaluator.value(node, scope)
    except NotKnown:
        return None
    if not isinstance(value, (tuple, list)) or len(value) <= skip:
        return None
    sizes = [LENGTH if size is None else size for size in value[skip:]]
    if not all(type(size) is int and 0 < size <= 4096 for size in sizes):
        return None
    return Spec((BATCH, *sizes))
