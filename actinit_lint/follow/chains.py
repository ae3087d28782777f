"""Chains: maximal runs of layers and activations in which each feeds the next one and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Literal

from actinit_lint.follow.graph import End, Graph, averages, ends, live, origin
from actinit_lint.follow.layers import Layers
from actinit_lint.follow.stacked import stacked
from actinit_lint.follow.values import Flow, LayerKey, Obj
from actinit_lint.model import Chain, Link, Step
from actinit_lint.reference.activations import CATALOGUE

#: Steps that hand a value on as it is. Pooling, flatten and the like count as factor 1.
STEPS = frozenset({"pass", "max", "select", "join"})
#: Reductions that are transparent to the search for an activation, but whose scale depends on unknown sizes.
SUMS = frozenset({"sum", "nansum", "reduce", "reduce_sum", "scatter_add", "segment_sum", "global_add_pool", "fold"})
#: Normalisations that a chain of sigmoids can go through without being healed.
SOFT_NORMS = frozenset({"layer", "rms", "group"})
#: Activations with parameters that the model does not keep, and those that have no place in a chain.
UNCHAINED = frozenset({"threshold", "clipped_relu", "exp", "identity"})
SATURATING = frozenset(name for name, entry in CATALOGUE.items() if entry.family == "saturating")
#: Layers whose output is no linear map of one input, or comes from more than one kernel.
NO_LINEAR_MAP = frozenset({"Bilinear", "SeparableConv1D", "SeparableConv2D", "EinsumDense"})


@dataclass(slots=True)
class Way:
    """What lies between a value and the one layer or activation that it reaches."""

    end: Flow
    norms: set[str] = field(default_factory=set)
    dropout: tuple[float | None, ...] = ()
    merged: bool = False  # other data is concatenated, or a mean weighted by other data is taken


@dataclass(slots=True)
class Piece:
    """A layer node that may stand in a chain."""

    node: Flow
    link: Link
    before: Way  # to its activation
    after: Way | None  # to the next layer, where there is exactly one
    layers: tuple[Step, ...] = ()  # of a recurrent layer: those that it stacks
    next: int | None = None  # the node of the next layer, where that may stand in the chain too


def chains(
    flows: Iterable[Flow],
    graph: Graph,
    links: Mapping[int, Sequence[Link]],
    layers: Layers,
    confidence: Literal["low", "medium", "high"],
) -> Iterator[Chain]:
    """The chains of a session. `links` are those of kernels, by layer node."""
    nodes = [node for node in flows if node.op == "layer"]
    pieces = _pieces(nodes, graph, links, layers)
    fed = {piece.next for piece in pieces.values()}
    seen: dict[tuple[int, ...], Chain] = {}
    for number, piece in pieces.items():
        if number in fed:
            continue
        whole: Chain | None = None
        for run in _split(list(_run(piece, pieces))):
            modulates = any(_modulates(one.before.end) for one in run.pieces[-1:])
            if modulates and run.normed:
                continue
            chain = Chain(
                tuple(step for one in run.pieces for step in _steps(one, soft=run.normed)),
                layers.model(run.pieces[0].node),
                confidence,
                start_of(run.pieces[0].node, layers),
                run.normed,
                whole if run.part else None,
                modulates,
            )
            if not run.normed and not modulates:
                key = tuple(id(step.layer) for step in chain.steps)
                chain = seen.setdefault(key, chain)
                if not chain.plain:
                    whole = chain
                else:
                    for one in run.pieces:
                        one.link.chain = chain
                if chain.steps[0].link is not run.pieces[0].link:
                    continue  # the same layers on other data
            yield chain


def _pieces(nodes: list[Flow], graph: Graph, links: Mapping[int, Sequence[Link]], layers: Layers) -> dict[int, Piece]:
    again = _applied_again(nodes)
    pieces: dict[int, Piece] = {}
    for node in nodes:
        kernels = links.get(node.number)
        if not kernels or node.key in again or len(node.inputs) != 1:
            continue
        link, inner = kernels[0], stacked(node, kernels)
        if not inner and not _can_stand(link):
            continue
        before = way(node, graph)
        if before is None or before.end.op != "activation" or before.merged or not before.norms <= SOFT_NORMS:
            continue
        after = way(before.end, graph)
        if after is not None and (after.end.op != "layer" or not after.norms <= SOFT_NORMS):
            after = None
        pieces[node.number] = Piece(node, link, before, after, inner)
    for piece in pieces.values():
        follower = pieces.get(piece.after.end.number) if piece.after is not None else None
        if follower is not None and layers.model(follower.node) == layers.model(piece.node):
            piece.next = follower.node.number
    return pieces


def _applied_again(nodes: list[Flow]) -> set[LayerKey]:
    """Layers that are applied to something that they had a part in: recurrence, tied weights."""
    by_layer: dict[LayerKey, list[Flow]] = {}
    for node in nodes:
        by_layer.setdefault(node.key, []).append(node)
    return {
        key
        for key, several in by_layer.items()
        if any(one is not two and two.ancestors >> one.number & 1 for one in several for two in several)
    }


def _can_stand(link: Link) -> bool:
    layer, activation = link.layer, link.activation
    kernels = [w for w in layer.weights.values() if w.role in ("kernel", "depthwise")]
    bias = layer.bias
    return (
        link.hidden
        and link.trainable
        and link.weight.trainable
        and not (link.gate or link.residual or link.branch_end or layer.recurrent or layer.scale_free)
        and len(kernels) == 1
        and layer.kind not in NO_LINEAR_MAP
        and layer.oriented
        and link.initializer.family not in ("constant", "identity")
        and not link.initializer.is_constant
        and link.initializer.is_told
        and (bias is None or (bool(bias.writes) and bias.initializer.is_told))
        and activation.name in CATALOGUE
        and activation.name not in UNCHAINED
        and not (activation.name == "leaky_relu" and activation.slope is None)
    )


def way(start: Flow, graph: Graph) -> Way | None:
    """From a value to the one layer or activation that all its ways lead to; None where there is something else."""
    visited, stack = {start.number}, [start]
    ends_at: Flow | None = None
    norms: set[str] = set()
    dropout: list[float | None] = []
    meetings: list[Flow] = []  # of the code's branches, or of parts of the value: the last states of both directions
    means, weighed = 0, 0  # bits of the products that average the value, and of those whose weights it makes
    while stack:
        source = stack.pop()
        consumers = live(source.consumers)
        if not consumers:
            return None
        for consumer in consumers:
            if consumer.number in visited:
                continue
            mean = averages(consumer, source)
            if mean:
                means |= 1 << consumer.number
            elif consumer.number in graph.weighing and start.number not in graph.weighing:
                weighed |= graph.weighing[consumer.number]
                continue
            elif consumer.op in ("layer", "activation"):
                if ends_at is not None and consumer is not ends_at:
                    return None
                ends_at = consumer
                continue
            elif consumer.op in ("join", "concat"):
                meetings.append(consumer)
            elif len(consumer.inputs) != 1 or (consumer.name in SUMS and not means >> source.number & 1):
                return None
            elif consumer.op == "norm":
                norms.add(consumer.name)
            elif consumer.op not in STEPS or consumer.name == "Rescaling":
                return None
            elif "ropout" in consumer.name and "lpha" not in consumer.name:
                dropout.append(_probability(consumer))
            visited.add(consumer.number)
            stack.append(consumer)
    foreign = [node for node in meetings if any(source.number not in visited for source in node.inputs)]
    if ends_at is None or any(node.op == "join" for node in foreign) or weighed & ~means:
        return None
    joined = any(node.op == "join" for node in meetings)
    return Way(ends_at, norms, tuple(None if joined else p for p in dropout), bool(foreign or means))


def _probability(node: Flow) -> float | None:
    args: Mapping[str, Any] = node.layer.args if isinstance(node.layer, Obj) else node.info
    p = args.get("p", args.get("rate"))
    return float(p) if isinstance(p, (int, float)) and 0 <= p < 1 else None


def _modulates(activation: Flow) -> bool:
    """Whether all that becomes of it, or of what the next layers make of it, multiplies a tensor from elsewhere.

    A chain that ends in a gate or a modulation is no plain chain.
    """
    found = ends(activation)
    return bool(found) and all(
        _is_product(end, activation)
        or (end.kind == "layer" and any(_is_product(after, activation) for after in _next_ends(end.node)))
        for end in found
    )


def _next_ends(layer: Flow) -> Iterator[End]:
    """What a layer's output meets, through one activation."""
    for end in ends(layer):
        yield from ends(end.node) if end.kind == "activation" else (end,)


def _is_product(end: End, activation: Flow) -> bool:
    if end.kind != "gate":
        return False
    others = [source for source in end.node.inputs if not source.ancestors >> activation.number & 1]
    return bool(others) or len(end.node.inputs) < 2  # times something unknown


@dataclass(slots=True)
class Run:
    """Consecutive pieces; `normed` ones go through soft normalisations.

    A `part` lies between recurrent layers or places where other data joins.
    """

    pieces: list[Piece]
    normed: bool = False
    part: bool = False

    @property
    def split(self) -> list[list[Piece]]:
        """What lies between recurrent layers and places where other data joins; one list where there are none."""
        found: list[list[Piece]] = [[]]
        for before, piece in zip([None, *self.pieces], self.pieces):
            if piece.layers or (before is not None and (before.layers or _merges(before))):
                found.append([])
            found[-1].append(piece)
        return [several for several in found if several]


def _merges(piece: Piece) -> bool:
    return piece.after is not None and piece.after.merged


def _run(first: Piece, pieces: Mapping[int, Piece]) -> Iterator[Piece]:
    piece: Piece | None = first
    while piece is not None:
        yield piece
        piece = pieces[piece.next] if piece.next is not None else None


def _split(pieces: list[Piece]) -> Iterator[Run]:
    """Plain runs, cut at normalisations, and their parts.

    Beside them, saturating activations in a row with soft norms among them.
    """
    for plain in _plain(pieces):
        run = Run(plain)
        parts = run.split
        if sum(len(piece.layers) or 1 for piece in plain) > 1 or not plain[0].layers:
            yield run
        if len(parts) > 1 or plain[0].layers:
            for part in parts:
                if not part[0].layers:
                    yield Run(part, part=True)
    for part in Run(list(pieces)).split:
        for saturating, group in groupby(part, _saturates):
            several = list(group)
            if saturating and len(several) > 1 and any(_norms(piece) for piece in several):
                yield Run(several, normed=True)


def _saturates(piece: Piece) -> bool:
    return piece.link.activation.name in SATURATING and not piece.layers


def _plain(pieces: list[Piece]) -> Iterator[list[Piece]]:
    plain: list[Piece] = []
    for piece in pieces:
        if piece.before.norms:  # the pre-activation is normalised: nothing before it matters any more
            if plain:
                yield plain
            plain = []
            continue
        plain.append(piece)
        if piece.after is not None and piece.after.norms:
            yield plain
            plain = []
    if plain:
        yield plain


def _norms(piece: Piece) -> set[str]:
    return piece.before.norms | (piece.after.norms if piece.after is not None else set())


def _steps(piece: Piece, *, soft: bool) -> Iterator[Step]:
    after = piece.after.dropout if piece.after is not None else ()
    norms = _norms(piece)
    merges = _merges(piece)
    if not piece.layers:
        yield Step(piece.link, (*piece.before.dropout, *after), min(norms) if soft and norms else None, merges=merges)
        return
    yield from piece.layers[:-1]
    yield replace(piece.layers[-1], dropout=after, merges=merges)


def start_of(node: Flow, layers: Layers) -> float | None:
    """Second moment of what the first layer is fed: 1 for a standardised input or behind a normalisation."""
    sources, stack = [], [node.inputs[0]]
    while stack:
        found = origin(stack.pop(), STEPS)
        if found is not None and found.op == "concat":
            stack.extend(found.inputs)
        else:
            sources.append(found)
    moments = {_moment(source, layers) for source in sources}
    return moments.pop() if len(moments) == 1 else None


def _moment(source: Flow | None, layers: Layers) -> float | None:
    if source is None or source.op not in ("input", "norm", "embedding"):
        return None
    if source.op != "embedding":
        return 1.0
    layer = layers.of(source) if isinstance(source.layer, Obj) else None
    table = next((w for w in layer.weights.values() if w.role == "embedding"), None) if layer is not None else None
    if table is None or not table.writes:
        return None
    drawn = table.initializer
    if drawn.family == "normal" and drawn.std is not None:
        return drawn.std**2 + (drawn.mean or 0.0) ** 2
    if drawn.family == "uniform" and drawn.low is not None and drawn.high is not None:
        return (drawn.high - drawn.low) ** 2 / 12 + ((drawn.high + drawn.low) / 2) ** 2
    return None
