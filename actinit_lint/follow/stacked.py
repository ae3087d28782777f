"""Recurrent layers as links of a chain: one link for each layer of a stack, from its kernel to its candidate's tanh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actinit_lint.follow.graph import live
from actinit_lint.follow.values import Flow, Obj
from actinit_lint.model import Layer, Link, Recurrence, Step, Weight
from actinit_lint.reference.recurrence import CellKind

#: The cells whose recurrence is understood, by the layer that applies them to a sequence.
CELLS: Mapping[str, CellKind] = {
    "RNN": "rnn", "SimpleRNN": "rnn", "GRU": "gru", "CuDNNGRU": "gru", "LSTM": "lstm", "CuDNNLSTM": "lstm",
}  # fmt: skip
#: Gates that are one half in the mean.
GATES = frozenset({"sigmoid", "hard_sigmoid"})


def stacked(node: Flow, links: Sequence[Link]) -> tuple[Step, ...]:
    """The steps of a recurrent layer whose numbers are all known, the first one first; none of any other layer.

    `links` are those of its kernels. Where nothing comes after the layer its last step is the head.
    """
    layer, obj = links[0].layer, node.layer
    if not isinstance(obj, Obj) or not layer.recurrent or layer.kind not in CELLS or not _is_plain(links[0], obj):
        return ()
    steps = []
    for link in links:
        if not link.weight.name.endswith("_reverse"):
            recurrence = _recurrence(link.weight, layer, obj)
            if recurrence is None or not _is_known(link.weight) or link.initializer.is_constant:
                return ()
            steps.append(Step(link, _between(obj), recurrence=recurrence))
    last = steps[-1]
    last.dropout = ()
    if _both_directions(node) and last.recurrence is not None:
        last.recurrence.directions = 2
    return tuple(steps if links[0].hidden else steps[:-1])


def _is_plain(link: Link, obj: Obj) -> bool:
    """A tanh cell with gates of mean one half, that no other branch joins, and that is not normalised inside."""
    gates = obj.args.get("recurrent_activation", "sigmoid")
    return (
        link.trainable
        and not (link.gate or link.residual or link.branch_end or link.layer.scale_free)
        and link.activation.name == "tanh"
        and isinstance(gates, str)
        and gates in GATES
        and obj.args.get("proj_size", 0) == 0
        and obj.args.get("bidirectional", False) in (False, True)
    )


def _recurrence(kernel: Weight, layer: Layer, obj: Obj) -> Recurrence | None:
    """What belongs to one kernel; None where a number of it is not known, or both directions differ."""
    torch = layer.framework == "torch"
    suffix = kernel.name.removeprefix("weight_ih")
    names = (f"weight_hh{suffix}", f"bias_ih{suffix}", f"bias_hh{suffix}") if torch else ("recurrent_kernel", "bias")
    weight = layer.weights.get(names[0])
    biases = tuple(layer.weights[name] for name in names[1:] if name in layer.weights)
    forget = obj.args.get("unit_forget_bias", False) if biases else False
    if not torch:
        biases = tuple(one for one in biases if one.write.kind != "default")  # zeros beside the forget gate's
    if weight is None or not isinstance(forget, bool) or not all(_is_known(one) for one in (weight, *biases)):
        return None
    both = torch and obj.args.get("bidirectional") is True
    for one in (kernel, weight, *biases) if both else ():
        other = layer.weights.get(f"{one.name}_reverse")
        if other is None or not other.writes or other.initializer != one.initializer:
            return None
    return Recurrence(CELLS[layer.kind], weight, biases, float(forget), 2 if both else 1)


def _is_known(weight: Weight) -> bool:
    return bool(weight.writes) and weight.initializer.is_told and weight.initializer.family != "identity"


def _between(obj: Obj) -> tuple[float | None, ...]:
    """The dropout between the layers of a stack."""
    p = obj.args.get("dropout", 0.0)
    known = isinstance(p, (int, float)) and 0 <= p < 1
    return () if p == 0 else (float(p) if known else None,)


def _both_directions(node: Flow) -> bool:
    """Whether a wrapper applies the layer to the sequence backwards too."""
    return any(after.name == "both directions" for output in live(node.consumers) for after in live(output.consumers))
