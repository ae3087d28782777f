"""Learned tokens that all start equal and that attention takes as its queries with nothing to tell them apart.

What a transformer does to a sequence treats its tokens alike: linear layers, normalisation and attention turn equal
queries into equal results, and send equal gradients back. Here the rows of a parameter are followed through such
steps, from where they become data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from actinit_lint.follow.axes import MOVES, SAME_AXES
from actinit_lint.follow.graph import live, origin
from actinit_lint.follow.layers import Layers
from actinit_lint.follow.notes import filled_elsewhere
from actinit_lint.follow.state import Session
from actinit_lint.follow.values import Flow, Obj, Parameter
from actinit_lint.model import EqualTokens, Layer, Place, Weight

#: Layers that map each token by itself.
PER_TOKEN = frozenset({"Linear", "LazyLinear", "NonDynamicallyQuantizableLinear", "Dense"})
#: Normalisations of each token by itself.
PER_TOKEN_NORMS = frozenset({"layer", "rms"})
#: Steps that split the width into heads and put them together again. Two axes are too few to be a batch of tokens.
RESHAPES = frozenset({"view", "reshape", "unflatten", "rearrange"})
#: Steps that repeat what is there for the samples of a batch.
LAYING_OUT = frozenset({"unsqueeze", "expand", "expand_as"})
SIGNS = frozenset({"+", "-"})
#: Means over all tokens, where the axis is that of the tokens.
POOLS = frozenset({"mean", "sum"})
#: Those of einops, whose pattern is not looked at; its `Reduce` is read as a pooling layer.
EINOPS_POOLS = frozenset({"reduce", "AdaptiveAvgPool2d"})


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Values that are the same for every row of a parameter."""

    parameter: Parameter
    repeated: int  # the axis along which the samples of the batch lie
    noise: bool = False  # dropout on the way


def equal_tokens(
    session: Session, flows: list[Flow], layers: Layers, confidence: Literal["low", "medium", "high"]
) -> Iterator[EqualTokens]:
    """The tokens of a session, each parameter once, at the first attention that asks with them."""
    if not any("tokens" in node.info for node in flows):
        return
    known = _followed(flows)
    told_apart = {id(parameter) for node in flows for parameter in _used_otherwise(node, known)}
    seen: set[int] = set()
    for node in flows:
        rows = _asked_with(node, known)
        if rows is None or id(rows.parameter) in seen or id(rows.parameter) in told_apart:
            continue
        seen.add(id(rows.parameter))
        if _starts_equal(rows.parameter) and not filled_elsewhere(session, rows.parameter):
            treatment = _treatment(rows.parameter, flows, known)
            if treatment is not None:
                yield _fact(rows, node.place, treatment == "alike", layers, confidence)


def _starts_equal(parameter: Parameter) -> bool:
    """Whether a parameter is a sequence of more than one token, or of an unknown number, that are all one number."""
    shape = parameter.shape
    if shape is None or len(shape) < 2 or shape[-2] == 1 or any(size != 1 for size in shape[:-2]):
        return False
    return parameter.trainable and not parameter.buffer and parameter.writes[-1].initializer.is_constant


def _fact(
    rows: Rows, asked: Place, stays: bool, layers: Layers, confidence: Literal["low", "medium", "high"]
) -> EqualTokens:
    parameter, owner = rows.parameter, rows.parameter.owner
    path = layers.paths.get(id(owner), "") if owner is not None else ""
    name = parameter.name or layers.names.get(id(parameter), "parameter")
    keras = owner is not None and owner.kind is not None and owner.kind.framework == "keras"
    layer = Layer(f"{path}.{name}" if path else name, "Parameter", "keras" if keras else "torch", parameter.place)
    weight = Weight(layer, name, "other", parameter.shape, list(parameter.writes), parameter.trainable)
    layer.weights[name] = weight
    model = layers.models.get(id(owner), layers.root) if owner is not None else layers.root
    return EqualTokens(layer, weight, model, asked, stays, rows.noise, confidence)


# What is the same for every token -------------------------------------------------------------------


def _followed(flows: list[Flow]) -> dict[int, Rows]:
    """The nodes of a graph, in its order, that hold the same for every row of one parameter."""
    known: dict[int, Rows] = {}
    for node in flows:
        found = _through(node, known)
        if found is not None:
            known[node.number] = found
    return known


def _through(node: Flow, known: Mapping[int, Rows]) -> Rows | None:
    if "tokens" in node.info:
        return Rows(node.info["tokens"], node.info["repeated"])
    if not node.inputs:
        return None
    every = [known.get(source.number) for source in node.inputs]
    if node.op == "attention":
        return _attended(node, known)
    first = every[0]
    if first is None:
        return None
    if node.op == "matmul":
        return first if _over_rows(node) else None
    if any(other is None or other.parameter is not first.parameter for other in every):
        return None
    if any(other.noise for other in every if other is not None):
        first = replace(first, noise=True)
    if node.op == "add":
        return first if len(every) > 1 else None  # else something unknown is added
    if node.op == "layer":
        alone = isinstance(node.layer, Obj) and node.layer.kind is not None and node.layer.kind.name in PER_TOKEN
        return first if alone else None
    if node.op == "norm":
        return first if node.name in PER_TOKEN_NORMS else None
    if node.op == "scale":
        by = node.info.get("parameter")
        return first if by is None or (by.shape is not None and len(by.shape) < 2) else None
    if node.op == "pass":
        return _passed(node, first)
    if node.op == "select":
        return first if node.name.startswith("chunk") else None
    # times something unknown: the scale of attention
    return first if node.op in ("activation", "gate", "join", "mul") and not node.info.get("recurrent") else None


def _passed(node: Flow, rows: Rows) -> Rows | None:
    if node.name in SIGNS:
        return rows if node.info.get("added") is rows.parameter and node.info["rows"] else None
    if "ropout" in node.name:
        args = node.layer.args if isinstance(node.layer, Obj) else node.info
        return replace(rows, noise=True) if args.get("p", args.get("rate")) != 0 else rows
    if node.name in RESHAPES:
        return rows if node.info.get("rank", 0) > 2 else None
    return rows if node.name in SAME_AXES or node.name in MOVES or node.name in LAYING_OUT else None


def _attended(node: Flow, known: Mapping[int, Rows]) -> Rows | None:
    """What attention makes of equal queries is equal, whatever they ask."""
    query = node.info.get("query")
    rows = known.get(node.inputs[query].number) if query is not None else None
    if rows is None or node.info.get("masked"):
        return None
    args = node.layer.args if isinstance(node.layer, Obj) else {}
    noisy = node.name.startswith("Transformer") or args.get("dropout", 0) != 0
    return replace(rows, noise=True) if noisy else rows


def _over_rows(node: Flow) -> bool:
    """Whether a product of two tensors has the rows of the first one: scores of queries, or a mean of values."""
    if node.name != "einsum":
        return True
    equation = node.info.get("einsum")
    if equation is None or "->" not in equation:
        return False
    left, _, right = equation.replace("...", "").partition("->")
    first, out = (term.split() if " " in term.strip() else term.strip() for term in (left.split(",")[0], right))
    return len(first) > 1 and len(out) > 1 and out[-2] == first[-2]


def _asked_with(node: Flow, known: Mapping[int, Rows]) -> Rows | None:
    """The rows that attention takes as its queries here: that of a library, or a softmax of products by hand."""
    rows = known.get(node.number)
    if rows is None or node.op == "attention":
        return rows
    if node.op != "activation" or node.name != "softmax" or rows.repeated != 0:
        return None
    scores = origin(node.inputs[0], frozenset({"pass", "scale", "mul", "join"}))
    return rows if scores is not None and scores.op == "matmul" else None


# What tells the tokens apart --------------------------------------------------------------------------


def _used_otherwise(node: Flow, known: Mapping[int, Rows]) -> Iterator[Parameter]:
    """Parameters that are more than tokens: added to other data, or multiplied with it."""
    if isinstance(node.layer, Parameter):
        yield node.layer
    if node.info.get("parameter") is not None:
        yield node.info["parameter"]
    added = node.info.get("added")
    if added is not None and node.number not in known:
        yield added


def _treatment(parameter: Parameter, flows: list[Flow], known: Mapping[int, Rows]) -> str | None:
    """How all that is made of the tokens treats them: "alike" to its end, "open" where the code ends before that, and
    None where something takes them one by one.
    """
    found = {
        treatment
        for node in flows
        if node.number in known and known[node.number].parameter is parameter
        for treatment in _treatments(node, known)
    }
    return None if None in found else "open" if "open" in found else "alike"


def _treatments(tokens: Flow, known: Mapping[int, Rows]) -> Iterator[str | None]:
    consumers = live(tokens.consumers)
    if known[tokens.number].noise or "returned" in tokens.info or not consumers:
        yield "open"
    for node in consumers:
        if node.number in known:
            yield "open" if node.name in RESHAPES else "alike"
        elif node.op == "attention":
            query = node.info.get("query")
            read = query is not None and node.inputs[query] is not tokens and not node.info["masked"]
            yield "alike" if read else None
        elif node.op in ("loss", "matmul") or node.name in EINOPS_POOLS:
            yield "open"
        elif node.op == "opaque":  # attention weights, which are seldom taken
            yield None if live(node.consumers) else "alike"
        else:
            pooled = node.name in POOLS and node.info.get("dim") in (1, -2)
            yield "alike" if pooled or node.name == "GlobalAveragePooling1D" else None
