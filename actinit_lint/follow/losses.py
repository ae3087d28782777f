"""Losses: what each is computed from, in torch calls and in Keras' `compile`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from actinit_lint.follow.graph import origin
from actinit_lint.follow.layers import Layers
from actinit_lint.follow.state import Record, Session
from actinit_lint.follow.values import DictValue, External, Flow, ListValue, Obj, Value
from actinit_lint.knowledge import keras as keras_table
from actinit_lint.model import Loss, Place

#: Through these a loss still sees the output as it was made.
WAY = frozenset({"pass", "select", "scale", "join"})


class Site(NamedTuple):
    """A loss where it is computed, and the data that it is computed from."""

    name: str  # normal form
    framework: Literal["torch", "keras"]
    place: Place
    from_logits: bool | None
    flow: Flow
    also: tuple[tuple[Place, str], ...]


def losses(session: Session, layers: Layers, confidence: Any) -> Iterator[Loss]:
    for site in sites(session, layers):
        loss = _make(site, layers, confidence)
        if loss is not None:
            yield loss


def sites(session: Session, layers: Layers) -> Iterator[Site]:
    """Every loss of a session whose name and data were followed."""
    for record in session.records:
        if record.kind == "loss":
            yield from _of_call(record)
        elif record.kind == "compile":
            yield from _of_compile(record, layers)


def _of_call(record: Record) -> Iterator[Site]:
    d = record.data
    obj: Obj | None = d["obj"]
    framework = d.get("framework") or (obj.kind.framework if obj is not None and obj.kind is not None else "torch")
    logits = d.get("from_logits")
    if obj is not None and framework == "keras":
        value = obj.args.get("from_logits", False)
        logits = value if isinstance(value, bool) else None
    if d["name"] is not None:
        also = ((d["applied"], "computed here"),) if d["applied"] != record.place else ()
        yield Site(d["name"], framework, record.place, logits, d["flow"], also)


def _make(site: Site, layers: Layers, confidence: Any) -> Loss | None:
    name, framework, place, logits, flow, also = site
    source = origin(flow, WAY)
    if source is None:
        return None
    summed = _raw_sum(source)
    if summed:
        source, *others = summed
        also = (*also, *((node.place, "added to it") for node in others))
    if source.op == "activation" and source.activation is not None and not source.info.get("recurrent"):
        before = origin(source.inputs[0], WAY | {"norm"}) if source.inputs else None
        layer = layers.of(before) if before is not None and before.op == "layer" else None
        model = layers.model(before) if before is not None and before.op == "layer" else layers.root
        units = layer.out_features if layer is not None else None
        return Loss(
            name, framework, place, logits, "activation", source.activation, layer, model, units,
            (*also, *source.activation.places), confidence,
        )  # fmt: skip
    if source.op == "layer" and not source.info.get("recurrent"):
        layer = layers.of(source)
        if layer is None:
            return None
        return Loss(
            name, framework, place, logits, "raw", None, layer, layers.model(source), layer.out_features,
            (*also, (layer.place, "the output layer")), confidence,
        )  # fmt: skip
    return None


def _raw_sum(node: Flow) -> list[Flow]:
    """The layers whose outputs a sum adds up, nothing but these: `wide(x) + deep(x)`."""
    if node.op != "add" or len(node.inputs) < 2:
        return []
    found: list[Flow] = []
    for part in node.inputs:
        source = origin(part, WAY)
        if source is None or source.op not in ("layer", "add") or source.info.get("recurrent"):
            return []
        layers = [source] if source.op == "layer" else _raw_sum(source)
        if not layers:
            return []
        found.extend(layers)
    return found


def _of_compile(record: Record, layers: Layers) -> Iterator[Site]:
    model: Obj = record.data["model"]
    outputs = model.state.get("outputs", model.state.get("output"))
    if outputs is None:
        return
    for flow, value, place in _match(outputs, record.data["loss"], record.place, layers):
        name, logits, where = loss_name(value, place)
        if name is not None and flow is not None:
            also = ((record.place, "compiled here"),) if where != record.place else ()
            yield Site(name, "keras", where, logits, flow, also)


def loss_name(value: Value, place: Place) -> tuple[str | None, bool | None, Place]:
    """Normal-form name, from_logits, and where the loss was given."""
    if isinstance(value, str):
        return keras_table.LOSSES.get(value), False, place
    if isinstance(value, External):
        last = value.name.rsplit(".", 1)[-1]
        if value.name.startswith(("keras.", "tensorflow.")):
            return keras_table.LOSSES.get(last), False, place
        return None, None, place
    if isinstance(value, Obj) and value.kind is not None and value.kind.role == "loss":
        logits = value.args.get("from_logits", False)
        return value.kind.loss, logits if isinstance(logits, bool) else None, place
    return None, None, place


def _match(outputs: Value, loss: Value, place: Place, layers: Layers) -> list[tuple[Flow | None, Value, Place]]:
    """Pair the outputs of a model with the losses given as one, a list, or a dictionary."""
    if isinstance(loss, DictValue):
        named = _named(outputs, layers)
        return [(named.get(str(k)), v, loss.places.get(k, place)) for k, v in loss.items.items()]
    ends = (
        outputs.items if isinstance(outputs, ListValue) else list(outputs) if isinstance(outputs, tuple) else [outputs]
    )
    if isinstance(outputs, DictValue):
        ends = list(outputs.items.values())
    if isinstance(loss, (ListValue, tuple)):
        values = loss.items if isinstance(loss, ListValue) else list(loss)
        return [(e if isinstance(e, Flow) else None, v, place) for e, v in zip(ends, values)]
    if len(ends) == 1 and isinstance(ends[0], Flow):
        return [(ends[0], loss, place)]
    return [(e if isinstance(e, Flow) else None, loss, place) for e in ends]


def _named(outputs: Value, layers: Layers) -> dict[str, Flow]:
    if isinstance(outputs, DictValue):
        return {str(k): v for k, v in outputs.items.items() if isinstance(v, Flow)}
    ends = (
        outputs.items if isinstance(outputs, ListValue) else list(outputs) if isinstance(outputs, tuple) else [outputs]
    )
    found: dict[str, Flow] = {}
    for end in ends:
        node = end
        for _ in range(8):
            if not isinstance(node, Flow):
                break
            if isinstance(node.layer, Obj):
                name = node.layer.args.get("name")
                if isinstance(name, str):
                    found[name] = end
                break
            node = node.inputs[0] if node.inputs else None
    return found
