"""Applying a library layer to data: one or a few nodes of the data-flow graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actinit_lint.follow.calls import flows_in
from actinit_lint.follow.state import Run
from actinit_lint.follow.tokens import as_data, attend
from actinit_lint.follow.values import (
    ABSENT,
    Args,
    DictValue,
    External,
    Flow,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    Tensor,
    Unknown,
    Value,
    options,
)
from actinit_lint.model import Activation, Place
from actinit_lint.reference.normal_form import OPAQUE


def data_arguments(run: Run, args: Args, place: Place) -> Args:
    """Arguments of a model's call, with unknown and fresh tensors turned into inputs of the graph."""
    out = Args()
    out.kw, out.kw_places, out.open = args.kw, args.kw_places, args.open
    for value, where in zip(args.pos, args.pos_places):
        if isinstance(value, (Unknown, Tensor)) or (isinstance(value, Parameter) and value.owner is None):
            shape = value.shape[1:] if isinstance(value, (Tensor, Parameter)) and value.shape else None
            value = run.flow(Flow("input", [], where, shape=shape))
        out.add(value, where)
    return out


def input_flow(run: Run, args: Args, place: Place) -> Flow:
    """The data that a layer is applied to; something unknown counts as an input of its own."""
    for value in args.values():
        flows = flows_in([value])
        if flows:
            return flows[0]
    first = args.pos[0] if args.pos else None
    tokens = as_data(run, first, place)
    if tokens is not None:
        return tokens
    shape = first.shape[1:] if isinstance(first, Tensor) and first.shape else None
    return run.flow(Flow("input", [], place, shape=shape))


def apply_kind(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    kind = obj.kind
    assert kind is not None
    if "functional" in obj.flags and "inputs" in obj.state:
        from actinit_lint.follow.keras_api import call_functional

        return call_functional(run, obj, args, place)
    handler = APPLY.get(kind.role)
    if handler is None:
        from actinit_lint.follow.calls import unknown_call

        return unknown_call(run, kind.name, args, place)
    return handler(run, obj, args, place)


def _layer(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    x = input_flow(run, args, place)
    kind = obj.kind
    assert kind is not None
    if kind.framework == "keras":
        from actinit_lint.follow.keras_api import build

        build(run, obj, x)
    shape = kind.shape(obj.args, x.shape) if kind.shape is not None else None
    node = run.flow(Flow("layer", flows_in(args.values()) or [x], place, name=kind.name, layer=obj, shape=shape))
    if kind.framework == "keras":
        return _with_activation(run, obj, node, place)
    return node


def _with_activation(run: Run, obj: Obj, node: Flow, place: Place) -> Value:
    """The `activation=` argument of a Keras layer."""
    value = obj.args.get("activation")
    if value is None and not obj.open_args:
        return node
    where = obj.arg_places.get("activation", obj.place)
    if obj.open_args and "activation" not in obj.arg_places:
        return run.flow(Flow("unknown", [node], place, name="an activation from an unknown dictionary"))
    return apply_activation(run, value, node, where, ((obj.place, "this layer"),) if where != obj.place else ())


def _recurrent(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    kind = obj.kind
    assert kind is not None
    x = input_flow(run, args, place)
    if kind.framework == "keras":
        from actinit_lint.follow.keras_api import build

        build(run, obj, x)
    shape = kind.shape(obj.args, x.shape) if kind.shape is not None else None
    layer = run.flow(Flow("layer", flows_in(args.values()) or [x], place, name=kind.name, layer=obj, shape=shape))
    layer.info["recurrent"] = True
    name, where = kind.activation or "tanh", obj.place
    if kind.framework == "torch":
        name = obj.args.get("nonlinearity", name)
        if not isinstance(name, str):
            return run.flow(Flow("unknown", [layer], place, name="recurrent activation"))
        where = obj.arg_places.get("nonlinearity", obj.place)
        activation = Activation(name, places=((where, f"{name} inside the recurrent layer"),))
        out = run.flow(Flow("activation", [layer], place, name=name, activation=activation))
        out.info["recurrent"] = True
        cell = kind.extra is not None and "cell" in kind.extra
        if cell:
            return (out, out) if "LSTM" in kind.name else out
        out.info["pieces"] = (out, (out, out) if "LSTM" in kind.name else out)
        return out
    value = obj.args.get("activation")
    where = obj.arg_places.get("activation", obj.place)
    if value is None:
        result: Value = run.flow(Flow("opaque", [layer], place, name=kind.name, shape=shape))
    else:
        result = apply_activation(run, value, layer, where, ())
    if isinstance(result, Flow):
        result.info["recurrent"] = True
        if obj.args.get("return_state") is True:
            result.info["pieces"] = (result,) * (3 if "LSTM" in kind.name else 2)
    return result


def _attention(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    if obj.kind is not None and obj.kind.extra == "deformable":
        inputs = flows_in(args.values()) or [input_flow(run, args, place)]
        node = run.flow(Flow("attention", inputs[:1], place, name=obj.label, layer=obj))
        return run.flow(Flow("gate", [node, *inputs[1:]], place, name="offsets")) if inputs[1:] else node
    node = attend(run, args, place, obj.label, obj)
    node.shape = next((source.shape for source in node.inputs if "tokens" not in source.info), None)
    if obj.kind is not None and obj.kind.framework == "torch" and obj.kind.name == "MultiheadAttention":
        node.info["pieces"] = (node, run.flow(Flow("opaque", [node], place, name="attention weights")))
    return node


def _embedding(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    kind = obj.kind
    assert kind is not None
    x = input_flow(run, args, place)
    if kind.framework == "keras":
        from actinit_lint.follow.keras_api import build

        build(run, obj, x)
    shape = kind.shape(obj.args, x.shape) if kind.shape is not None else None
    return run.flow(Flow("embedding", [x], place, name=kind.name, layer=obj, shape=shape))


def _step(op: str) -> Callable[[Run, Obj, Args, Place], Value]:
    def apply(run: Run, obj: Obj, args: Args, place: Place) -> Value:
        x = input_flow(run, args, place)
        kind = obj.kind
        assert kind is not None
        shape = x.shape if op == "norm" else None
        if kind.shape is not None:
            shape = kind.shape(obj.args, x.shape)
        name = kind.norm or kind.name if op == "norm" else kind.name
        if kind.extra == "input":
            return x
        return run.flow(Flow(op, [x], place, name=name, layer=obj, shape=shape))

    return apply


def _activation(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    kind = obj.kind
    assert kind is not None
    x = input_flow(run, args, place)
    if kind.activation is None:  # Keras' Activation("relu")
        where = obj.arg_places.get("activation", obj.place)
        return apply_activation(run, obj.args.get("activation"), x, where, ())
    if obj.open_args:
        return run.flow(Flow("unknown", [x], place, name="an activation with unknown arguments"))
    slope = kind.slope
    if isinstance(slope, str):
        slope = obj.args.get("alpha") if obj.args.get("alpha") is not None and slope != "alpha" else obj.args.get(slope)
        slope = float(slope) if isinstance(slope, (int, float)) else None
    dim = obj.args.get("dim", obj.args.get("axis"))
    name = kind.activation
    if name == "relu" and kind.framework == "keras":
        name, slope = _keras_relu(obj)
    if name == "hardtanh" and kind.framework == "torch":
        clipped = clipping(run, obj.args.get("min_val"), obj.args.get("max_val"), x, place)
        if isinstance(clipped, Flow):
            return clipped
        name = clipped
    places = (
        ((place, f"meets {label(name)} here"), (obj.place, "made here"))
        if obj.place != place
        else ((place, f"meets {label(name)} here"),)
    )
    activation = Activation(name, slope, places, dim if isinstance(dim, int) else None)
    return run.flow(Flow("activation", [x], place, name=name, activation=activation, shape=x.shape))


def clipping(run: Run, low: Value, high: Value, x: Flow, place: Place) -> str | Flow:
    """What `hardtanh` is with its bounds: the activation of that name, a clipped ReLU, or cutting off and no more."""
    if (low, high) == (-1, 1):
        return "hardtanh"
    if low == 0 and x.op != "activation":
        return "relu6" if high == 6 else "clipped_relu"
    return run.flow(Flow("nonlinear", [x], place, name="hardtanh", shape=x.shape))


def _keras_relu(obj: Obj) -> tuple[str, float | None]:
    slope, top = obj.args.get("negative_slope"), obj.args.get("max_value")
    if isinstance(slope, (int, float)) and slope:
        return "leaky_relu", float(slope)
    return ("relu6" if top is not None else "relu"), None


def _merge(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    flows = flows_in(args.values()) or [input_flow(run, args, place)]
    extra = obj.kind.extra if obj.kind is not None else None
    if extra in ("add", "mul", "concat", "matmul"):
        shape = flows[0].shape
        if extra == "concat" and all(f.shape for f in flows):
            last = [f.shape[-1] for f in flows if f.shape]
            width = sum(n for n in last if n is not None) if all(n is not None for n in last) else None
            shape = (*flows[0].shape[:-1], width) if flows[0].shape else None
        return run.flow(Flow(extra, flows, place, name=obj.label, shape=shape if extra != "matmul" else None))
    return run.flow(Flow("max", flows, place, name=obj.label, shape=flows[0].shape))


def _container(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    """Sequential: children in order. A child that may be absent leaves the data as it is on one path."""
    from actinit_lint.follow.calls import call

    if obj.kind is not None and obj.kind.name != "Sequential":
        from actinit_lint.follow.calls import unknown_call

        return unknown_call(run, f"a {obj.kind.name}", args, place)
    assert obj.items is not None
    args = data_arguments(run, args, place)
    value: Value = args.pos[0] if args.pos else input_flow(run, args, place)
    if obj.kind is not None and obj.kind.framework == "keras":
        from actinit_lint.follow.keras_api import start_shape

        value = start_shape(run, obj, value, place)
    for item in obj.items.items:
        if isinstance(item, Flow) and item.op == "input":
            continue  # `Input(...)` as the first element of a Sequential
        step = Args()
        step.add(value, place)
        value = call(run, item, step, _application(item, place))
    if obj.items.open:
        flows = flows_in([value])
        if flows and not any(isinstance(o, Obj) and o.repeated for i in obj.items.items for o in options(i)):
            value = run.flow(Flow("unknown", flows, place, name="further layers of a list of unknown content"))
    obj.state["output"] = value
    return value


def _application(item: Value, place: Place) -> Place:
    """Inside a container a layer is applied where it stands."""
    return item.place if isinstance(item, Obj) else place


def _loss(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    flows = flows_in(args.values())
    if flows:
        data = _loss_data(obj, args)
        if data is not None:
            run.record("loss", obj.place, name=obj.kind.loss if obj.kind else None, flow=data, obj=obj, applied=place)
        return run.flow(Flow("loss", flows, place, name=obj.label))
    return Unknown("a loss")


def _loss_data(obj: Obj, args: Args) -> Flow | None:
    """torch losses take (output, target), Keras losses (target, output)."""
    keras = obj.kind is not None and obj.kind.framework == "keras"
    position, name = (1, "y_pred") if keras else (0, "input")
    value = args.pos[position] if len(args.pos) > position else args.kw.get(name)
    return value if isinstance(value, Flow) else None


def _wrapper(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.calls import call, unknown_call

    extra = obj.kind.extra if obj.kind is not None else None
    if extra == "cells":
        return _cells(run, obj, args, place)
    inner = obj.args.get("layer", obj.args.get("module"))
    if not isinstance(inner, Obj):
        return unknown_call(run, obj.label, args, place)
    x = input_flow(run, args, place)
    if extra == "scale free":
        inner.flags.add("scale_free")
    given = x.shape
    source = x
    if extra == "time" and given:
        source = run.flow(Flow("pass", [x], place, name="time steps", shape=given[1:]))
    step = Args()
    step.add(source, place)
    result = call(run, inner, step, place)
    if isinstance(result, Flow):
        if extra == "time" and result.shape is not None and given:
            return run.flow(Flow("pass", [result], place, name="time steps", shape=(given[0], *result.shape)))
        if extra == "bidirectional" and isinstance(obj.args.get("backward_layer"), Obj):
            return _both_ways(run, obj, result, step, place)
        if extra == "bidirectional" and result.shape:
            last = result.shape[-1]
            wide = last * 2 if last is not None and obj.args.get("merge_mode") == "concat" else last
            return run.flow(Flow("pass", [result], place, name="both directions", shape=(*result.shape[:-1], wide)))
    return result


#: What `Bidirectional` does with the outputs of its layers.
MERGES = {"concat": "concat", "sum": "add", "ave": "add", "mul": "mul"}


def _both_ways(run: Run, obj: Obj, forward: Flow, step: Args, place: Place) -> Value:
    """A layer of its own for the way back. Without one, a copy of the first stands for both."""
    from actinit_lint.follow.calls import call

    flows = [forward, *flows_in((call(run, obj.args["backward_layer"], step, place),))]
    mode = obj.args.get("merge_mode")
    op = MERGES.get(mode) if isinstance(mode, str) else None
    if op is None:
        return tuple(flows)
    return run.flow(Flow(op, flows, place, name="both directions", shape=None if op == "concat" else forward.shape))


def _cells(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    """`RNN(cell)`, `RNN([a, b])`, `StackedRNNCells([a, b])`: at every step one cell after the other."""
    from actinit_lint.follow.calls import call, unknown_call

    given: Value = obj.args.get("cell", obj.args.get("cells"))
    stacked = isinstance(given, (ListValue, tuple))
    cells = list(given.items if isinstance(given, ListValue) else given) if stacked else [given]
    if not cells or not all(isinstance(cell, Obj) for cell in cells) or getattr(given, "open", False):
        return unknown_call(run, obj.label, args, place)
    x = input_flow(run, args, place)
    whole = obj.label == "RNN"
    value: Value = x
    if whole and x.shape:
        value = run.flow(Flow("pass", [x], place, name="time steps", shape=x.shape[1:]))
    for cell in cells:
        step = Args()
        step.add(value, place)
        if cell.cls is not None:
            step.add(Unknown("the state of a cell"), place)
        result = call(run, cell, step, place)
        value = result[0] if isinstance(result, tuple) and result else result
    if not isinstance(value, Flow):
        return value
    states = len(cells) if stacked else 2 if "LSTM" in cells[0].label else 1
    if not whole:
        return (value, value)
    out = run.flow(Flow("pass", [value], place, name="time steps"))
    if obj.args.get("return_state") is True:
        out.info["pieces"] = (out,) * (1 + states)
    return out


def _opaque(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.calls import call

    extra = obj.kind.extra if obj.kind is not None else None
    x = input_flow(run, args, place)
    if extra == "glu":
        return run.flow(Flow("gate", [x], place, name="glu"))
    if extra == "lambda":
        return call(run, obj.args.get("function"), args, place)
    return run.flow(Flow("unknown", flows_in(args.values()) or [x], place, name=obj.label))


def _draw(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    """`HeNormal()(shape)`: a tensor that Keras' initialiser draws."""
    from actinit_lint.follow.keras_api import sizes

    return Tensor(obj.state.get("initializer", OPAQUE), sizes(args.get(0, "shape")), place)


APPLY: dict[str, Callable[[Run, Obj, Args, Place], Value]] = {
    "initializer": _draw,
    "layer": _layer,
    "recurrent": _recurrent,
    "attention": _attention,
    "embedding": _embedding,
    "norm": _step("norm"),
    "pass": _step("pass"),
    "max": _step("max"),
    "scale": _step("scale"),
    "activation": _activation,
    "merge": _merge,
    "container": _container,
    "loss": _loss,
    "wrapper": _wrapper,
    "opaque": _opaque,
}


# Activations by value -----------------------------------------------------------------------------

LABELS = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "gelu": "GELU", "silu": "SiLU", "selu": "SELU",
          "elu": "ELU", "celu": "CELU", "relu6": "ReLU6", "mish": "Mish", "hardswish": "Hardswish"}  # fmt: skip


def label(name: str) -> str:
    return LABELS.get(name, name)


def apply_activation(run: Run, value: Value, x: Flow, place: Place, also: tuple[tuple[Place, str], ...]) -> Value:
    """Apply a Keras activation given as a string, function, layer or None."""
    from actinit_lint.follow.calls import call
    from actinit_lint.follow.keras_api import activation_by_name

    if value is None:
        return x
    if isinstance(value, str):
        found = activation_by_name(run, value, place)
        if found is None:
            return run.flow(Flow("unknown", [x], place, name=f"activation {value!r}", shape=x.shape))
        name, slope = found
        if name == "linear":
            return x
        if name == "glu":
            return run.flow(Flow("gate", [x], place, name="glu"))
        activation = Activation(name, slope, ((place, f"meets {label(name)} here"), *also))
        return run.flow(Flow("activation", [x], place, name=name, activation=activation, shape=x.shape))
    if isinstance(value, OneOf):
        return run.join([apply_activation(run, o, x, place, also) for o in value.options if o is not ABSENT])
    if isinstance(value, (External, Obj)) or not isinstance(value, (Unknown, Parameter, DictValue, ListValue)):
        args = Args()
        args.add(x, place)
        result: Any = call(run, value, args, place)
        if isinstance(result, Flow) and result.op == "activation" and result.activation is not None and also:
            a = result.activation
            result.activation = Activation(a.name, a.slope, (*a.places, *also), a.dim)
        return result
    return run.flow(Flow("unknown", [x], place, name="an unknown activation", shape=x.shape))
