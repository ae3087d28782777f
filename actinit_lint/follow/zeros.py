"""Values that are exactly 0 at the start, whatever the data: what layers of zeros make, and what is made of that."""

from __future__ import annotations

from collections.abc import Iterable

from actinit_lint.follow.layers import Layers
from actinit_lint.follow.values import Flow
from actinit_lint.model import Layer, Weight

#: Activations that are 0 at 0.
THROUGH_ZERO = frozenset(
    {"relu", "relu6", "relu2", "leaky_relu", "prelu", "rrelu", "elu", "celu", "selu", "gelu", "gelu_tanh"}
    | {"quick_gelu", "silu", "mish", "hardswish", "tanh", "softsign", "hardtanh"}
)
#: Steps that keep a 0. A constant or parameter that is added is a step called by its sign.
KEEPS = frozenset({"pass", "scale", "select", "max", "gate"})
SHIFTS = frozenset({"+", "-"})


def zeros(flows: Iterable[Flow], layers: Layers) -> set[int]:
    """Numbers of the nodes of a graph, in its order, that are 0 before the first step of training."""
    found: set[int] = set()
    for node in flows:
        known = [source.number in found for source in node.inputs]
        if not known:
            continue
        if node.op == "layer":
            zero = _layer(layers.of(node), known[0] and len(known) == 1)
        elif node.op == "activation":
            zero = node.name in THROUGH_ZERO and known[0] and not node.info.get("recurrent")
        elif node.op in ("mul", "matmul"):
            zero = any(known)
        elif node.op in ("concat", "join"):
            zero = all(known)
        elif node.op == "add":
            zero = all(known) and len(known) > 1
        else:
            zero = node.op in KEEPS and node.name not in SHIFTS and known[0]
        if zero:
            found.add(node.number)
    return found


def _layer(layer: Layer | None, fed_zero: bool) -> bool:
    if layer is None or layer.recurrent:
        return False
    weights = list(layer.weights.values())
    if any(weight.role == "bias" and not _is_zero(weight) for weight in weights):
        return False
    kernels = [weight for weight in weights if weight.role in ("kernel", "depthwise")]
    return fed_zero or (bool(kernels) and all(_is_zero(kernel) for kernel in kernels))


def _is_zero(weight: Weight) -> bool:
    return bool(weight.writes) and weight.initializer.is_zero
