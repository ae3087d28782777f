"""What `show` prints: each model's layers with initialisers, activations and numbers, and what was not followed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actinit_lint.analysis import locate_all
from actinit_lint.finding import Span
from actinit_lint.model import Activation, FileFacts, Layer, Link, Place, Use, Weight
from actinit_lint.reference.normal_form import Initializer
from actinit_lint.report.bar import bar
from actinit_lint.signal.standing import Standing, standing
from actinit_lint.source.cells import in_cell
from actinit_lint.source.texts import Texts

COLUMNS = ("layer", "kind", "shape", "initialiser", "set at", "activation", "signal", "gradient", "notes")
_HOW = {"default": "default", "argument": "argument", "statement": "", "apply": "apply"}


@dataclass(frozen=True, slots=True)
class View:
    """Which models (none: all), and in which form."""

    models: Sequence[str] = ()
    json: bool = False
    color: str | None = None


@dataclass(slots=True)
class Entry:
    """A layer of a model, from the fact about its use and those about its activation."""

    layer: Layer
    use: Use | None = None
    links: list[Link] | None = None

    @property
    def activation(self) -> Activation | None:
        if self.use is not None and self.use.activation is not None:
            return self.use.activation
        return self.links[0].activation if self.links else None


@dataclass(slots=True)
class Build:
    """A model as it was built once: a factory of variants builds its class several times."""

    model: str
    entries: list[Entry]


def builds_of(facts: FileFacts) -> list[Build]:
    """The models in the order in which they were met; a layer's path that comes again starts another build."""
    builds: dict[str, list[dict[str, Entry]]] = {}
    for fact in facts.facts:
        if isinstance(fact, (Use, Link)):
            entry = _entry(builds.setdefault(fact.model, []), fact.layer)
            if isinstance(fact, Use):
                entry.use = entry.use or fact
            elif entry.links is not None:
                entry.links.append(fact)
    return [Build(name, list(one.values())) for name, several in builds.items() for one in several]


def _entry(builds: list[dict[str, Entry]], layer: Layer) -> Entry:
    """The entry of a layer: in the first build that holds the layer itself, or has nothing of that path."""
    for build in builds:
        if layer.path in build and build[layer.path].layer is layer:
            return build[layer.path]
    if not builds or layer.path in builds[-1]:
        builds.append({})
    return builds[-1].setdefault(layer.path, Entry(layer, links=[]))


def render(files: Sequence[FileFacts], texts: Texts, view: View) -> None:
    """Print every file's models."""
    located = locate_all(texts, (place for file in files for place in _places(file)))
    spans = {place: in_cell(span, texts) for place, span in located.items()}
    if view.json:
        document = {"version": 1, "files": [_file_object(file, spans, view) for file in files]}
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    from actinit_lint.report.look import look_for

    look = look_for(sys.stdout, view.color or "auto")
    blocks = [block for file in files for block in _blocks(file, spans, view, look.unicode)]
    if not blocks:
        blocks = ["No models found."]
    for index, block in enumerate(blocks):
        if index:
            print()
        if isinstance(block, str):
            print(look.safe(block))
        else:
            from actinit_lint.report.table import print_table

            print_table(COLUMNS, block, view.color)


def _places(file: FileFacts) -> Iterator[Place]:
    for entry in (entry for build in builds_of(file) for entry in build.entries):
        yield entry.layer.place
        for weight in entry.layer.weights.values():
            yield from (write.place for write in weight.writes[-1:])
        if entry.activation is not None:
            yield from (place for place, _ in entry.activation.places)
    yield from (unknown.place for unknown in file.not_followed)


def _blocks(
    file: FileFacts, spans: Mapping[Place, Span], view: View, unicode: bool
) -> Iterator[str | list[tuple[str, ...]]]:
    tables: dict[str, list[list[tuple[str, ...]]]] = {}
    for build in builds_of(file):
        if view.models and build.model not in view.models:
            continue
        table = [row for entry in build.entries for row in _rows(entry, file.path, spans, unicode)]
        known = tables.setdefault(build.model, [])
        if table not in known:
            known.append(table)
    for model, known in tables.items():
        for number, table in enumerate(known, 1):
            yield f"{file.path}::{model}" + (f", build {number} of {len(known)}" if len(known) > 1 else "")
            yield table
    if file.not_followed and not view.models:
        lines = [f"{file.path}: {len(file.not_followed)} not followed"]
        ordered = sorted(file.not_followed, key=lambda unknown: _order(unknown.place, spans))
        lines += [f"  {_where(unknown.place, file.path, spans)}: {unknown.reason}" for unknown in ordered]
        yield "\n".join(dict.fromkeys(lines))


def _rows(entry: Entry, path: str, spans: Mapping[Place, Span], unicode: bool) -> Iterator[tuple[str, ...]]:
    """One row for the weight that makes the layer's output, one more for each recurrent weight."""
    weights = [w for w in entry.layer.weights.values() if w.role not in ("bias", "norm")]
    activation = entry.activation
    for index, weight in enumerate(weights or [None]):
        first = index == 0
        yield (
            entry.layer.path if first else f"  .{weight.name}" if weight else "",
            entry.layer.kind if first else "",
            _shape(weight),
            _initializer(weight.initializer) if weight else "",
            _set_at(weight, path, spans) if weight else "",
            f"{activation.name} ({_where(activation.place, path, spans)})" if first and activation else "",
            *(_numbers(entry, unicode) if first else ("", "")),
            ", ".join(_notes(entry)) if first else "",
        )


def _numbers(entry: Entry, unicode: bool) -> tuple[str, str]:
    """`×0.41 ████·· 0.009`: the layer's own factor on the spread across the batch, and what is left since the chain's
    first layer; and what of the gradient at the chain's last layer arrives here."""
    found = _standing(entry)
    if found is None:
        return "", ""
    about = "" if found.certain else "≈"
    factor = f"×{_short(10**found.factor)} " if found.position else ""
    signal = f"{factor}{bar(found.signal, unicode)} {about}{10**found.signal:.2g}"
    return signal, f"{bar(found.gradient, unicode)} {about}{10**found.gradient:.2g}"


def _short(factor: float) -> str:
    return f"{factor:.2f}" if 0.1 <= factor < 100 else f"{factor:.2g}"


def _standing(entry: Entry) -> Standing | None:
    """In the first chain that the layer is part of; chains of one layer have nothing to compare."""
    found = [standing(link) for link in entry.links or ()]
    return next((one for one in found if one is not None and one.layers > 1), None)


def _shape(weight: Weight | None) -> str:
    if weight is None or weight.shape is None:
        return "?"
    return " x ".join("?" if size is None else str(size) for size in weight.shape)


def _initializer(initializer: Initializer) -> str:
    """`xavier_uniform, gain 1.41`: the name, and the number that makes it."""
    if initializer.is_constant or initializer.family in ("opaque", "uninitialised"):
        return initializer.name
    numbers = []
    if initializer.gain is not None and not initializer.is_default:
        numbers.append(f"gain {initializer.gain:.3g}")
    if initializer.std is not None:
        numbers.append(f"std {initializer.std:.3g}")
    if initializer.low is not None and initializer.high is not None:
        numbers.append(f"{initializer.low:.3g} to {initializer.high:.3g}")
    return ", ".join([initializer.name, *numbers])


def _set_at(weight: Weight, path: str, spans: Mapping[Place, Span]) -> str:
    if weight.write.kind == "default":
        return "default"
    return f"{_where(weight.write.place, path, spans)} {_HOW[weight.write.kind]}".rstrip()


def _notes(entry: Entry) -> list[str]:
    notes = []
    links = entry.links or []
    use = entry.use
    normalisers = sorted({name for link in links for name in link.normalised_by})
    if any(link.normalised for link in links):
        notes.append(f"normalised ({', '.join(normalisers)})" if normalisers else "normalised")
    if any(link.residual for link in links) or (use is not None and use.residual):
        notes.append("residual")
    if any(link.gate for link in links) or (use is not None and use.gate):
        notes.append("gate")
    if entry.layer.scale_free:
        notes.append("scale-free")
    if use is not None and not use.hidden:
        notes.append("head")
    if use is not None and use.special:
        notes.append(use.special)
    if entry.layer.repeated:
        notes.append("repeated")
    if (use is not None and not use.trainable) or any(not link.trainable for link in links):
        notes.append("frozen")
    return notes


def _order(place: Place, spans: Mapping[Place, Span]) -> tuple[int, int]:
    span = spans.get(place)
    return (0, 0) if span is None else (span.cell or 0, span.line)


def _where(place: Place, path: str, spans: Mapping[Place, Span]) -> str:
    span = spans.get(place)
    if place.path != path:
        return place.path if span is None else f"{place.path}:{span.line}"
    if span is None:
        return "?"
    return f"line {span.line}" if span.cell is None else f"cell {span.cell} line {span.line}"


def _file_object(file: FileFacts, spans: Mapping[Place, Span], view: View) -> dict[str, Any]:
    return {
        "path": file.path,
        "layers_followed": file.layers_followed,
        "layers_not_followed": file.layers_not_followed,
        "models": [
            {"name": build.model, "layers": [_layer_object(entry, spans) for entry in build.entries]}
            for build in builds_of(file)
            if not view.models or build.model in view.models
        ],
        "not_followed": [
            {**_position(unknown.place, spans), "reason": unknown.reason} for unknown in file.not_followed
        ],
    }


def _layer_object(entry: Entry, spans: Mapping[Place, Span]) -> dict[str, Any]:
    layer, activation, found = entry.layer, entry.activation, _standing(entry)
    return {
        "path": layer.path,
        "kind": layer.kind,
        "framework": layer.framework,
        **_counted(layer.place, spans),
        "fan_in": layer.fan_in,
        "fan_out": layer.fan_out,
        "weights": [_weight_object(weight, spans) for weight in layer.weights.values()],
        "activation": None
        if activation is None
        else {"name": activation.name, "slope": activation.slope, **_position(activation.place, spans)},
        "signal": None
        if found is None
        else {
            "position": found.position,
            "layers": found.layers,
            "second_moment": found.second_moment,
            "factor": 10**found.factor,
            "signal_ratio": 10**found.signal,
            "gradient_ratio": 10**found.gradient,
            "certain": found.certain,
        },
        "notes": _notes(entry),
    }


def _weight_object(weight: Weight, spans: Mapping[Place, Span]) -> dict[str, Any]:
    initializer = weight.initializer
    return {
        "name": weight.name,
        "role": weight.role,
        "shape": None if weight.shape is None else list(weight.shape),
        "initializer": initializer.name,
        "family": initializer.family,
        "gain": initializer.gain,
        "std": initializer.std,
        "mode": initializer.mode,
        "set_by": weight.write.kind,
        **_position(weight.write.place, spans),
    }


def _position(place: Place, spans: Mapping[Place, Span]) -> dict[str, Any]:
    return {"path": place.path, **_counted(place, spans)}


def _counted(place: Place, spans: Mapping[Place, Span]) -> dict[str, int | None]:
    """The line, and in a notebook the cell."""
    span = spans.get(place)
    if span is None or span.cell is None:
        return {"line": None if span is None else span.line}
    return {"cell": span.cell, "line": span.line}
