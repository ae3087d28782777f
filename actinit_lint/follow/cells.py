"""Cells: the weights in front of the saturating gates of recurrent layers, library ones and those written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from actinit_lint.follow.chains import SATURATING, start_of
from actinit_lint.follow.graph import ends
from actinit_lint.follow.layers import Layers
from actinit_lint.follow.values import Flow
from actinit_lint.model import Gates, Layer, Place, Weight

#: Recurrent layers with sigmoid gates, and the input weights of a first recurrent layer.
GATED = ("LSTM", "GRU")
FIRST = frozenset({"weight_ih", "weight_ih_l0", "weight_ih_l0_reverse", "kernel"})


def cells(flows: Iterable[Flow], layers: Layers, confidence: Literal["low", "medium", "high"]) -> Iterator[Gates]:
    """The weights of a session's gates."""
    for node in flows:
        if node.op == "layer":
            yield from _gates(node, layers, confidence)


def _gates(node: Flow, layers: Layers, confidence: Literal["low", "medium", "high"]) -> Iterator[Gates]:
    """The weights in front of saturating gates: of a recurrent layer, or of a cell written by hand."""
    layer: Layer | None = layers.of(node)
    if layer is None or layer.scale_free:
        return
    if layer.recurrent:
        names = ("sigmoid", "tanh") if layer.kind.startswith(GATED) else ("tanh",)
        for weight in layer.weights.values():
            if weight.role in ("kernel", "recurrent") and weight.writes and weight.trainable and _is_matrix(weight):
                fan = weight.shape[1 if layer.framework == "torch" else 0] if weight.shape else None
                start = start_of(node, layers) if weight.role == "kernel" and weight.name in FIRST else None
                yield Gates(layer, weight, names, layers.model(node), fan, start, _places(node), confidence)
        return
    if layer.kind != "Parameter" or len(node.inputs) != 1:
        return
    weight = layer.weights["weight"]
    out_first = node.info.get("out_first")
    if not weight.writes or not weight.trainable or not _is_matrix(weight) or out_first is None:
        return
    found = [end for end in ends(node) if end.kind != "output" or end.node.op != "select"]  # parts that nobody takes
    meets = [end.node.activation for end in found if end.kind == "activation" and end.node.activation is not None]
    meant: tuple[str, ...] = tuple(sorted({activation.name for activation in meets}))
    if not meant or not set(meant) <= SATURATING or any(end.norms for end in found):
        return
    kinds = {end.kind for end in found}
    if (len(meant) == 1 and kinds == {"activation"}) or not kinds <= {"activation", "gate"}:
        return  # one activation alone makes a link
    places = tuple(place for activation in meets for place in activation.places)
    fan = weight.shape[1 if out_first else 0] if weight.shape else None
    yield Gates(layer, weight, meant, layers.model(node), fan, start_of(node, layers), places, confidence)


def _is_matrix(weight: Weight) -> bool:
    return weight.shape is not None and len(weight.shape) == 2


def _places(node: Flow) -> tuple[tuple[Place, str], ...]:
    return ((node.place, "applied here"),)
