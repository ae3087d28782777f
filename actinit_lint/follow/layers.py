"""From followed objects to the model's layers: sizes, fans, weights, paths."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from actinit_lint.follow.modules import contained, walk
from actinit_lint.follow.values import Flow, LayerKey, ListValue, Obj, OneOf, Parameter, Unknown, options
from actinit_lint.knowledge.kinds import spread, times
from actinit_lint.model import Layer, Weight, Write
from actinit_lint.reference.normal_form import OPAQUE


class Layers:
    """The layers of one session, each made once, with the names that their models give them."""

    def __init__(self, objects: Iterable[Obj], names: dict[int, str], root: str) -> None:
        self.made: dict[LayerKey, Layer] = {}
        self.root = root
        self.paths: dict[int, str] = {}
        self.models: dict[int, str] = {}
        self.names = names
        self.counts: dict[str, int] = {}
        self._name(list(objects))

    def _name(self, objects: list[Obj]) -> None:
        inner = contained(objects)
        for obj in objects:
            if id(obj) in inner:
                continue
            model = obj.cls.name if obj.cls is not None else self.names.get(id(obj), self.root)
            for path, module in walk(obj):
                if id(module) not in self.paths:
                    self.paths[id(module)] = path
                    self.models[id(module)] = model
                    self._name_listed(path, module, model)

    def _name_listed(self, path: str, module: Obj, model: str) -> None:
        """The parameters of a ParameterList, which belong to no object of their own."""
        if module.items is None or module.kind is None or not module.kind.name.startswith("Parameter"):
            return
        for key, item in zip(module.keys or (), module.items.items):
            if isinstance(item, Parameter) and item.owner is None:
                self.paths[id(item)], self.models[id(item)] = f"{path}.{key}", model

    def path(self, obj: Obj) -> str:
        found = self.paths.get(id(obj))
        if found:
            return found
        name = obj.args.get("name")
        if isinstance(name, str):
            return name
        if id(obj) in self.names:
            return self.names[id(obj)]
        attribute = obj.state.get("attribute")
        if isinstance(attribute, str):
            return attribute
        base = obj.label.lower()
        self.counts[base] = self.counts.get(base, -1) + 1
        name = base if not self.counts[base] else f"{base}_{self.counts[base]}"
        self.paths[id(obj)] = name
        return name

    def model(self, node: Flow) -> str:
        owner = node.layer
        if isinstance(owner, Parameter) and owner.owner is not None:
            owner = owner.owner
        return self.models.get(id(owner), self.root) if owner is not None else self.root

    def of(self, node: Flow) -> Layer | None:
        """The layer that a node of the graph applies."""
        if node.layer is None:
            return None
        key = node.key
        if key not in self.made:
            if isinstance(node.layer, Parameter):
                self.made[key] = self._raw(node, node.layer)
            else:
                self.made[key] = self._library(node.layer)
        return self.made[key]

    def _library(self, obj: Obj) -> Layer:
        kind = obj.kind
        assert kind is not None
        layer = Layer(self.path(obj), kind.name, kind.framework, obj.place)
        layer.repeated = obj.repeated
        layer.recurrent = kind.role == "recurrent"
        layer.of_class = obj.maker
        layer.depthwise = kind.extra in ("depthwise", "separable")
        layer.scale_free = bool(obj.flags & {"scale_free"})
        for name, value in obj.attrs.items():
            for option in options(value):
                if isinstance(option, Parameter) and option.role != "other" and not option.buffer:
                    layer.weights.setdefault(name, _weight(layer, name, option))
                    layer.scale_free = layer.scale_free or option.parametrized
        _sizes(layer, obj)
        if not any(w.trainable for w in layer.weights.values()):
            for w in layer.weights.values():
                w.trainable = False
        if obj.frozen:
            for w in layer.weights.values():
                w.trainable = False
        return layer

    def _raw(self, node: Flow, parameter: Parameter) -> Layer:
        owner = parameter.owner
        prefix = self.paths.get(id(owner), "") if owner is not None else ""
        name = parameter.name or self.names.get(id(parameter), "parameter")
        path = self.paths.get(id(parameter), f"{prefix}.{name}" if prefix else name)
        framework = (
            "keras" if owner is not None and owner.kind is not None and owner.kind.framework == "keras" else "torch"
        )
        layer = Layer(path, "Parameter", framework, parameter.place)  # type: ignore[arg-type]
        layer.of_class = owner.maker if owner is not None else None
        layer.scale_free = bool(node.info.get("derived")) or parameter.parametrized
        layer.oriented = False
        layer.weights["weight"] = _weight(layer, parameter.name or "weight", parameter)
        layer.weights["weight"].role = "kernel"
        shape, index = parameter.shape, node.info.get("index", ())
        if index and shape is not None:
            shape = shape[len(index) :]
            layer.path += "".join("" if i is None else f"[{i}]" for i in index)
            _stacked(layer.weights["weight"], shape)
        out_first = node.info.get("out_first")
        if shape is not None and out_first is not None and len(shape) >= 2:
            field = times(*shape[2:]) if out_first else times(*shape[:-2])
            out, inner = (shape[0], shape[1]) if out_first else (shape[-1], shape[-2])
            layer.in_features, layer.out_features = inner, out
            layer.fan_in, layer.fan_out = times(inner, field), times(out, field)
            layer.kernel = field or 1
            layer.groups = node.info.get("groups", 1)
            layer.oriented = len(shape) == 2 or layer.fan_in is not None
        elif shape is not None and node.info.get("einsum"):
            _einsum(layer, node.info["einsum"], node.info.get("operands", []), shape)
            layer.oriented = layer.fan_in is not None
        return layer


def _weight(layer: Layer, name: str, parameter: Parameter) -> Weight:
    return Weight(layer, name, parameter.role, parameter.shape, list(parameter.writes), parameter.trainable)  # type: ignore[arg-type]


def _stacked(weight: Weight, shape: tuple[int | None, ...]) -> None:
    """One matrix of several in one tensor: an initialiser that scales by fans takes them from the whole tensor."""
    weight.stacked, weight.shape = True, shape
    if weight.writes and weight.initializer.family not in ("normal", "uniform", "constant"):
        weight.writes.append(Write(OPAQUE, weight.write.place))


def _einsum(layer: Layer, equation: str, operands: list[str], shape: tuple[int | None, ...]) -> None:
    """Fans of `einsum("bi,ij->bj", x, w)`: contracted and kept axes of the weight."""
    left, _, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if "." in equation or len(terms) != 2 or "weight" not in operands or len(operands) != 2:
        return
    weight = terms[operands.index("weight")]
    data = terms[1 - operands.index("weight")]
    if len(weight) != len(shape):
        return
    summed = [size for axis, size in zip(weight, shape) if axis in data and axis not in right]
    kept = [size for axis, size in zip(weight, shape) if axis not in data and axis in right]
    if summed:
        layer.fan_in = layer.in_features = times(*summed)
    if kept:
        layer.fan_out = layer.out_features = times(*kept)


def _sizes(layer: Layer, obj: Obj) -> None:
    """Channels and the fans of the operation, which are not always the initialiser's."""
    a = obj.args
    weight = layer.kernel_weight or next((w for w in layer.weights.values() if w.role == "depthwise"), None)
    shape = weight.shape if weight is not None else None
    kind = obj.kind
    assert kind is not None
    groups = a.get("groups", 1)
    layer.groups = groups if isinstance(groups, int) and not isinstance(groups, bool) else 1
    if isinstance(groups, (Unknown, OneOf)):
        layer.depthwise = True  # it may be: the benefit of the doubt
    if isinstance(groups, int) and groups > 1 and a.get("in_channels") == groups:
        layer.depthwise = True
    stride = a.get("stride", a.get("strides", 1))
    layer.stride = prod(s or 1 for s in spread(stride, 1)) if isinstance(stride, int) else _first(stride)
    layer.in_symbol = _symbol(a, "in_features", "in_channels", "input_size")
    layer.out_symbol = _symbol(a, "out_features", "out_channels", "hidden_size", "units", "filters")
    layer.built = tuple(obj.state.get("built_in", ()))
    if kind.framework == "torch":
        layer.in_features = _int(a.get("in_features", a.get("in_channels", a.get("input_size", a.get("in1_features")))))
        layer.out_features = _int(a.get("out_features", a.get("out_channels", a.get("hidden_size"))))
        if shape is None or len(shape) < 2:
            return
        if kind.extra == "transpose":
            field = times(*shape[2:])
            layer.kernel = field or 1
            layer.fan_in = times(layer.in_features, field)
            if layer.fan_in is not None and layer.groups:
                layer.fan_in //= layer.groups
            layer.fan_out = times(layer.out_features, field)
            return
        layer.kernel = times(*shape[2:]) or 1
        layer.fan_in = times(*shape[1:])
        layer.fan_out = times(shape[0], *shape[2:])
        if layer.groups > 1 and layer.fan_out is not None:
            layer.fan_out //= layer.groups
        return
    layer.out_features = _int(a.get("units", a.get("filters")))
    if shape is None or len(shape) < 2:
        return
    field = times(*shape[:-2])
    layer.kernel = field or 1
    if kind.extra == "depthwise":
        layer.in_features = shape[-2]
        layer.out_features = times(shape[-2], shape[-1])
        layer.fan_in, layer.fan_out = field, times(field, shape[-1])
        return
    if kind.extra == "transpose":
        layer.in_features = shape[-1]
        layer.fan_in, layer.fan_out = times(shape[-1], field), times(shape[-2], field)
        return
    layer.in_features = times(shape[-2], layer.groups) if len(shape) > 2 else shape[-2]
    layer.fan_in, layer.fan_out = times(shape[-2], field), times(shape[-1], field)


def _symbol(args: dict[str, object], *names: str) -> str | None:
    """What an unknown size is called, to tell whether two of them are the same."""
    for name in names:
        value = args.get(name)
        if isinstance(value, Unknown):
            return value.symbol
    return None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _first(value: object) -> int:
    if isinstance(value, tuple) and value and isinstance(value[0], int):
        return value[0]
    if isinstance(value, ListValue) and value.items and isinstance(value.items[0], int):
        return value.items[0]
    return 1
