"""The weights of a model by name, each with the module that owns it and the line where that was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from actinit_lint.probe.measurement import Line
from actinit_lint.probe.observe.places import Constructions


@dataclass(slots=True)
class Owner:
    """A parameter and whose it is."""

    parameter: torch.Tensor
    layer: str  # path of the module: "net.0", "" for the model itself; Keras: the layer's path
    name: str  # within the module: "weight", "kernel"
    constructed: Line | None
    layout: str  # "torch" or "keras": where the axes are


def owners_of(model: Any, framework: str, constructions: Constructions) -> dict[str, Owner]:
    """Every parameter under its full name, a shared one under its first."""
    return _keras_owners(model, constructions) if framework == "keras" else _torch_owners(model, constructions)


def module_paths(model: Any, framework: str) -> dict[int, str]:
    """Path of every module by identity."""
    if framework == "keras":
        return {id(layer): layer_name(layer) for layer in _keras_layers(model)}
    return {id(module): name for name, module in model.named_modules()}


def layer_name(layer: Any) -> str:
    return str(getattr(layer, "path", None) or getattr(layer, "name", ""))


def _torch_owners(model: Any, constructions: Constructions) -> dict[str, Owner]:
    owners: dict[str, Owner] = {}
    modules, seen = dict(model.named_modules()), set()
    for path, module in modules.items():
        for own, parameter in module._parameters.items():
            if parameter is None or id(parameter) in seen:
                continue
            seen.add(id(parameter))
            layer, name, maker = path, own, module
            if own in ("original0", "original1", "original") and ".parametrizations." in f".{path}.":
                layer, _, rest = path.partition("parametrizations")
                layer, name = layer.rstrip("."), f"{rest.strip('.')}.{own}"
                maker = modules[layer]
            raw = type(maker).__module__.partition(".")[0] != "torch"
            line = (constructions.of(parameter) if raw else None) or constructions.of(maker)
            owners[f"{path}.{own}" if path else own] = Owner(parameter, layer, name, line, "torch")
    return owners


def _keras_layers(model: Any) -> list[Any]:
    return list(model._flatten_layers(include_self=True, recursive=True))


def _keras_owners(model: Any, constructions: Constructions) -> dict[str, Owner]:
    owners: dict[str, Owner] = {}
    seen: set[int] = set()
    for layer in _keras_layers(model):
        for variable in [*layer._trainable_variables, *layer._non_trainable_variables]:
            value = variable._value
            if not isinstance(value, torch.Tensor) or id(value) in seen:
                continue
            seen.add(id(value))
            raw = type(layer).__module__.partition(".")[0] not in ("keras", "tf_keras")
            line = (constructions.of(variable) if raw else None) or constructions.of(layer)
            name = f"{layer_name(layer)}/{variable.name}"
            while name in owners:
                name += "_"
            owners[name] = Owner(value, layer_name(layer), variable.name, line, "keras")
    return owners
