"""Which measured layer is which layer of the code: by path in the model, else by the line of its constructor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from actinit_lint.finding import Span
from actinit_lint.model import FileFacts, Layer, Link, Place
from actinit_lint.probe.measurement import ActivationRecord, GateRecord, LayerRecord, Line, Measurement
from actinit_lint.probe.subject import Result
from actinit_lint.source.texts import Texts


@dataclass(slots=True)
class Static:
    """What was followed: the layers of every model, and where their constructors are."""

    layers: list[tuple[str, Layer]]  # (file::model, layer), each once, in source order
    spans: Mapping[Place, Span]
    texts: Texts
    links: Mapping[int, Sequence[Link]] = field(default_factory=dict)  # identity of a layer -> its links
    files: Mapping[str, str] = field(default_factory=dict)  # path of a place -> the file that is run

    def lines(self, place: Place) -> list[Line]:
        """The lines of an expression, with the path that frames show."""
        span = self.spans.get(place)
        if span is None:
            return []
        real = self.files.get(place.path) or self.texts.real(place.path)
        return [(real, line) for line in range(span.line, span.end_line + 1)]

    def line(self, place: Place) -> Line | None:
        """The first of them."""
        return next(iter(self.lines(place)), None)


def layers_of(facts: Iterable[FileFacts]) -> list[tuple[str, Layer]]:
    """Every layer that a fact speaks of, with its model as `file::model`: two files may have models of one name."""
    found: dict[int, tuple[str, Layer]] = {}
    for file in facts:
        for fact in file.facts:
            layer, model = getattr(fact, "layer", None), getattr(fact, "model", None)
            if isinstance(layer, Layer) and isinstance(model, str):
                found.setdefault(id(layer), (f"{file.path}::{model}", layer))
    return list(found.values())


def links_of(facts: Iterable[FileFacts]) -> dict[int, list[Link]]:
    """The links of every layer, by its identity."""
    found: dict[int, list[Link]] = {}
    for file in facts:
        for fact in file.facts:
            if isinstance(fact, Link):
                found.setdefault(id(fact.layer), []).append(fact)
    return found


@dataclass(slots=True)
class Joint:
    """A model that ran, and which of its records are which layers of the code."""

    result: Result
    measurement: Measurement
    #: (identity of the layer, name of its weight) -> indices of layer records
    records: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    gates: dict[int, list[GateRecord]] = field(default_factory=dict)
    static: dict[int, Layer] = field(default_factory=dict)  # layer record -> layer
    links: Mapping[int, Sequence[Link]] = field(default_factory=dict)  # identity of a layer -> its links

    def of(self, layer: Layer, weight: str | None = None) -> list[int]:
        """The records of a layer's weight, by either of its names, or of all of its weights."""
        keys = [key for key, one in layer.weights.items() if weight in (None, key, one.name)]
        return [index for key in keys for index in self.records.get((id(layer), key), ())]

    def activation(self, indices: Iterable[int], name: str | None) -> ActivationRecord | None:
        """What the output of these layers meets first; the one called `name` where several do."""
        wanted = set(indices)
        found = [one for one in self.measurement.activations if wanted & set(one.sources)]
        named = [one for one in found if _same_activation(one.name, name)]
        return next(iter(named or found), None)


def _same_activation(measured: str, static: str | None) -> bool:
    """Equal, but for the parameters and the forms that the catalogue keeps apart."""
    families = ({"leaky_relu", "prelu", "rrelu"}, {"gelu", "gelu_tanh", "quick_gelu"}, {"relu", "clipped_relu"})
    return measured == static or any({measured, static} <= family for family in families)


def join(result: Result, measurement: Measurement, static: Static) -> Joint:
    joint = Joint(result, measurement, links=static.links)
    own = {f"{path}::{result.name}" for path, there in static.files.items() if there == result.path}
    by_line: dict[tuple[str, Line | None, str], list[Layer]] = {}
    for model, layer in static.layers:
        for name, weight in layer.weights.items():
            if weight.role not in ("bias", "norm"):
                by_line.setdefault((model, static.line(layer.place), name), []).append(layer)
        gates = [one for one in measurement.gates if _is_gate_of(one, layer, model in own, static)]
        if gates:
            joint.gates[id(layer)] = gates
    for (model, _, name), layers in by_line.items():
        paths = {id(layer): _by_path(layer, name, measurement.layers) for layer in layers}
        if model in own and all(paths.values()):
            _note(joint, layers, name, [paths[id(layer)] for layer in layers])
            continue
        here = _by_line(static.lines(layers[0].place), name, layers[0], measurement.layers)
        if len(here) == len(layers):
            _note(joint, layers, name, [[index] for index in here])
        elif here:
            _note(joint, layers, name, [here] * len(layers))
    return joint


def _note(joint: Joint, layers: Sequence[Layer], name: str, found: Sequence[list[int]]) -> None:
    for layer, indices in zip(layers, found):
        joint.records[id(layer), name] = indices
        for index in indices:
            joint.static.setdefault(index, layer)


def _by_path(layer: Layer, weight: str, records: Sequence[LayerRecord]) -> list[int]:
    names = {f"{layer.path}.{weight}", layer.path, f"{layer.path}/{weight}"}
    exact = [i for i, one in enumerate(records) if one.weight in names]
    return exact or [i for i, one in enumerate(records) if one.layer == layer.path and _own_name(one) == weight]


def _by_line(lines: Sequence[Line], weight: str, layer: Layer, records: Sequence[LayerRecord]) -> list[int]:
    return [
        i
        for i, one in enumerate(records)
        if one.constructed in lines and (_own_name(one) == weight or layer.kind == "Parameter")
    ]


def _own_name(record: LayerRecord) -> str:
    return record.weight.replace("/", ".").rpartition(".")[2]


def _is_gate_of(gate: GateRecord, layer: Layer, same_model: bool, static: Static) -> bool:
    return (same_model and gate.layer == layer.path) or gate.constructed in static.lines(layer.place)
