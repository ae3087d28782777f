"""Questions to the data-flow graph: what a layer's output meets first, what lies below, what is a residual branch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from actinit_lint.follow.values import Flow, LayerKey

#: Operations that hand their input on while an activation is searched.
TRANSPARENT = frozenset({"pass", "max", "select", "join", "scale", "norm", "concat", "add"})
#: Operations that are a layer to whoever comes before.
LAYERS = frozenset({"layer", "attention"})
#: Operations at which a search ends with something understood.
ENDS = LAYERS | {"activation", "gate", "matmul", "nonlinear", "loss"}
MOST_BRANCH_NODES = 80
MOST_BRANCH_LAYERS = 3  # a residual connection rescues a branch of at most so many layers


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """Where a search ended, and what lay on the way."""

    kind: str  # "activation", "layer", "attention", "gate", "matmul", "nonlinear", "unknown", "loss", "output"
    node: Flow
    norms: frozenset[str] = frozenset()
    added: bool = False  # an addition of another branch on the way
    merged: bool = False  # a concatenation on the way
    joined: bool = False  # one of several ways that the code leaves open
    pooled: bool = False  # max pooling on the way
    scaled: bool = False
    weighted: bool = False  # multiplied with weights between 0 and 1 on the way
    branched: bool = False  # a value on the way is used elsewhere too
    between: tuple[str, ...] = ()
    via: tuple[Flow, ...] = ()


def live(nodes: Iterable[Flow]) -> list[Flow]:
    return [n for n in nodes if not n.dead]


#: Activations whose results are weights between 0 and 1. Those of a softmax add up to 1: a matrix product is a mean.
WEIGHTS = frozenset({"sigmoid", "hardsigmoid", "softmax"})
ADDING_UP = frozenset({"softmax"})
STRAIGHT = frozenset({"pass", "select", "max", "scale", "join"})


def gates(node: Flow, source: Flow) -> bool:
    """Whether `source` is what gates in a product: not when the other factor is made of it, or weights it."""
    others = [i for i in node.inputs if i is not source]
    if not others:
        return True  # times something unknown
    if node.op == "mul" and any(other.ancestors >> source.number & 1 for other in others):
        return False
    return not weighs(node, source)


def weighs(node: Flow, source: Flow) -> bool:
    """Whether a product multiplies `source` with weights between 0 and 1, and it is no such weight itself."""
    return _weighted(node, source, WEIGHTS if node.op == "mul" else ADDING_UP)


def averages(node: Flow, source: Flow) -> bool:
    """Whether a product multiplies `source` with the weights of a softmax, so that their sum is a mean."""
    return node.op in ("mul", "matmul") and len(node.inputs) == 2 and _weighted(node, source, ADDING_UP)


def _weighted(node: Flow, source: Flow, wanted: frozenset[str]) -> bool:
    others = [i for i in node.inputs if i is not source]
    return any(_is_weight(other, wanted) for other in others) and not _is_weight(source, WEIGHTS)


def _is_weight(node: Flow, wanted: frozenset[str]) -> bool:
    found = origin(node, STRAIGHT)
    return found is not None and found.op == "activation" and found.name in wanted


def _is_sum(node: Flow) -> bool:
    """Whether all that is added up here are weights between 0 and 1: several gates for one product."""
    return node.op == "add" and len(node.inputs) > 1 and all(_is_weight(i, WEIGHTS) for i in node.inputs)


def ends(start: Flow) -> list[End]:
    """Follow a value to all that it meets first. Each end once."""
    found: list[End] = []
    seen: set[tuple[int, frozenset[str], bool]] = set()
    stack: list[tuple[Flow, End]] = [(start, End("output", start))]
    while stack:
        node, so_far = stack.pop()
        consumers = live(node.consumers)
        if not consumers:
            found.append(replace(so_far, kind="output", node=node))
            continue
        branched = so_far.branched or "returned" in node.info or len({c.number for c in consumers}) > 1
        for consumer in consumers:
            step = _pass(so_far, consumer, node, branched)
            if isinstance(step, End) and step.kind != "on":
                found.append(step)
                continue
            key = (consumer.number, step.norms, step.added)
            if key not in seen:
                seen.add(key)
                stack.append((consumer, step))
    return found


def _pass(e: End, consumer: Flow, source: Flow, branched: bool) -> End:
    op = consumer.op
    weighted = False
    if op == "mul" or (op == "matmul" and weighs(consumer, source)):
        op = "gate" if gates(consumer, source) else "scale"
        weighted = op == "scale" and weighs(consumer, source)
    if op not in TRANSPARENT:
        return replace(e, kind=op if op in ENDS else "unknown", node=consumer, branched=branched)
    return End(
        "on",
        consumer,
        e.norms | {consumer.name} if op == "norm" else e.norms,
        e.added or op == "add",
        e.merged or op == "concat",
        e.joined or op == "join",
        e.pooled or op == "max",
        e.scaled or op == "scale",
        e.weighted or weighted,
        branched,
        (*e.between, consumer.name) if len(e.between) < 12 else e.between,
        (*e.via, consumer) if len(e.via) < 12 else e.via,
    )


def origin(node: Flow, through: frozenset[str]) -> Flow | None:
    """Walk back through operations of some kinds with one input; None where ways differ."""
    for _ in range(200):
        if node.op == "join" and "join" in through:
            sources = {id(s): s for s in (origin(i, through) for i in node.inputs) if s is not None}
            return next(iter(sources.values())) if len(sources) == 1 else None
        if node.op not in through or len(node.inputs) != 1:
            return node
        node = node.inputs[0]
    return None


@dataclass(slots=True)
class Graph:
    """A session's live graph with what is computed once for all questions."""

    flows: list[Flow]
    below: dict[int, int] = field(default_factory=dict)  # node -> bits of the layers downstream
    below_unknown: dict[int, bool] = field(default_factory=dict)
    above: dict[int, int] = field(default_factory=dict)
    bits: dict[LayerKey, int] = field(default_factory=dict)  # key of a layer -> bit
    residual: set[int] = field(default_factory=set)
    gated: set[int] = field(default_factory=set)  # nodes of short branches that end as a gate
    #: nodes that do nothing but make the weights of a mean (attention) -> bits of the products that take it
    weighing: dict[int, int] = field(default_factory=dict)
    full: list[Flow] = field(default_factory=list)

    def bit(self, node: Flow) -> int:
        if node.op not in LAYERS or node.layer is None:
            return 0 if node.op not in LAYERS else 1 << 0
        key = node.key
        if key not in self.bits:
            self.bits[key] = len(self.bits) + 1
        return 1 << self.bits[key]

    def prepare(self) -> None:
        for node in reversed(self.flows):
            mask, unknown = 0, False
            for consumer in node.consumers:
                if consumer.dead:
                    continue
                mask |= self.below.get(consumer.number, 0) | self.bit(consumer)
                unknown = unknown or self.below_unknown.get(consumer.number, False) or consumer.op == "unknown"
            self.below[node.number] = mask
            self.below_unknown[node.number] = unknown
            self._mark_weights(node)
        for node in self.flows:
            mask = 0
            for source in node.inputs:
                mask |= self.above.get(source.number, 0) | self.bit(source)
            self.above[node.number] = mask
        for node in self.flows:
            if node.op == "add":
                self._mark_branches(node)
            elif node.op == "mul":
                for source in node.inputs:
                    if gates(node, source):
                        self.gated.update(self._branch(node, source))

    def _mark_weights(self, node: Flow) -> None:
        products = 0
        consumers = live(node.consumers)
        for consumer in consumers:
            if any(averages(consumer, source) for source in consumer.inputs if source is not node):
                products |= 1 << consumer.number
            elif consumer.number in self.weighing:
                products |= self.weighing[consumer.number]
            else:
                return
        if consumers:
            self.weighing[node.number] = products

    def _mark_branches(self, add: Flow) -> None:
        """Mark the nodes of every branch of this addition that is short enough to be rescued by it."""
        if add.inputs and not self.below[add.number] and not self.below_unknown[add.number] and not _has_shortcut(add):
            return  # several towers summed up at the output carry no signal past one another
        for source in add.inputs:
            self.residual.update(self._branch(add, source))

    def _branch(self, node: Flow, source: Flow) -> list[int]:
        """The nodes that only this input of an addition or product is computed from, if they hold few layers."""
        others = 0
        for other in node.inputs:
            if other is not source:
                others |= other.ancestors
        branch: list[int] = []
        layers: set[LayerKey | int] = set()
        stack, seen = [source], set()
        while stack and len(branch) < MOST_BRANCH_NODES:
            current = stack.pop()
            if current.number in seen or others >> current.number & 1:
                continue
            seen.add(current.number)
            branch.append(current.number)
            if current.op in LAYERS:
                layers.add(current.key if current.layer is not None else current.number)
            stack.extend(current.inputs)
        short = 0 < len(layers) <= MOST_BRANCH_LAYERS and len(branch) < MOST_BRANCH_NODES
        if short and node.number in self.weighing:  # what makes weights neither gates nor rescues what is weighted
            return [number for number in branch if number in self.weighing]
        return branch if short else []

    def hidden(self, node: Flow, own: Flow) -> bool | None:
        """Whether another layer sits downstream; None when something unknown does and no layer is known to."""
        mask = self.below[node.number] & ~self.bit(own)
        if mask:
            return True
        return None if self.below_unknown[node.number] else False

    def is_gate(self, activation: Flow) -> bool:
        """Whether an activation's output multiplies another tensor computed from the input, before any layer."""
        stack, seen = [activation], {activation.number}
        while stack:
            node = stack.pop()
            for consumer in live(node.consumers):
                if consumer.number in self.weighing and activation.number not in self.weighing:
                    continue
                if consumer.op == "gate" or (consumer.op in ("mul", "matmul") and gates(consumer, node)):
                    return True
                through = consumer.op in STRAIGHT | {"concat", "mul", "matmul"} or _is_sum(consumer)
                if through and consumer.number not in seen:
                    seen.add(consumer.number)
                    stack.append(consumer)
        return False

    def lone(self, node: Flow) -> bool:
        """No other layer upstream or downstream."""
        own = self.bit(node)
        return not ((self.below[node.number] | self.above[node.number]) & ~own)


def _has_shortcut(add: Flow) -> bool:
    """Whether one summand is an earlier value as it was, or only projected, and another one was computed from it."""
    if len(add.inputs) < 2:
        return True
    for source in add.inputs:
        node = origin(source, frozenset({"pass", "max", "select", "scale", "norm"}))
        if node is None:
            return True
        if node.op == "layer" and node.inputs:
            node = origin(node.inputs[0], frozenset({"pass", "max", "select", "scale", "norm"})) or node
        if any(other is not source and other.ancestors >> node.number & 1 for other in add.inputs):
            return True
    return False


def normalised_before(layer: Flow) -> frozenset[str]:
    """Normalisations that feed the layer directly, on all ways."""
    names: set[str] = set()
    for source in layer.inputs[:1]:
        found = origin(source, frozenset({"pass", "max", "select", "join", "scale"}))
        if found is None or found.op != "norm":
            return frozenset()
        names.add(found.name)
    return frozenset(names)


def normalised_after(activation: Flow) -> frozenset[str]:
    """Normalisations between an activation and the next layer, on all ways that lead to a layer."""
    names: set[str] = set()
    stack, seen = [activation], {activation.number}
    while stack:
        node = stack.pop()
        for consumer in live(node.consumers):
            if consumer.op == "norm":
                names.add(consumer.name)
            elif consumer.op in ("layer", "attention", "activation", "unknown", "matmul"):
                return frozenset()
            elif consumer.number not in seen:
                seen.add(consumer.number)
                stack.append(consumer)
    return frozenset(names)
