"""Facts beyond one layer's pairing: copies, shared draws, writes without effect, kinds left out, bare parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from actinit_lint.follow.graph import live, origin
from actinit_lint.follow.layers import Layers
from actinit_lint.follow.modules import contained, parameters, walk
from actinit_lint.follow.roots import INITIALISING
from actinit_lint.follow.state import Record, Session
from actinit_lint.follow.torch_api import parameter_label
from actinit_lint.follow.values import ClassValue, Flow, Func, Obj, Parameter
from actinit_lint.model import (
    Clones,
    EmptyParameter,
    InPlaceInit,
    Layer,
    LeftOut,
    Link,
    NoEffect,
    Place,
    SeluCompanion,
    SharedInitializer,
    Use,
    Weight,
    Write,
)
from actinit_lint.program import language as la
from actinit_lint.reference.normal_form import LOADED

RANDOM = ("variance_scaling", "normal", "uniform", "orthogonal")


def notes(
    session: Session, layers: Layers, facts: list[object], flows: list[Flow], confidence: Any
) -> Iterator[object]:
    records: dict[str, list[Record]] = defaultdict(list)
    for record in session.records:
        records[record.kind].append(record)
    yield from _shared(records["shared"], flows, layers, confidence)
    yield from _clones(session, records["deepcopy"], confidence)
    yield from _without_effect(session, records, confidence)
    yield from _in_place(records["in_place"], confidence)
    yield from _empty(session, layers, facts, confidence)
    yield from _left_out(session, facts, confidence)
    yield from _selu_companions(flows, layers, confidence)


# Equal draws --------------------------------------------------------------------------------------


def _shared(records: list[Record], flows: list[Flow], layers: Layers, confidence: Any) -> Iterator[SharedInitializer]:
    """One instance, or instances of one class with one fixed seed in one model, that fill kernels of one shape."""
    models = _connected(flows) if records else {}
    groups: dict[Any, list[Record]] = defaultdict(list)
    for record in records:
        parameter: Parameter = record.data["parameter"]
        instance: Obj = record.data["value"]
        if parameter.role not in ("kernel", "recurrent", "depthwise") or parameter.shape is None:
            continue
        if any(size is None for size in parameter.shape) or not parameter.writes:
            continue
        initializer = parameter.writes[-1].initializer
        if initializer.family not in RANDOM or initializer.constant_value is not None:
            continue
        if not instance.state.get("redraws"):
            groups[("instance", record.data["instance"], parameter.shape)].append(record)
        seed = instance.args.get("seed")
        if isinstance(seed, int):
            model = models.get(id(parameter.owner))
            key = ("seed", instance.state.get("name"), seed, initializer, parameter.shape, model)
            groups[key].append(record)
    reported: set[int] = set()
    for key, group in groups.items():
        owners = {id(r.data["parameter"].owner): r for r in group}
        if len(owners) < 2:
            continue
        instances = {id(r.data["value"]) for r in group}
        if key[0] == "seed" and (len(instances) == 1 or instances <= reported):
            continue
        reported |= instances
        first: Obj = group[0].data["value"]
        made = tuple(layers._library(r.data["parameter"].owner) for r in owners.values())
        yield SharedInitializer(
            first.place, group[0].data["parameter"].writes[-1].initializer, str(first.state.get("name")),
            key[2] if key[0] == "seed" else None, made, confidence,
        )  # fmt: skip


def _connected(flows: list[Flow]) -> dict[int, int]:
    """For each layer, by its id, a number that it shares with all layers that data connects it to."""
    parent: dict[int, int] = {}

    def top(number: int) -> int:
        while parent.setdefault(number, number) != number:
            parent[number] = number = parent[parent[number]]
        return number

    for node in flows:
        for source in node.inputs:
            parent[top(node.number)] = top(source.number)
    found: dict[int, int] = {}
    for node in flows:
        if node.layer is not None:
            owner = node.layer.owner if isinstance(node.layer, Parameter) else node.layer
            found[id(owner)] = top(node.number)
    return found


def _clones(session: Session, records: list[Record], confidence: Any) -> Iterator[Clones]:
    """Copies that become parts of one model, none of them initialised again."""
    owners = [obj for obj in session.objects if obj.cls is not None and "template" not in obj.flags]
    parts = contained(owners) if records else set()
    by_origin: dict[tuple[Place, Any], list[Record]] = defaultdict(list)
    for record in records:
        copy: Obj = record.data["copy"]
        if id(copy) in parts:
            by_origin[record.place, copy.state.get("origin")].append(record)
    for (place, _), group in by_origin.items():
        repeated = any(r.data["repeated"] for r in group)
        if len(group) < 2 and not repeated:
            continue
        if not any(p.role in ("kernel", "depthwise", "recurrent") for _, p in parameters(group[0].data["copy"])):
            continue
        if any(_fresh(r) for r in group):
            continue
        source: Obj = group[0].data["source"]
        yield Clones(place, source.label, source.place, None if repeated else len(group), confidence)


def _fresh(record: Record) -> bool:
    """Whether a copy was initialised again, or is no trainable layer of its own."""
    for _, parameter in parameters(record.data["copy"]):
        if parameter.role in ("kernel", "depthwise", "recurrent"):
            if len(parameter.writes) > record.data["writes"].get(id(parameter), 0) or not parameter.trainable:
                return True
    return False


# Writes without effect ----------------------------------------------------------------------------


def _without_effect(session: Session, records: dict[str, list[Record]], confidence: Any) -> Iterator[NoEffect]:
    for record in records["lost_write"]:
        if record.data["view"].used:
            continue
        target = parameter_label(record.data["parameter"])
        yield NoEffect("copy", record.place, target, record.data["initializer"], confidence=confidence)
    for record in records["parametrized_write"]:
        target = parameter_label(record.data["parameter"])
        yield NoEffect("parametrized", record.place, target, record.data["initializer"], confidence=confidence)
    for record in records["dropped"]:
        yield NoEffect("dropped", record.place, None, record.data["initializer"], confidence=confidence)
    for record in records["rebound"]:
        if record.data["state"].state:
            target = parameter_label(record.data["parameter"])
            yield NoEffect("rebound", record.place, target, record.data["initializer"], confidence=confidence)
    for record in records["early_apply"]:
        kernels = [p for _, p in parameters(record.data["obj"]) if p.role == "kernel"]
        if kernels and not any(w.sweep for p in kernels for w in p.writes):
            yield NoEffect("early", record.place, None, None, model=record.data["obj"].label, confidence=confidence)
    yield from _overwritten(session, confidence)


def _overwritten(session: Session, confidence: Any) -> Iterator[NoEffect]:
    """Init calls all of whose parameters were written again by code of the same owner."""
    calls: dict[Place, list[tuple[Parameter, int]]] = defaultdict(list)
    for parameter in session.parameters:
        for index, write in enumerate(parameter.writes):
            if write.kind == "statement" and write.initializer.family != "opaque":
                calls[write.place].append((parameter, index))
    for place, reached in calls.items():
        if all(parameter.role == "bias" for parameter, _ in reached) or any(_is_tied(p) for p, _ in reached):
            continue
        later = [_overwriting(parameter.writes, index) for parameter, index in reached]
        if not all(later):
            continue
        last = later[0]
        assert last is not None
        parameter, index = reached[0]
        write = parameter.writes[index]
        also = (*write.also, (last.place, "overwrites it"), *last.also)
        yield NoEffect("overwritten", place, parameter_label(parameter), write.initializer, also, confidence=confidence)


def _is_tied(parameter: Parameter) -> bool:
    return parameter.owner is not None and "tied" in parameter.owner.flags


def _overwriting(writes: tuple[Write, ...], index: int) -> Write | None:
    """The later write that makes this one vain. A sweep followed by an exception for some layers is no mistake."""
    write = writes[index]
    for later in writes[index + 1 :]:
        if later.kind != "statement" or later.place == write.place or later.by != write.by:
            continue
        if later.uses != write.uses:
            continue  # the model was trained in between
        if later.initializer.family == "opaque" or (write.sweep and not later.sweep):
            continue
        if not later.under <= write.under:
            continue  # with other settings of the model the first one stays
        return later
    return None


def _in_place(records: list[Record], confidence: Any) -> Iterator[InPlaceInit]:
    for record in records:
        parameter: Parameter = record.data["parameter"]
        yield InPlaceInit(record.place, record.data["name"], parameter_label(parameter), confidence)


# Parameters without content -----------------------------------------------------------------------

#: A method of such a name may fill parameters when somebody calls it.
WRITING = INITIALISING | {"apply", "copy_", "init_weights", "_init_weights", "reset_parameters"}
FILLING = ("init", "reset", "load", "fill", "weight", "setup", "build", "param", "register", "create")


def _empty(session: Session, layers: Layers, facts: list[object], confidence: Any) -> Iterator[EmptyParameter]:
    met = {fact.layer.place: fact.activation for fact in facts if isinstance(fact, Use)}
    for parameter in session.parameters:
        if not parameter.raw or parameter.buffer or not parameter.writes or not parameter.trainable:
            continue  # a frozen one is there to be loaded
        if parameter.writes[-1].initializer.family != "uninitialised":
            continue
        owner = parameter.owner
        if owner is None or owner.kind is None or owner.cls is None or not _holds(owner, parameter):
            continue
        if filled_elsewhere(session, parameter) or _is_to_be_loaded(owner):
            continue
        path = layers.paths.get(id(owner), "")
        layer = Layer(f"{path}.{parameter.name}" if path else parameter.name, "Parameter", "torch", parameter.place)
        weight = Weight(layer, parameter.name, "kernel", parameter.shape, list(parameter.writes), parameter.trainable)
        layer.weights["weight"] = weight
        model = layers.models.get(id(owner), owner.label)
        owners = tuple(c.name for c in owner.cls.lineage() if isinstance(c, ClassValue))
        yield EmptyParameter(layer, weight, parameter.place, model, confidence, met.get(parameter.place), owners)


def _is_to_be_loaded(owner: Obj) -> bool:
    """Whether a module holds weights that only make sense when loaded: quantised ones, or frozen ones without content.

    Its scales and biases come with them.
    """
    held = [value for value in owner.attrs.values() if isinstance(value, Parameter) and value.writes]
    return any(
        value.writes[0].initializer == LOADED
        or (
            (value.buffer or not value.trainable)
            and value.writes[0].initializer.family == "uninitialised"
            and all(write.initializer.family in ("uninitialised", "opaque") for write in value.writes)
        )
        for value in held
    )


def filled_elsewhere(session: Session, parameter: Parameter) -> bool:
    """Whether a framework, or a method that nothing called, may fill a parameter of a model's class."""
    owner = parameter.owner
    if owner is None or owner.cls is None:
        return False
    holders = _holders(session, owner)
    return any(_framework_fills(h) or _may_fill(h) for h in holders)


def _holds(owner: Obj, parameter: Parameter) -> bool:
    return any(p is parameter for _, p in parameters(owner, recurse=False))


def _holders(session: Session, owner: Obj) -> list[Obj]:
    """The object and all that contain it."""
    found = [owner]
    for obj in session.objects:
        if obj is not owner and obj.cls is not None and any(m is owner for _, m in walk(obj)):
            found.append(obj)
    return found


def _framework_fills(obj: Obj) -> bool:
    if obj.flags & {"unknown_base", "initialised_by_framework"}:
        return True
    assert obj.cls is not None
    return obj.cls.has_unknown_base


def _may_fill(obj: Obj) -> bool:
    """Whether a method that nothing called could fill parameters."""
    assert obj.cls is not None
    for c in obj.cls.lineage():
        if not isinstance(c, ClassValue):
            continue
        for value in c.attrs.values():
            if isinstance(value, Func) and not value.called and isinstance(value.node, la.Function):
                named = any(word in value.name.lower() for word in FILLING)
                if named and value.node.mentions & WRITING:
                    return True
    return False


# Kinds left out -----------------------------------------------------------------------------------


def _left_out(session: Session, facts: list[object], confidence: Any) -> Iterator[LeftOut]:
    by_test: dict[tuple[Place, int], dict[int, Obj]] = defaultdict(dict)
    for obj, place, sweep in session.tests:
        by_test[place, sweep].setdefault(id(obj), obj)
    links = {f.layer.place: f for f in facts if isinstance(f, Link)}
    uses = {f.layer.place: f for f in facts if isinstance(f, Use)}
    reported: set[Place] = set()
    for (place, sweep), tested in by_test.items():
        objects = list(tested.values())
        written = [o for o in objects if _written(o, sweep)]
        handled = {o.label for o in written}
        if not handled:
            continue
        for obj in objects:
            use = uses.get(obj.place)
            if obj.label in handled or _written(obj, sweep) or use is None or not use.hidden or obj.place in reported:
                continue
            if obj.cls is not None or any(_kernel_written(o) for o in objects if o.label == obj.label):
                continue
            reported.add(obj.place)
            yield LeftOut(
                links.get(obj.place), use.layer, use.hidden, use.model, place, tuple(sorted(handled)), confidence
            )


def _written(obj: Obj, sweep: int) -> bool:
    """Whether a kernel was filled in the sweep that asked for the layer's kind."""
    return any(
        p.role in ("kernel", "depthwise", "recurrent") and any(sweep in w.sweeps for w in p.writes)
        for _, p in parameters(obj, recurse=False)
    )


def _kernel_written(obj: Obj) -> bool:
    return any(
        p.role in ("kernel", "depthwise", "recurrent") and p.writes and p.writes[-1].kind != "default"
        for _, p in parameters(obj, recurse=False)
    )


# SELU's companions --------------------------------------------------------------------------------

STRAIGHT = frozenset({"pass", "select", "max"})


def _selu_companions(flows: list[Flow], layers: Layers, confidence: Any) -> Iterator[SeluCompanion]:
    seen: set[Place] = set()
    for node in flows:
        dropout = node.op == "pass" and (node.name in ("Dropout", "dropout"))
        norm = node.op == "norm" and node.name == "batch"
        if not (dropout or norm) or not node.inputs:
            continue
        selu = origin(node.inputs[0], STRAIGHT)
        if selu is None or selu.op != "activation" or selu.name != "selu":
            selu = _next_activation(node) if norm else None
        if selu is None or selu.activation is None or selu.name != "selu":
            continue
        place = node.layer.place if isinstance(node.layer, Obj) else node.place
        if place in seen:
            continue
        seen.add(place)
        before = selu.inputs[0] if selu.inputs else node
        source = origin(before, STRAIGHT | {"norm"}) or node
        model = layers.model(source) if source.op == "layer" else layers.root
        yield SeluCompanion(place, "dropout" if dropout else "batch_norm", selu.activation, model, confidence)


def _next_activation(node: Flow) -> Flow | None:
    current = node
    for _ in range(8):
        consumers = live(current.consumers)
        if len(consumers) != 1:
            return None
        current = consumers[0]
        if current.op == "activation":
            return current
        if current.op not in STRAIGHT:
            return None
    return None
