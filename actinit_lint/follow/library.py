"""Calls of library functions and classes, by canonical name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial

from actinit_lint.follow import huggingface, keras_api, torch_api
from actinit_lint.follow.builtin import BUILTINS, STANDARD
from actinit_lint.follow.calls import call, flows_in, unknown_call
from actinit_lint.follow.cases import FUNCTIONS as CASES
from actinit_lint.follow.fans import by_fans
from actinit_lint.follow.foreign import makes_model
from actinit_lint.follow.iteration import iterate
from actinit_lint.follow.modules import clone, find_kind, make_library_object, parameters
from actinit_lint.follow.namespaces import FUNCTIONS as NAMESPACES
from actinit_lint.follow.records import library_output
from actinit_lint.follow.state import Run
from actinit_lint.follow.structures import FUNCTIONS as STRUCTURES
from actinit_lint.follow.tokens import laid_out, repeated
from actinit_lint.follow.values import (
    Args,
    ClassValue,
    External,
    Fields,
    Flow,
    Foreign,
    Func,
    ListValue,
    Obj,
    Parameter,
    Partial,
    Super,
    Tensor,
    Unknown,
    Value,
    View,
)
from actinit_lint.knowledge import keras as keras_table
from actinit_lint.knowledge import torch as torch_table
from actinit_lint.knowledge.initializers import (
    CONTRIB,
    KERAS,
    KERAS_NAMES,
    TF_DEPRECATED,
    TF_NAMES,
    InitFunction,
    number,
)
from actinit_lint.knowledge.kinds import Kind
from actinit_lint.knowledge.names import canonical
from actinit_lint.model import Activation, Place
from actinit_lint.reference.normal_form import OPAQUE, Initializer, constant

CONSTANTS: dict[str, object] = {
    "math.pi": math.pi,
    "math.e": math.e,
    "numpy.pi": math.pi,
    "math.inf": math.inf,
    "numpy.inf": math.inf,
    "torch.pi": math.pi,
    "typing.TYPE_CHECKING": False,
}

INITIALIZER = Kind("Initializer", "keras", "initializer")


def knows(name: str) -> bool:
    """Whether the tables have a row for this canonical name."""
    name = canonical(name)
    return (
        find_kind(name) is not None
        or name in FUNCTIONS
        or name in STANDARD
        or name.startswith(("torch.nn.init.", "torch.nn.functional."))
        or name in ("torch.nn", "torch", "torch.nn.functional")
    )


def subscript(owner: External, index: Value) -> Value:
    """`ACT2FN["gelu"]`, `nn.ModuleList[...]` in annotations."""
    if owner.name.endswith("ACT2FN") and isinstance(index, str):
        found = ACT2FN.get(index)
        return External(found + "()") if found else Unknown(f"activation {index!r}")
    if owner.name.startswith("typing."):
        return owner
    return Unknown(f"item of {owner.name}")


#: transformers.activations.ACT2FN (transformers/activations.py, 5.23): name -> torch module.
ACT2FN = {
    "relu": "torch.nn.ReLU", "gelu": "torch.nn.GELU", "silu": "torch.nn.SiLU", "swish": "torch.nn.SiLU",
    "tanh": "torch.nn.Tanh", "sigmoid": "torch.nn.Sigmoid", "mish": "torch.nn.Mish", "relu6": "torch.nn.ReLU6",
    "leaky_relu": "torch.nn.LeakyReLU", "gelu_new": "torch.nn.GELU", "gelu_pytorch_tanh": "torch.nn.GELU",
    "gelu_fast": "torch.nn.GELU", "quick_gelu": "torch.nn.GELU", "gelu_python": "torch.nn.GELU",
    "prelu": "torch.nn.PReLU", "hardswish": "torch.nn.Hardswish",
}  # fmt: skip


def call_external(run: Run, name: str, args: Args, place: Place) -> Value:
    if name.endswith("()"):  # an instance that was named, not made: `ACT2FN["gelu"]`
        kind = find_kind(name[:-2])
        if kind is None:
            return unknown_call(run, name, args, place)
        from actinit_lint.follow.modules import call_object

        return call_object(run, make_library_object(run, kind, Args(), place), args, place)
    if name in run.wrappers and canonical(run.wrappers[name]["like"]) != name:
        return call_wrapper(run, name, args, place)
    if makes_model(name):
        return Foreign(f"a model of {name.split('.', 1)[0]}", place, f"{name}#{run.next()}")
    if name.startswith("builtins."):
        handler = BUILTINS.get(name[9:])
        return handler(run, args, place) if handler is not None else unknown_call(run, name[9:], args, place)
    function = FUNCTIONS.get(name) or STANDARD.get(name)
    if function is not None:
        return function(run, args, place)
    kind = find_kind(name)
    if kind is not None:
        return make_library_object(run, kind, args, place)
    inherited = _method_of_base(name, args)
    if inherited is not None:
        from actinit_lint.follow.module_methods import on_super

        return on_super(run, Super(args.pos[0], inherited), name.rsplit(".", 1)[-1], args.without_first(), place)
    head = name.split(".", 1)[0]
    if head == "torch":
        return torch_api.call_torch(run, name, args, place)
    if head in ("keras", "tensorflow"):
        return call_keras(run, name, args, place)
    if name.startswith("transformers.activations.") and name.rsplit(".", 1)[-1] in ACT2FN:
        return call_external(run, ACT2FN[name.rsplit(".", 1)[-1]] + "()", args, place)
    if name == "transformers.modeling_utils.slice_logits_to_keep":
        return huggingface.keep_positions(run, args, place)
    handled = torch_api.call_helper(run, name, args, place)
    if handled is not None:
        return handled
    if name.startswith("jax.debug."):
        return None  # it prints what it gets
    if head == "numpy" and flows_in(args.values()):
        return Unknown("an array")  # no gradient comes back from there: the data have left the network
    if head in ("einops", "torchvision", "timm", "torch_geometric", "torch_scatter", "fastai"):
        from actinit_lint.follow import dataflow

        result = dataflow.function(run, name.rsplit(".", 1)[-1], args, place)
        if result is None and name == "einops.repeat":
            result = repeated(args)
        if result is not None:
            return result
    if head in ("mmcv", "mmengine"):
        from actinit_lint.follow import openmmlab

        handler = openmmlab.FUNCTIONS.get(name.rsplit(".", 1)[-1])
        if handler is not None:
            return handler(run, args, place)
    if args.kw and not args.pos and OUTPUT.match(name.rsplit(".", 1)[-1]):
        return Fields.of(args.kw, args.kw.values())
    torch_api.may_write(run, name, args, place)
    output = library_output(run, name, args, place)
    return output if output is not None else unknown_call(run, name, args, place)


def _method_of_base(name: str, args: Args) -> ClassValue | None:
    """`PreTrainedModel._init_weights(self, module)`: the class of an object that gets a method of a library's base."""
    owner = args.pos[0] if args.pos else None
    if isinstance(owner, Obj) and owner.cls is not None and name.rpartition(".")[0] in owner.cls.externals():
        return owner.cls
    return None


#: Names of library classes that only hold what a model returns: `BaseModelOutputWithPooling`.
OUTPUT = re.compile(r"[A-Z]\w*Outputs?(With[A-Z]\w*)?$")


def call_wrapper(run: Run, name: str, args: Args, place: Place) -> Value:
    """A house layer or initialiser that the settings describe: `like` another one, with what they say comes after it.

    Of a layer with a normalisation or an activation the parts are made in this order, as a Sequential.
    """
    row = run.wrappers[name]
    like = canonical(row["like"])
    kind = find_kind(like)
    if kind is None or kind.role not in ("layer", "recurrent"):
        return call_external(run, like, args, place)
    layer = make_library_object(run, kind, args, place)
    keras = kind.framework == "keras"
    parts: list[tuple[str, Value]] = [("layer", layer)]
    if row.get("normalised"):
        norm = keras_table.LAYERS["BatchNormalization"] if keras else torch_table.MODULES["BatchNorm2d"]
        parts.append(("norm", make_library_object(run, norm, Args(), place)))
    if row.get("activation") is not None:
        functions = "keras.activations" if keras else "torch.nn.functional"
        parts.append(("activation", External(f"{functions}.{row['activation']}")))
    if len(parts) == 1:
        return layer
    whole = Args()
    whole.add(ListValue(parts), place)
    container = keras_table.LAYERS["Sequential"] if keras else torch_table.MODULES["Sequential"]
    return make_library_object(run, container, whole, place)


# Keras and TensorFlow -----------------------------------------------------------------------------


def call_keras(run: Run, name: str, args: Args, place: Place) -> Value:
    parts = name.split(".")
    last = parts[-1]
    if name in ("keras.Input", "keras.layers.Input"):
        return keras_api.make_input(run, args, place)
    row = keras_initializer(name)
    if row is not None:
        return make_initializer(run, name, row, args, place)
    if len(parts) >= 3 and parts[-2] == "layers" and parts[0] == "tensorflow" and last in keras_table.TF_LAYERS:
        return keras_api.tf_layer(run, last, args, place)
    if name in (
        "keras.layers.add",
        "keras.layers.multiply",
        "keras.layers.concatenate",
        "keras.layers.average",
        "keras.layers.subtract",
        "keras.layers.maximum",
        "keras.layers.dot",
    ):
        kind = keras_table.LAYERS[last.capitalize()]
        from actinit_lint.follow.modules import call_object

        step = Args()
        step.pos, step.pos_places = args.pos[:1], args.pos_places[:1]
        return call_object(run, make_library_object(run, kind, Args(), place), step, place)
    if name == "keras.initializers.get" and args.pos and args.pos[0] in KERAS_NAMES:
        named = KERAS_NAMES[args.pos[0]]
        made = make_initializer(run, f"keras.initializers.{named}", KERAS[named], Args(), place)
        made.state["redraws"] = True  # no instance that somebody made to share it
        return made
    if name in ("keras.initializers.get", "keras.activations.get", "keras.losses.get"):
        return args.pos[0] if args.pos else Unknown("get without a name")
    if name in ("tensorflow.Variable", "tensorflow.v1.Variable", "keras.Variable", "keras.backend.variable"):
        return torch_api.make_parameter(run, args, place)
    if name in ("tensorflow.get_variable", "tensorflow.v1.get_variable"):
        return keras_api.get_variable(run, args, place)
    if last in keras_table.LOGIT_LOSSES and "cross_entropy" in last:
        return _logit_loss(run, last, args, place)
    flows = flows_in(args.values())
    if parts[0] == "keras" and parts[1] == "losses" and last in keras_table.LOSSES and len(args.pos) >= 2:
        if isinstance(args.pos[1], Flow):
            logits = args.kw.get("from_logits", False)
            run.record("loss", place, name=keras_table.LOSSES[last], flow=args.pos[1], obj=None, applied=place,
                       framework="keras", from_logits=logits if isinstance(logits, bool) else None)  # fmt: skip
            return run.flow(Flow("loss", flows, place, name=last))
    if last == "register_keras_serializable" or "get_custom_objects" in last or last == "custom_object_scope":
        run.registered.add("*")
    if last in ("placeholder",):
        return keras_placeholder(run, args, place)
    if flows:
        return keras_function(run, name, last, args, flows, place)
    given = args.pos[0] if args.pos else None
    if isinstance(given, (Parameter, View)):
        return _on_variable(last, given, args)
    creator = _keras_tensor(last, args, place)
    return creator if creator is not None else unknown_call(run, name, args, place)


def _on_variable(last: str, value: Parameter | View, args: Args) -> Value:
    """A function on a variable: still that variable where its elements stay as they are."""
    if last in ("cast", "convert_to_tensor", "identity", "expand_dims", "reshape", "squeeze"):
        return value
    parameter = value.parameter if isinstance(value, View) else value
    if last == "transpose":
        return View(parameter, transposed=not (isinstance(value, View) and value.transposed))
    return View(parameter, copy=True, repeated=laid_out(value, last, args.without_first()))


def keras_placeholder(run: Run, args: Args, place: Place) -> Flow:
    shape = keras_api.sizes(args.kw.get("shape", args.pos[1] if len(args.pos) > 1 else None))
    return run.flow(Flow("input", [], place, name="placeholder", shape=shape[1:] if shape else None))


def _keras_tensor(last: str, args: Args, place: Place) -> Tensor | None:
    shape = keras_api.sizes(args.pos[0] if args.pos else args.kw.get("shape"))
    last = last.removeprefix("random_")
    if last in ("zeros", "zeros_like", "ones", "ones_like"):
        return Tensor(constant(float(last.startswith("ones"))), shape, place)
    if last in ("fill", "full"):
        value = number(args.get(1, "fill_value", "value"))
        return Tensor(OPAQUE if value is None else constant(value), shape, place)
    if last in ("normal", "truncated_normal", "uniform"):
        uniform = last == "uniform"
        first = args.get(1, "minval" if uniform else "mean", default=0.0)
        second = args.get(2, "maxval" if uniform else "stddev", default=1.0)
        return Tensor(drawn(last, first, second), shape, place)
    return None


def _random_array(run: Run, args: Args, place: Place, last: str) -> Value:
    """`numpy.random.normal(0, 0.01, size)` and the like; a single number is none of a weight's elements."""
    if last in ("randn", "rand", "standard_normal"):
        uniform = last == "rand"
        size: Value = tuple(args.pos) if last != "standard_normal" else args.get(0, "size")
        first, second = 0.0, 1.0
    else:
        uniform = last == "uniform"
        size = args.get(2, "size")
        first = args.get(0, "low" if uniform else "loc", default=0.0)
        second = args.get(1, "high" if uniform else "scale", default=1.0)
    if size is None or size == ():
        return Unknown("a random number")
    return Tensor(drawn("uniform" if uniform else "normal", first, second), keras_api.sizes(size), place)


def drawn(name: str, first: Value, second: Value) -> Initializer:
    """A normal draw by mean and std, or a uniform one by its bounds."""
    if name == "uniform":
        low, high = number(first), number(second)
        mean = None if low is None or high is None else (low + high) / 2
        uniform = Initializer("uniform", "uniform", "uniform", mean=mean, low=low, high=high)
        return by_fans(uniform, second, None)
    word, kind = ("normal", "normal") if name == "normal" else ("trunc_normal", "truncated_normal")
    normal = Initializer(word, "normal", kind, mean=number(first), std=number(second))  # type: ignore[arg-type]
    return by_fans(normal, second, None)


def _logit_loss(run: Run, last: str, args: Args, place: Place) -> Value:
    value = args.kw.get("logits", args.pos[1] if len(args.pos) > 1 else None)
    flows = flows_in(args.values())
    if isinstance(value, Flow):
        run.record("loss", place, name=keras_table.LOGIT_LOSSES[last], flow=value, obj=None, applied=place,
                   framework="keras", from_logits=True)  # fmt: skip
    return run.flow(Flow("loss", flows, place, name=last)) if flows else Unknown("a loss")


def keras_initializer(name: str) -> InitFunction | None:
    """The row of an initialiser class or function of Keras, TF 2 or TF 1."""
    parts = name.split(".")
    last = parts[-1]
    if parts[:2] == ["tensorflow", "contrib"] and last in CONTRIB:
        return CONTRIB[last][0]
    if "initializers" in parts[:-1]:
        cls = KERAS_NAMES.get(last, last)
        return TF_NAMES.get(last) or KERAS.get(cls)
    if parts[0] == "tensorflow" and (last in TF_NAMES and last.endswith("initializer")):
        return TF_NAMES[last]
    if parts[0] == "keras" and len(parts) == 2 and last in KERAS:
        return KERAS[last]
    return None


def make_initializer(run: Run, name: str, row: InitFunction, args: Args, place: Place) -> Obj:
    bound = dict(row.parameters)
    for (key, _), value in zip(row.parameters, args.pos):
        bound[key] = value
    bound.update(args.kw)
    last = name.rsplit(".", 1)[-1]
    obj = Obj(None, INITIALIZER, {}, place, run.next())
    obj.args = bound
    obj.state["initializer"] = OPAQUE if args.open else row.build(bound)
    obj.state["name"] = last
    obj.state["redraws"] = name.startswith("tensorflow.") and ".initializers." not in name  # an op, made at each call
    parts = name.split(".")
    if parts[0] == "tensorflow" and len(parts) == 2 and last in TF_DEPRECATED:
        run.record("spelling", place, what="function", name=f"tf.{last}", state="deprecated", framework="tensorflow",
                   near=(), replacement=TF_DEPRECATED[last])  # fmt: skip
    elif parts[:2] == ["tensorflow", "contrib"] and last in CONTRIB:
        run.record("spelling", place, what="function", name=".".join(["tf", *parts[1:]]), state="deprecated",
                   framework="tensorflow", near=(),
                   replacement=f"tf.keras.initializers.{CONTRIB[last][1]}")  # fmt: skip
    return obj


def keras_function(run: Run, name: str, last: str, args: Args, flows: list[Flow], place: Place) -> Value:
    """A function of keras.ops, keras.activations, keras.backend or tf on data."""
    from actinit_lint.follow import dataflow

    x = flows[0]
    t = keras_table
    if last in t.FUNCTIONS and last not in ("linear", "threshold"):
        return _keras_activation(run, last, args, x, place)
    if last == "linear" or last == "bias_add":
        return run.flow(Flow("pass", [x], place, name=last, shape=x.shape))
    if last in t.PASS_FUNCTIONS:
        node = run.flow(Flow("pass", [x], place, name=last))
        if last in ("mean", "sum"):
            node.info["dim"] = args.get(1, "axis")
        elif last == "reshape":
            node.info["rank"] = dataflow.rank(args)
        return node
    if last in t.MAX_FUNCTIONS:
        return run.flow(Flow("max", flows, place, name=last))
    if last in t.NORM_FUNCTIONS:
        return run.flow(Flow("norm", [x], place, name=t.NORM_FUNCTIONS[last], shape=x.shape))
    if last in t.CONCAT_FUNCTIONS:
        return run.flow(Flow("concat" if len(flows) > 1 else "pass", flows, place, name=last))
    if last in t.SPLIT_FUNCTIONS:
        return dataflow.split(run, "split", args, x, place)
    if last in t.ADD_FUNCTIONS and len(args.pos) == 2:
        return dataflow.combine(run, "+", args.pos[0], args.pos[1], place)
    if last in t.MUL_FUNCTIONS and len(args.pos) == 2:
        return dataflow.combine(run, "*", args.pos[0], args.pos[1], place)
    if last in t.MATMUL_FUNCTIONS and len(args.pos) >= 2:
        return dataflow.matmul(run, args.pos[0], args.pos[1], place)
    if last == "einsum":
        return dataflow.einsum(run, args, flows, place)
    if last in t.LINEAR_FUNCTIONS and len(args.pos) >= 2:
        found = dataflow.weight_of(args.pos[1])
        if found is not None:
            return dataflow.raw_layer(run, flows, found, place, out_first=False)
    if last in t.NONLINEAR_FUNCTIONS:
        return run.flow(Flow("nonlinear", flows, place, name=last, shape=x.shape))
    if last in ("shape", "int_shape", "ndim", "rank", "size", "correct_pad"):
        return Unknown("size of the data")
    if last.startswith("is_"):
        return Unknown("a question about the data")
    return unknown_call(run, name, args, place)


def _keras_activation(run: Run, last: str, args: Args, x: Flow, place: Place) -> Value:
    from actinit_lint.follow.apply import label

    t = keras_table
    name = t.FUNCTIONS[last]
    slope = t.ACTIVATION_SLOPES.get(last)
    given = args.kw.get("negative_slope", args.kw.get("alpha"))
    if isinstance(given, (int, float)):
        slope = float(given)
    if name == "relu" and slope:
        name = "leaky_relu"
    if name == "glu":
        return run.flow(Flow("gate", [x], place, name="glu"))
    axis = args.get(1, "axis")
    activation = Activation(
        name,
        slope,
        ((place, f"meets {label(name)} here"),),
        axis if isinstance(axis, int) and name == "softmax" else None,
    )
    return run.flow(Flow("activation", [x], place, name=name, activation=activation, shape=x.shape))


# The standard library -----------------------------------------------------------------------------


def _partial(run: Run, args: Args, place: Place) -> Value:
    if not args.pos:
        return Unknown("partial without a function")
    rest = Args()
    rest.pos, rest.pos_places = args.pos[1:], args.pos_places[1:]
    rest.kw, rest.kw_places, rest.open = args.kw, args.kw_places, args.open
    return Partial(args.pos[0], rest, place)


def _reduce(run: Run, args: Args, place: Place) -> Value:
    """`reduce(lambda x, layer: layer(x), layers, x)`: one element after the other."""
    if len(args.pos) < 2:
        return unknown_call(run, "functools.reduce", args, place)
    elements, exact = iterate(run, args.pos[1], place)
    values = [*args.pos[2:3], *elements]
    if not values:
        return Unknown("reduce of nothing")
    result = values[0]
    run.repeat += not exact
    try:
        for value in values[1:]:
            step = Args()
            step.add(result, place)
            step.add(value, place)
            result = call(run, args.pos[0], step, place)
    finally:
        run.repeat -= not exact
    return result


def _deepcopy(run: Run, args: Args, place: Place) -> Value:
    value = args.pos[0] if args.pos else None
    copy = clone(run, value)
    if isinstance(value, Obj) and value.kind is not None:
        writes = {id(p): len(p.writes) for _, p in parameters(copy)}
        if not value.applied:
            value.flags.add("template")  # made to be copied, unless it turns out to be part of a model
        run.record("deepcopy", place, source=value, copy=copy, repeated=run.repeat > 0, writes=writes)
    return copy


def _unchanged(run: Run, args: Args, place: Place) -> Value:
    """A wrapper that only changes how a function is run."""
    return args.pos[0] if args.pos else Unknown("a wrapped function")


def _field(run: Run, args: Args, place: Place) -> Value:
    return Partial(External("dataclasses.field"), args, place)


def _dataclass(run: Run, args: Args, place: Place) -> Value:
    if args.pos and not isinstance(args.pos[0], Func):
        return args.pos[0]
    return External("dataclasses.dataclass()")


def _replace(run: Run, args: Args, place: Place) -> Value:
    """`dataclasses.replace(settings, width=3)`: the same object with some fields changed."""
    owner = args.pos[0] if args.pos else None
    if not isinstance(owner, Obj) or owner.kind is not None:
        return Unknown("a changed copy of an unknown value")
    copy = Obj(owner.cls, None, {**owner.attrs, **args.kw}, place, run.next(), maker=owner.maker)
    return copy


def _namedtuple(run: Run, args: Args, place: Place) -> Value:
    """A class of named tuples: what remains is to give the values."""
    names = args.pos[1] if len(args.pos) > 1 else args.kw.get("field_names")
    if isinstance(names, str):
        names = tuple(names.replace(",", " ").split())
    elements, exact = iterate(run, names, place)
    if not exact or not all(isinstance(name, str) for name in elements):
        return Unknown("a named tuple")
    rest = Args()
    rest.add(tuple(elements), place)
    return Partial(External("collections.namedtuple.new"), rest, place)


def _new_namedtuple(run: Run, args: Args, place: Place) -> Value:
    names = args.pos[0]
    given = dict(zip(names, args.pos[1:])) | args.kw
    return Fields.of(names, [given.get(name, Unknown(f"field {name} of a named tuple")) for name in names])


def _import(run: Run, args: Args, place: Place) -> Value:
    """`importlib.import_module("einops.layers.torch")`."""
    from actinit_lint.follow.imports import find

    name = args.pos[0] if args.pos else args.kw.get("name")
    if not isinstance(name, str) or not name or name.startswith("."):
        return Unknown("a module with an unknown name")
    return find(run, name, 0, run.frame.scope.globals)


def _pack(run: Run, args: Args, place: Place) -> Value:
    """`einops.pack(tensors, pattern)`: the tensors as one, and the shapes that `unpack` asks for."""
    flows = flows_in(args.values())
    if not flows:
        return (Unknown("packed tensors"), Unknown("packed shapes"))
    op = "concat" if len(flows) > 1 else "pass"
    return (run.flow(Flow(op, flows, place, name="pack")), Unknown("packed shapes"))


def _cast(run: Run, args: Args, place: Place) -> Value:
    return args.pos[1] if len(args.pos) > 1 else Unknown("a value with its type")


def _no_grad(name: str) -> Callable[[Run, Args, Place], Value]:
    def make(run: Run, args: Args, place: Place) -> Value:
        if args.pos and isinstance(args.pos[0], Func):
            args.pos[0].kind = "no_grad"
            return args.pos[0]
        return External(f"{name}()")

    return make


def _attention_interface(run: Run, args: Args, place: Place) -> Value:
    """Hugging Face's choice of an attention kernel: the eager function that the model file defines stands for all."""
    return args.pos[1] if len(args.pos) > 1 else Unknown("an attention function")


def _set_grad(run: Run, args: Args, place: Place) -> Value:
    """`torch.set_grad_enabled(False)`, as a statement too: gradients are off from here on."""
    if args.pos and args.pos[0] is False:
        run.no_grad += 1
    return External("torch.no_grad()")


def _sparse_product(run: Run, args: Args, place: Place) -> Value:
    """A sparse matrix, as that of a graph, times features: each row is a sum over its neighbours'."""
    from actinit_lint.follow import dataflow

    last = args.kw.get("mat2", args.pos[-1] if len(args.pos) > 4 else args.pos[1] if len(args.pos) > 1 else None)
    if isinstance(last, Flow):
        return run.flow(Flow("pass", [last], place, name="scatter_add", shape=last.shape))
    return dataflow.matmul(run, args.pos[0] if args.pos else Unknown("a sparse matrix"), last, place)


def _filled_array(run: Run, args: Args, place: Place, last: str) -> Value:
    """`numpy.zeros((3, 4))`, a matrix or more: vectors are seldom weights, and often lists of something else."""
    made = torch_api.create(run, last, args, place)
    return made if isinstance(made, Tensor) and len(made.shape or ()) > 1 else Unknown("an array")


def _array(run: Run, args: Args, place: Place) -> Value:
    value = args.pos[0] if args.pos else None
    return value if isinstance(value, (ListValue, tuple, Tensor)) else Unknown("an array")


FUNCTIONS: dict[str, Callable[[Run, Args, Place], Value]] = {
    **STRUCTURES,
    **CASES,
    **NAMESPACES,
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "copy.deepcopy": _deepcopy,
    "keras.remat": _unchanged,
    "dataclasses.field": _field,
    "dataclasses.dataclass": _dataclass,
    "dataclasses.replace": _replace,
    "collections.namedtuple": _namedtuple,
    "collections.namedtuple.new": _new_namedtuple,
    "importlib.import_module": _import,
    "enum.auto": lambda run, args, place: External("enum.auto()"),
    "builtins.__import__": lambda run, args, place: External("builtins.__import__()"),
    "torch.jit.annotate": _cast,
    "einops.pack": _pack,
    "torch.no_grad": _no_grad("torch.no_grad"),
    "torch.inference_mode": _no_grad("torch.inference_mode"),
    "torch.set_grad_enabled": _set_grad,
    "transformers.modeling_utils.ALL_ATTENTION_FUNCTIONS.get_interface": _attention_interface,
    **dict.fromkeys(torch_table.SPARSE_PRODUCTS | keras_table.SPARSE_PRODUCTS, _sparse_product),
    "numpy.array": _array,
    "numpy.asarray": _array,
    **{f"numpy.random.{name}": partial(_random_array, last=name)
       for name in ("normal", "uniform", "randn", "rand", "standard_normal")},
    **{f"numpy.{name}": partial(_filled_array, last=name) for name in ("zeros", "ones", "full")},
    "numpy.random.default_rng": lambda run, args, place: External("numpy.random"),
    "numpy.random.RandomState": lambda run, args, place: External("numpy.random"),
}  # fmt: skip
