"""Keras: names given as strings, layers that are built at their first call, functional models, `compile`."""

from __future__ import annotations

import difflib
from typing import Literal

from actinit_lint.follow.calls import call, call_method, flows_in
from actinit_lint.follow.fans import fan
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    Args,
    Bound,
    DictValue,
    External,
    Flow,
    Func,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    Partial,
    Tensor,
    Unknown,
    Value,
    dim,
)
from actinit_lint.knowledge import keras as table
from actinit_lint.knowledge.initializers import KERAS, KERAS_NAMES, TF_NAMES
from actinit_lint.knowledge.kinds import REQUIRED, Kind
from actinit_lint.model import Place, Write
from actinit_lint.reference.normal_form import KERAS_DEFAULT, LOADED, OPAQUE, Initializer

# Names --------------------------------------------------------------------------------------------


def near(name: str, known: set[str]) -> tuple[str, ...]:
    """The nearest valid names: aliases of the field first, then spelling."""
    lowered = name.lower().replace("-", "_")
    for start, meant in MEANT:
        if lowered.startswith(start):
            return meant
    return tuple(difflib.get_close_matches(lowered, sorted(known), 2, 0.6))


#: What people call initialisers and activations elsewhere.
MEANT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("xavier", ("glorot_uniform", "glorot_normal")),
    ("glorot", ("glorot_uniform", "glorot_normal")),
    ("kaiming", ("he_normal", "he_uniform")),
    ("he", ("he_normal", "he_uniform")),
    ("leakyrelu", ("leaky_relu",)),
    ("lecun", ("lecun_normal", "lecun_uniform")),
)


def _registered(run: Run, name: str) -> bool:
    """Names that the project registers itself are never unknown."""
    return name in run.registered or "*" in run.registered


def activation_by_name(run: Run, name: str, place: Place) -> tuple[str, float | None] | None:
    """Normal form and slope of an activation string; None, and noticed, when Keras does not know it."""
    found = table.ACTIVATIONS.get(name) or table.ACTIVATION_CLASSES.get(name)
    if found is not None:
        return found, table.ACTIVATION_SLOPES.get(name)
    plain = name.rsplit(">", 1)[-1]
    if plain in table.ACTIVATIONS:
        return table.ACTIVATIONS[plain], table.ACTIVATION_SLOPES.get(plain)
    if not _registered(run, name) and name not in table.LAYERS and name.isidentifier():
        run.record(
            "spelling", place, what="activation", name=name, state="unknown", framework="keras",
            near=near(name, set(table.ACTIVATIONS)), replacement=None,
        )  # fmt: skip
    return None


def initializer_value(
    run: Run, value: Value, place: Place, default: Initializer, shape: tuple[int | None, ...] | None = None
) -> tuple[Initializer, tuple[tuple[Place, str], ...], int | None]:
    """What an initialiser argument means: (normal form, places on the way, identity of a shared instance)."""
    if value is None or value is REQUIRED:
        return default, (), None
    if isinstance(value, str):
        return initializer_by_name(run, value, place), (), None
    if isinstance(value, Obj) and value.state.get("initializer") is not None:
        also = ((value.place, "made here"),) if value.place != place else ()
        return value.state["initializer"], also, value.number
    if isinstance(value, External):
        last = value.name.rsplit(".", 1)[-1]
        row = KERAS.get(last) or (KERAS.get(KERAS_NAMES[last]) if last in KERAS_NAMES else None) or TF_NAMES.get(last)
        if row is not None and value.name.startswith(("keras.", "tensorflow.")):
            return row.build(dict(row.parameters)), (), None
        return OPAQUE, (), None
    if isinstance(value, DictValue):
        name = value.items.get("class_name")
        config = value.items.get("config")
        if isinstance(name, str) and isinstance(config, DictValue) and name in KERAS:
            row = KERAS[name]
            return row.build({**dict(row.parameters), **config.items}), (), None
        return OPAQUE, (), None
    if isinstance(value, OneOf):
        found = [initializer_value(run, option, place, default, shape)[0] for option in value.options]
        return (found[0] if all(i == found[0] for i in found) else OPAQUE), (), None
    if isinstance(value, Tensor):
        return value.initializer, (), None
    if isinstance(value, (Func, Bound, Partial)) or (
        isinstance(value, Obj) and value.cls is not None and value.cls.find("__call__")
    ):
        made = _called(run, value, shape, place)
        return made.initializer, () if made.place == place else ((made.place, "drawn here"),), None
    return OPAQUE, (), None


def _called(run: Run, value: Value, shape: tuple[int | None, ...] | None, place: Place) -> Tensor:
    """What an initialiser of the project draws for a weight of some shape."""
    args = Args()
    args.add(_marked(shape), place)
    args.set("dtype", None, place)
    result = call(run, value, args, place)
    if isinstance(result, Parameter) and result.writes:  # `K.variable(values)`
        result = Tensor(result.writes[-1].initializer, result.shape, result.writes[-1].place)
    known = isinstance(result, Tensor) and result.initializer.family != "uninitialised"
    return result if known else Tensor(OPAQUE, None, place)


def _marked(shape: tuple[int | None, ...] | None) -> Value:
    """A shape for code that computes a spread from it: the sizes of a dense kernel are its fans."""
    if shape is None:
        return Unknown("shape of a weight")
    sizes = tuple(Unknown("size of a weight") if size is None else size for size in shape)
    return (fan(sizes[0], "in"), fan(sizes[1], "out")) if len(sizes) == 2 else sizes


def initializer_by_name(run: Run, name: str, place: Place) -> Initializer:
    cls = KERAS_NAMES.get(name) or (name if name in KERAS else None)
    if cls is not None:
        row = KERAS[cls]
        return row.build(dict(row.parameters))
    if not _registered(run, name) and name.isidentifier() and name.lower() not in {k.lower() for k in KERAS_NAMES}:
        known = set(KERAS_NAMES)
        run.record(
            "spelling", place, what="initializer", name=name, state="unknown", framework="keras",
            near=near(name, known), replacement=None,
        )  # fmt: skip
    return OPAQUE


def legacy_arguments(run: Run, kind: Kind, args: Args, place: Place) -> Args:
    """Keras 1 argument names, noticed and read as what they became."""
    known = {name for name, _ in kind.parameters}
    renamed = {}
    for name in args.kw:
        new = table.LEGACY_ARGUMENTS.get(name)
        if new is not None and name not in known and kind.role in ("layer", "recurrent", "embedding", "norm"):
            renamed[name] = new
    if not renamed:
        return args
    first = next(iter(renamed))
    run.record(
        "spelling", place, what="argument", name=first, state="deprecated", framework="keras",
        near=(), replacement=renamed[first], at=args.kw_places[first],
    )  # fmt: skip
    out = Args()
    out.pos, out.pos_places, out.open = args.pos, args.pos_places, args.open
    for name, value in args.kw.items():
        out.set(renamed.get(name, name), value, args.kw_places[name])
    return out


# Building -----------------------------------------------------------------------------------------


def build(run: Run, obj: Obj, x: Flow) -> None:
    """Make a Keras layer's weights, at its first call."""
    kind = obj.kind
    if kind is None or kind.weights is None or obj.state.get("built"):
        return
    run.store(obj.state, "built", True)
    shape = x.shape
    if shape is None:
        shape = input_shape(obj) or _width(x)
    for row in kind.weights(obj.args, shape):
        argument = row.argument
        also: tuple[tuple[Place, str], ...] = ()
        initializer, shared = row.initializer, None
        place, how = obj.place, "default"
        if argument is not None:
            value = obj.args.get(argument)
            given = obj.arg_places.get(argument)
            if value is not None and given is not None:
                place, how = given, "argument"
                initializer, also, shared = initializer_value(run, value, place, row.initializer, row.shape)
            elif obj.open_args:
                initializer = OPAQUE
        if "loaded" in obj.flags:
            initializer = LOADED
        if "unknown_base" in obj.flags:
            initializer = OPAQUE
        if row.name == "bias" and kind.name.endswith("LSTM") and how == "default":
            initializer = OPAQUE  # zeros with ones in the forget gate
        write = Write(initializer, place, also, how)  # type: ignore[arg-type]
        parameter = Parameter(row.shape, (write,), obj.place, row.name, obj, row.role, raw=False)
        parameter.trainable = obj.args.get("trainable") is not False
        run.store(obj.attrs, row.name, parameter)
        run.session.parameters.append(parameter)
        if shared is not None:
            run.record("shared", place, instance=shared, parameter=parameter, value=obj.args.get(argument or ""))


#: Steps that leave the last axis as it is.
SAME_WIDTH = frozenset({"activation", "norm", "scale", "add"})
DROPS = frozenset({"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "dropout"})


def _width(x: Flow) -> tuple[int | None, ...] | None:
    """The last axis of data whose other axes are not known: the units of the layer that it comes from."""
    while x.op in SAME_WIDTH or (x.op == "pass" and x.name in DROPS):
        x = x.inputs[0]
    if x.op != "layer" or not isinstance(x.layer, Obj) or x.layer.kind is None or x.layer.kind.framework != "keras":
        return None
    width = dim(x.layer.args.get("units", x.layer.args.get("filters")))
    return None if width is None else (width,)


def input_shape(obj: Obj) -> tuple[int | None, ...] | None:
    """`input_shape=`, `input_dim=`, `batch_input_shape=` of a first layer."""
    shape = obj.args.get("input_shape")
    if isinstance(shape, (tuple, ListValue)):
        return tuple(dim(v) for v in (shape if isinstance(shape, tuple) else shape.items))
    batch = obj.args.get("batch_input_shape")
    if isinstance(batch, tuple) and batch:
        return tuple(dim(v) for v in batch[1:])
    width = dim(obj.args.get("input_dim"))
    if width is not None and obj.kind is not None and obj.kind.role != "embedding":
        return (width,)
    length = dim(obj.args.get("input_length"))
    return (length,) if length is not None else None


def build_custom(run: Run, obj: Obj, args: Args, place: Place) -> None:
    """`build(input_shape)` of a layer class, before its first call."""
    if obj.cls is None or obj.state.get("built"):
        return
    run.store(obj.state, "built", True)
    if obj.cls.find("build") is None:
        return
    flows = flows_in(args.pos[:1])
    shape: Value = Unknown("shape of the input")
    if flows and flows[0].shape is not None:
        known = [Unknown("size of the data") if s is None else s for s in flows[0].shape]
        shape = (None, *known)
    call_method(run, obj, "build", [shape], place)


def start_shape(run: Run, obj: Obj, value: Value, place: Place) -> Value:
    """The input of a Sequential whose first layer says its shape."""
    if not isinstance(value, Flow) or value.shape is not None or obj.items is None or not obj.items.items:
        return value
    first = obj.items.items[0]
    shape = first.shape if isinstance(first, Flow) else None
    if isinstance(first, Obj):
        shape = input_shape(first)
        if first.kind is not None and first.kind.extra == "input":
            shape = sizes(first.args.get("shape")) or shape
    if shape is None:
        return value
    return run.flow(Flow("pass", [value], place, name="input", shape=shape))


def sizes(value: Value) -> tuple[int | None, ...] | None:
    if isinstance(value, ListValue):
        value = tuple(value.items)
    return (
        tuple(dim(v) for v in value) if isinstance(value, tuple) else (dim(value),) if isinstance(value, int) else None
    )


def make_input(run: Run, args: Args, place: Place) -> Flow:
    """`keras.Input(shape)`."""
    shape = sizes(args.kw.get("shape", args.pos[0] if args.pos else None))
    batch = args.kw.get("batch_shape")
    if shape is None and isinstance(batch, tuple) and batch:
        shape = sizes(batch[1:])
    return run.flow(Flow("input", [], place, name="Input", shape=shape))


def add_weight(run: Run, obj: Obj, args: Args, place: Place) -> Parameter:
    """`self.add_weight(shape, initializer, ...)`, also with the name first as in Keras 2."""
    pos, places = list(args.pos), list(args.pos_places)
    if pos and isinstance(pos[0], str):
        first, pos, places = pos[0], pos[1:], places[1:]
        given: Value = first
    else:
        given = args.kw.get("name")
    name = given if isinstance(given, str) else ""
    shape = sizes(args.kw.get("shape", pos[0] if pos else None))
    value = args.kw.get("initializer", pos[1] if len(pos) > 1 else None)
    where = args.kw_places.get("initializer", places[1] if len(places) > 1 else place)
    default = KERAS_DEFAULT
    initializer, also, _ = initializer_value(run, value, where, default)
    if args.open and value is None:
        initializer = OPAQUE
    kind: Literal["default", "argument"] = "default" if value is None else "argument"
    write = Write(initializer, where if value is not None else place, also, kind)
    parameter = Parameter(shape, (write,), place, name)
    parameter.trainable = args.kw.get("trainable") is not False
    parameter.owner = obj
    run.session.parameters.append(parameter)
    return parameter


def get_variable(run: Run, args: Args, place: Place) -> Parameter:
    """`tf.get_variable(name, shape, dtype, initializer)`: Glorot where no initialiser is given (TF 1.15)."""
    value = args.get(3, "initializer")
    where = args.kw_places.get("initializer", args.pos_places[3] if len(args.pos) > 3 else place)
    shape = sizes(args.get(1, "shape"))
    if isinstance(value, Tensor):
        write, shape = Write(value.initializer, value.place, value.also), value.shape
    else:
        initializer, also, _ = initializer_value(run, value, where, KERAS_DEFAULT)
        write = Write(
            initializer, where if value is not None else place, also, "default" if value is None else "argument"
        )
    name = args.pos[0] if args.pos else args.kw.get("name")
    parameter = Parameter(shape, (write,), place, name if isinstance(name, str) else "")
    parameter.trainable = args.kw.get("trainable") is not False
    run.session.parameters.append(parameter)
    return parameter


# Functional models --------------------------------------------------------------------------------


def functional_model(run: Run, obj: Obj, args: Args) -> None:
    """`keras.Model(inputs, outputs)`."""
    inputs = args.kw.get("inputs", args.kw.get("input", args.pos[0] if args.pos else None))
    outputs = args.kw.get("outputs", args.kw.get("output", args.pos[1] if len(args.pos) > 1 else None))
    sources, ends = flows_in([inputs]), flows_in([outputs])
    if not ends:
        return
    run.store(obj.state, "inputs", sources)
    run.store(obj.state, "outputs", outputs)
    obj.flags.add("functional")


def call_functional(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    """Apply a functional model: its graph again, from other inputs. The copy counts; the original does so only where it
    is used itself."""
    given = flows_in(args.values())
    sources: list[Flow] = obj.state["inputs"]
    memo: dict[int, Flow] = {}
    copied: list[Flow] = []
    for index, source in enumerate(sources):
        memo[id(source)] = (
            given[index] if index < len(given) else run.flow(Flow("input", [], place, shape=source.shape))
        )
    ends = flows_in([obj.state["outputs"]])

    def copy(node: Flow) -> Flow:
        stack = [node]
        while stack:
            current = stack[-1]
            if id(current) in memo:
                stack.pop()
                continue
            waiting = [i for i in current.inputs if id(i) not in memo]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            new = Flow(
                current.op, [memo[id(i)] for i in current.inputs], current.place, name=current.name,
                layer=current.layer, weight=current.weight, activation=current.activation, shape=current.shape,
            )  # fmt: skip
            new.info = dict(current.info)
            memo[id(current)] = run.flow(new)
            copied.append(current)
        return memo[id(node)]

    copies = {id(end): copy(end) for end in ends}
    if all(all(c.dead for c in end.consumers) for end in ends):
        for original in copied:
            if original.op != "input" and run.session.holds(original):
                original.dead = True
    return _replace(obj.state["outputs"], copies)


def _replace(value: Value, copies: dict[int, Flow]) -> Value:
    if isinstance(value, Flow):
        return copies[id(value)]
    if isinstance(value, tuple):
        return tuple(_replace(v, copies) for v in value)
    if isinstance(value, ListValue):
        return ListValue([_replace(v, copies) for v in value.items], value.kind, value.open)
    if isinstance(value, DictValue):
        return DictValue({k: _replace(v, copies) for k, v in value.items.items()}, value.places, value.open)
    return value


def compile_model(run: Run, obj: Obj, args: Args, place: Place) -> None:
    """`model.compile(optimizer, loss)`: remembered until the outputs are known."""
    value = args.kw.get("loss", args.pos[1] if len(args.pos) > 1 else None)
    where = args.kw_places.get("loss", args.pos_places[1] if len(args.pos_places) > 1 else place)
    if value is not None:
        run.record("compile", where, model=obj, loss=value)


def tf_layer(run: Run, name: str, args: Args, place: Place) -> Value:
    """`tf.layers.dense(x, units, ...)`: make the layer and apply it."""
    from actinit_lint.follow.modules import make_library_object

    inner = Args()
    inner.open = args.open
    data = args.pos[0] if args.pos else args.kw.get("inputs")
    for value, where in list(zip(args.pos, args.pos_places))[1:]:
        inner.add(value, where)
    for key, value in args.kw.items():
        if key != "inputs":
            inner.set(key, value, args.kw_places[key])
    layer = make_library_object(run, table.LAYERS[table.TF_LAYERS[name]], inner, place)
    step = Args()
    step.add(data, place)
    return call(run, layer, step, place)
