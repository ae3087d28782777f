"""From a followed session to the facts that rules look at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from actinit_lint.follow.axes import SAME_AXES, other_axes
from actinit_lint.follow.cells import cells
from actinit_lint.follow.chains import SATURATING, chains
from actinit_lint.follow.equal_tokens import equal_tokens
from actinit_lint.follow.graph import End, Graph, ends, live, normalised_after, normalised_before, origin
from actinit_lint.follow.layers import Layers
from actinit_lint.follow.losses import losses
from actinit_lint.follow.notes import notes
from actinit_lint.follow.one_sided import one_sided
from actinit_lint.follow.state import Session
from actinit_lint.follow.values import Flow, Obj, Parameter
from actinit_lint.follow.zeros import zeros
from actinit_lint.model import (
    Activation,
    HiddenSoftmax,
    InitCall,
    Layer,
    LinearPair,
    Link,
    OneUnitSoftmax,
    Place,
    Spelling,
    Stack,
    Use,
)
from actinit_lint.reference.normal_form import LOADED

SOFTMAX = ("softmax", "log_softmax")
#: Through these an activation's input is still the other activation's output.
STRAIGHT = frozenset({"pass", "select", "max"})
#: Names of the projections that attention starts with.
PROJECTION = re.compile(r"(^|[._])(to_|w_?)?(q|k|v|kv|qkv|query|key|value)(s|_proj|_lin|_linear|_layer)?(\.\d+)?$")


class SessionFacts:
    """The facts of one session, and what became of each layer's constructor."""

    def __init__(self, session: Session, names: dict[int, str]) -> None:
        self.session = session
        self.flows = [f for f in session.flows if not f.dead]
        self.graph = Graph(self.flows)
        self.graph.prepare()
        self.layers = Layers(session.objects, names, session.root)
        self.zeros = zeros(self.flows, self.layers)
        self.facts: list[object] = []
        self.kernels: dict[int, list[Link]] = {}  # layer node -> the links of its kernels
        products = {(id(n.layer), n.place) for n in self.flows if n.op == "layer" and isinstance(n.layer, Parameter)}
        self.products = Counter(parameter for parameter, _ in products)  # places where it is multiplied with data
        self.holders: dict[int, list[Obj]] | None = None  # id of a layer -> the Sequentials that it stands in
        #: constructor -> None when followed, else the reason
        self.sites: dict[Place, str | None] = {}
        self.confidence: Any = session.confidence

    def collect(self) -> list[object]:
        for node in self.flows:
            if node.op == "layer":
                self._layer(node)
            elif node.op == "activation" and node.activation is not None:
                self._activation(node)
            elif node.op in ("attention", "embedding") and isinstance(node.layer, Obj):
                self._site(node.layer.place, None)
        self.facts.extend(cells(self.flows, self.layers, self.confidence))
        self.facts.extend(chains(self.flows, self.graph, self.kernels, self.layers, self.confidence))
        self.facts.extend(losses(self.session, self.layers, self.confidence))
        self.facts.extend(one_sided(self.session, self.flows, self.graph, self.layers, self.confidence))
        self._records()
        self.facts.extend(equal_tokens(self.session, self.flows, self.layers, self.confidence))
        self.facts.extend(notes(self.session, self.layers, self.facts, self.flows, self.confidence))
        return self.facts

    def _site(self, place: Place, reason: str | None) -> None:
        if self.sites.get(place, reason) is not None or place not in self.sites:
            self.sites[place] = reason

    # Layers ---------------------------------------------------------------------------------------

    def _layer(self, node: Flow) -> None:
        layer = self.layers.of(node)
        if layer is None:
            return
        found = ends(node)
        kinds = {e.kind for e in found}
        place = layer.place
        weight = layer.kernel_weight or next((w for w in layer.weights.values() if w.role == "depthwise"), None)
        if "unknown" in kinds:
            self._site(place, f"its output goes into something that is not followed ({_blame(found)})")
            return
        reason = self._meet(node, layer, found)
        if weight is None or (weight.initializer.family == "opaque" and weight.initializer != LOADED):
            reason = "its effective initialiser is not known"
        self._site(place, reason)

    def _meet(self, node: Flow, layer: Layer, found: list[End]) -> str | None:
        """Make the facts of what the output meets; the reason where that is not followed."""
        kinds = {e.kind for e in found}
        activations = [e for e in found if e.kind == "activation"]
        if activations and len(activations) == len(found) and _agree(activations):
            return self._link(node, layer, activations)
        if found and all(e.kind in ("layer", "attention") for e in found):
            self._use(node, layer, found, "layer", None)
            self._pairs(node, layer, found)
        elif not activations:
            end = "gate" if kinds <= {"gate", "matmul"} else "head" if kinds <= {"output", "loss"} else None
            if end is None and kinds <= {"output", "loss", "gate", "matmul"}:
                end = "gate"
            if end is not None:
                self._use(node, layer, found, end, None)
        elif len({e.node.name for e in activations}) > 1:
            return "its output meets several activations, and the code does not say which"
        return None

    def _link(self, node: Flow, layer: Layer, found: list[End]) -> str | None:
        end = found[0]
        target = end.node
        assert target.activation is not None
        hidden = self.graph.hidden(target, node)
        if hidden is None:
            return "what comes after its activation is not followed"
        after = ends(target)
        if any(e.kind == "unknown" for e in after):
            return "what comes after its activation is not followed"
        gate = any(self.graph.is_gate(e.node) for e in found) or _scores(target, after, self.graph)
        names = frozenset().union(*(e.norms for e in found)) | normalised_before(node) | normalised_after(target)
        added = any(e.added for e in found)
        weighted = any(e.weighted for e in found)
        residual = node.number in self.graph.residual or added
        single = self.graph.lone(node)
        model = self.layers.model(node)
        downstream = self._downstream(target)
        for weight in layer.weights.values():
            if weight.role not in ("kernel", "depthwise") and not (layer.recurrent and weight.role == "recurrent"):
                continue
            if weight.initializer.family in ("opaque", "uninitialised"):
                continue
            link = Link(
                layer,
                weight,
                _with_places(target.activation, found),
                model,
                hidden,
                bool(names),
                names,
                residual,
                gate,
                single,
                len(found),
                self.confidence,
                added or weighted,
                False,
                downstream,
                weight.trainable,
                any(e.norms for e in found),
            )
            link.gated = node.number in self.graph.gated
            self.facts.append(link)
            if weight.role != "recurrent":
                self.kernels.setdefault(node.number, []).append(link)
        self._use(node, layer, found, "activation", target.activation, gate=gate)
        return None

    def _use(
        self, node: Flow, layer: Layer, found: list[End], end: Any, activation: Activation | None, gate: bool = False
    ) -> None:
        hidden = self.graph.hidden(node, node)
        if hidden is None:
            return
        added = any(e.added for e in found)
        if end in ("head", "layer"):
            end = "gate" if any(e.weighted for e in found) else "add" if added else end
        # a zero convolution may join the data beside it as well as on top of it: what is concatenated ends a branch
        last = max(found, key=lambda e: len(e.via)).node if end == "activation" else node
        self.facts.append(
            Use(
                layer,
                self.layers.model(node),
                end,
                activation,
                hidden,
                node.number in self.graph.residual or added,
                added
                or end == "gate"
                or self._joins(found)
                or (end == "layer" and all(e.merged or _ends_branch(e.node) for e in found)),
                gate or end == "gate",
                self.graph.lone(node),
                "derived" if node.info.get("derived") else None,
                self._downstream(last),
                self.confidence,
                any(w.trainable for w in layer.weights.values()),
                bool(node.inputs) and node.inputs[0].number in self.zeros,
            )
        )

    def _joins(self, found: list[End]) -> bool:
        """The activation's output is itself added to, or multiplied with, another tensor before any layer."""
        for e in found:
            if e.kind != "activation":
                continue
            after = ends(e.node)
            if any(a.added or a.weighted or a.kind == "gate" for a in after):
                return True
        return False

    def _downstream(self, node: Flow) -> tuple[Layer, ...]:
        """The layers that a value reaches first, through activations too."""
        out: list[Layer] = []
        stack, seen = [node], {node.number}
        while stack and len(out) < 8:
            current = stack.pop()
            for consumer in live(current.consumers):
                if consumer.number in seen:
                    continue
                seen.add(consumer.number)
                if consumer.op == "layer":
                    layer = self.layers.of(consumer)
                    if layer is not None and layer not in out:
                        out.append(layer)
                else:
                    stack.append(consumer)
        return tuple(out)

    def _pairs(self, node: Flow, layer: Layer, found: list[End]) -> None:
        for e in found:
            if e.kind != "layer" or e.node.layer is node.layer:
                continue
            second = self.layers.of(e.node)
            if second is None or e.joined or second.recurrent or layer.recurrent:
                continue
            tied = any(self._is_tied(one) for one in (node, e.node))
            projected = PROJECTION.search(layer.path) is not None
            products = any(i.op in ("matmul", "attention") for n in (node, e.node) for i in n.inputs)
            products = products or any(
                a.kind in ("matmul", "attention") or a.weighted or _are_scores(a) for a in ends(e.node)
            )
            attention = projected or products or len(e.node.inputs) > 1 or _looks_up(node) or _looks_up(e.node)
            self.facts.append(
                LinearPair(
                    layer,
                    second,
                    self.layers.model(node),
                    # parts made by different classes meet by design more often than by mistake
                    self.confidence if layer.of_class == second.of_class else "low",
                    e.branched,
                    e.merged or e.added or e.weighted,
                    bool(e.norms) or e.pooled or e.scaled,
                    attention,
                    other_axes(layer, second, e.between),
                    tied or layer.scale_free or second.scale_free,
                    self._container(node.layer, e.node.layer),
                    _no_bottleneck(layer, second),
                    e.between,
                )
            )

    def _is_tied(self, node: Flow) -> bool:
        """Whether a weight does other work too: a tied one, or a matrix that several products share."""
        if isinstance(node.layer, Obj):
            return "tied" in node.layer.flags
        return self.products[id(node.layer)] > 1

    def _container(self, first: object, second: object) -> Place | None:
        """Where the Sequential was made that holds both layers."""
        if self.holders is None:
            self.holders = _sequentials(self.session.objects)
        among = {id(obj) for obj in self.holders.get(id(second), ())}
        return next((obj.place for obj in self.holders.get(id(first), ()) if id(obj) in among), None)

    # Activations ----------------------------------------------------------------------------------

    def _activation(self, node: Flow) -> None:
        activation = node.activation
        assert activation is not None
        source = origin(node.inputs[0], STRAIGHT) if len(node.inputs) == 1 else None
        model = self.layers.root
        if source is None:
            return
        if source.op == "activation" and source.activation is not None and not source.info.get("recurrent"):
            if len(live(source.consumers)) == 1 and not node.info.get("recurrent"):
                output = self.graph.below[node.number] == 0 and not self.graph.below_unknown[node.number]
                upstream = _layer_above(source)
                if upstream is not None:
                    model = self.layers.model(upstream)
                self.facts.append(
                    Stack(source.activation, activation, model, output, self.graph.is_gate(node), self.confidence)
                )
        if activation.name in SOFTMAX and not node.info.get("recurrent"):
            self._softmax(node, activation, source)

    def _softmax(self, node: Flow, activation: Activation, source: Flow) -> None:
        if source.op != "layer" or source.info.get("recurrent"):
            return
        layer = self.layers.of(source)
        if layer is None:
            return
        model = self.layers.model(source)
        found = ends(node)
        kinds = {e.kind for e in found}
        is_output = kinds <= {"output", "loss"}
        if kinds <= {"layer", "activation", "output", "loss"} and kinds & {"layer"} and activation.name == "softmax":
            if self.graph.hidden(node, source) and not _mixes(found):
                self.facts.append(HiddenSoftmax(activation, layer, model, self.confidence))
        multiplied = bool(kinds & {"gate", "matmul", "unknown"}) or any(e.scaled for e in found)
        if (
            layer.out_features == 1
            and not multiplied
            and _keeps_axes(node, source)
            and _over_units(activation, source, layer, is_output)
        ):
            self.facts.append(OneUnitSoftmax(activation, layer, model, is_output, self.confidence))

    # Notes ----------------------------------------------------------------------------------------

    def _records(self) -> None:
        for record in self.session.records:
            d = record.data
            if record.kind == "init":
                self.facts.append(
                    InitCall(
                        d["name"],
                        "torch",
                        record.place,
                        d["nonlinearity"],
                        d["where"],
                        d["target"],
                        d["label"],
                        d["dims"],
                        d["missing"],
                        d["via"],
                        self.confidence,
                    )
                )
            elif record.kind == "spelling":
                self.facts.append(
                    Spelling(
                        d["what"], d["name"], d["framework"], record.place, d["state"], d["replacement"], d["near"]
                    )
                )


def _ends_branch(layer: Flow) -> bool:
    """Whether all that becomes of a layer's output is added to another tensor, with nothing non-linear before.

    A layer right in front of it ends the branch as well: both are one linear map.
    """
    found = ends(layer)
    return bool(found) and all(e.added for e in found)


def _sequentials(objects: Iterable[Obj]) -> dict[int, list[Obj]]:
    holders: dict[int, list[Obj]] = {}
    for obj in objects:
        if obj.cls is None and obj.items is not None and obj.kind is not None and obj.kind.name == "Sequential":
            for item in obj.items.items:
                holders.setdefault(id(item), []).append(obj)
    return holders


def _scores(activation: Flow, found: list[End], graph: Graph) -> bool:
    """Whether a softmax makes weights of what a rectifier makes: the scores of graph attention."""
    return activation.name not in SATURATING and all(
        e.kind == "activation" and e.node.name in SOFTMAX and graph.is_gate(e.node) for e in found
    )


def _keeps_axes(node: Flow, source: Flow) -> bool:
    """Whether the axis of units is still where the layer left it."""
    current = node.inputs[0]
    while current is not source and current.inputs:
        if current.op != "pass" or current.name not in SAME_AXES:
            return False
        current = current.inputs[0]
    return True


def _looks_up(node: Flow) -> bool:
    """Whether a bare matrix is multiplied with a softmax: its rows are a memory that is read, not a map."""
    if not isinstance(node.layer, Parameter):
        return False
    source = origin(node.inputs[0], STRAIGHT | {"scale"})
    return source is not None and source.op == "activation" and source.name in SOFTMAX


def _are_scores(end: End) -> bool:
    """Whether a value ends in a softmax that weighs the rows of a matrix, as a position bias of attention does."""
    return end.kind == "activation" and end.node.name == "softmax" and any(e.kind == "matmul" for e in ends(end.node))


def _mixes(found: list[End]) -> bool:
    """Whether what follows a softmax is a mixture: a bare matrix, or a layer that goes straight into a product or sum.

    A parameter that multiplies the softmax on the way holds the weights of a mixture of its rows. So does a layer whose
    output is added to the signal: it hands a guess back to the network, as in CTC with self-conditioning.
    """
    if any(node.info.get("parameter") is not None for end in found for node in end.via):
        return True
    if any(f.kind == "layer" and isinstance(f.node.layer, Parameter) for f in found):
        return True
    after = [e for f in found if f.kind == "layer" for e in ends(f.node)]
    return any(e.added or e.kind in ("gate", "matmul", "unknown") for e in after)


def _no_bottleneck(first: Layer, second: Layer) -> bool:
    inner = first.out_symbol or second.in_symbol
    return inner is not None and inner in (first.in_symbol, second.out_symbol)


def _agree(found: list[End]) -> bool:
    first = found[0].node.activation
    return all(
        e.node.activation is not None
        and first is not None
        and (e.node.activation.name, e.node.activation.slope) == (first.name, first.slope)
        for e in found
    )


def _with_places(activation: Activation, found: list[End]) -> Activation:
    """The activation with the places of all its applications."""
    places = list(activation.places)
    for e in found[1:4]:
        if e.node.activation is not None:
            places.extend(p for p in e.node.activation.places if p not in places)
    return activation if len(places) == len(activation.places) else replace(activation, places=tuple(places))


def _blame(found: list[End]) -> str:
    return next((e.node.name or e.node.op for e in found if e.kind == "unknown"), "unknown")


def _layer_above(node: Flow) -> Flow | None:
    source = origin(node.inputs[0], STRAIGHT) if node.inputs else None
    return source if source is not None and source.op == "layer" else None


def _over_units(activation: Activation, source: Flow, layer: Layer, is_output: bool) -> bool:
    """Whether a softmax runs over the axis of the layer's units."""
    if layer.framework == "keras":
        if activation.dim in (None, -1):
            return True
        rank = len(source.shape) + 1 if source.shape is not None else None
        return activation.dim == rank - 1 if rank is not None else False
    conv = layer.kind.startswith("Conv")
    if conv:
        return activation.dim in (1, -3) if layer.kind.endswith("2d") else activation.dim in (1, -2)
    if activation.dim == -1:
        return True
    return activation.dim in (1, None) and is_output
