"""Scores that a rectifier made: the output's sigmoid, or the one inside a loss, gets what can only push it one way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from actinit_lint.follow.graph import Graph, live, origin
from actinit_lint.follow.layers import Layers
from actinit_lint.follow.losses import sites
from actinit_lint.follow.state import Session
from actinit_lint.follow.values import Flow
from actinit_lint.model import OneSided

#: Activations that are never negative, and flat where they are 0.
RECTIFIERS = frozenset({"relu", "relu6", "relu2"})
#: Losses that apply a sigmoid to what they are given. Those of Keras do so when they are told to.
WITH_SIGMOID = frozenset({"bce_with_logits", "multilabel_soft_margin"})
#: Steps that leave every score as it is.
KEEPS = frozenset(
    {
        "view",
        "reshape",
        "flatten",
        "Flatten",
        "squeeze",
        "unsqueeze",
        "contiguous",
        "float",
        "to",
        "Identity",
        "Reshape",
    }
)
SUMS = frozenset({"+", "Add"})
MOST_SUMMANDS = 16


class Summand(NamedTuple):
    node: Flow
    added: bool  # to other scores


def one_sided(
    session: Session, flows: list[Flow], graph: Graph, layers: Layers, confidence: Literal["low", "medium", "high"]
) -> Iterator[OneSided]:
    """The rectifiers of a session that make an output's score, each once."""
    seen: set[int] = set()
    for node in flows:
        if (
            node.op == "activation"
            and node.name == "sigmoid"
            and node.activation is not None
            and _is_output(node, graph)
        ):
            for summand in _summands(node.inputs[0]):
                if summand.added:  # one activation right behind the other is a stack
                    fact = _fact(summand, layers, confidence, seen)
                    if fact is not None:
                        fact.place, fact.also = node.activation.place, node.activation.places[1:]
                        yield fact
    for site in sites(session, layers):
        if site.name in WITH_SIGMOID or (site.name == "binary_crossentropy" and site.from_logits is True):
            for summand in _summands(site.flow):
                fact = _fact(summand, layers, confidence, seen)
                if fact is not None:
                    fact.place, fact.also, fact.loss = site.place, site.also, site.name
                    yield fact


def _is_output(node: Flow, graph: Graph) -> bool:
    return not (graph.below[node.number] or graph.below_unknown[node.number] or graph.is_gate(node))


def _summands(flow: Flow) -> list[Summand]:
    """What a score is the sum of."""
    found: list[Summand] = []
    stack = [Summand(flow, False)]
    while stack and len(found) < MOST_SUMMANDS:
        node, added = stack.pop()
        if node.op == "add" and node.name in SUMS:
            stack += [Summand(source, True) for source in node.inputs]
        elif node.op == "pass" and (node.name in KEEPS or (added and node.name in SUMS)) and len(node.inputs) == 1:
            stack.append(Summand(node.inputs[0], added))
        else:
            found.append(Summand(node, added))
    return found


def _fact(
    summand: Summand, layers: Layers, confidence: Literal["low", "medium", "high"], seen: set[int]
) -> OneSided | None:
    """What a summand is, if it is what a rectifier makes of a layer's units, and of nothing else."""
    node, added = summand
    if node.op != "activation" or node.activation is None or node.name not in RECTIFIERS:
        return None
    source = origin(node.inputs[0], frozenset({"pass", "norm"}))
    if source is None or source.op != "layer" or source.info.get("recurrent") or len(live(node.consumers)) != 1:
        return None
    layer = layers.of(source)
    if layer is None or (added and layer.out_features != 1) or id(source.layer) in seen:
        return None
    seen.add(id(source.layer))
    return OneSided(node.activation, layer, layers.model(source), node.activation.place, added, confidence=confidence)
