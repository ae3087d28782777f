"""torch functions: parameters, new tensors, torch.nn.init and the helpers of libraries built on it."""

from __future__ import annotations

from dataclasses import replace

from actinit_lint.follow import dataflow, distributions
from actinit_lint.follow.calls import call, unknown_call
from actinit_lint.follow.fans import by_fans, fan
from actinit_lint.follow.modules import children, initializer_opaque
from actinit_lint.follow.state import Run
from actinit_lint.follow.tokens import laid_out
from actinit_lint.follow.values import (
    Args,
    External,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    Tensor,
    Unknown,
    Value,
    View,
    dim,
    is_number,
    options,
)
from actinit_lint.follow.writes import initializer_of, write
from actinit_lint.knowledge import torch as table
from actinit_lint.knowledge.initializers import (
    LAYER_HELPERS,
    TENSOR_HELPERS,
    TORCH,
    TORCH_DEPRECATED,
    InitFunction,
    calculate_gain,
    number,
)
from actinit_lint.knowledge.kinds import times
from actinit_lint.model import Place, Write
from actinit_lint.reference.normal_form import LOADED, OPAQUE, Initializer, constant


def call_torch(run: Run, name: str, args: Args, place: Place) -> Value:
    last = name.rsplit(".", 1)[-1]
    if name.startswith("torch.nn.init."):
        return init_function(run, last, args, place)
    if name.startswith(
        ("torch.optim", "torch.utils.data", "torch.cuda", "torch.distributed.init", "torch.manual_seed")
    ):
        return Unknown(f"a {last}")
    if last in ("Parameter", "UninitializedParameter", "Buffer"):
        return make_parameter(run, args, place, buffer=last == "Buffer")
    if name.startswith("torch.nn.utils."):
        return _utility(run, name, last, args, place)
    if name.startswith("torch.distributions."):
        return distributions.make(run, last, args, place)
    if last in PASS_THROUGH:
        return args.pos[0] if args.pos else Unknown(last)
    target = args.kw.get("out")
    if isinstance(target, (Parameter, View)):
        write(run, target, OPAQUE, place)
        return target
    result = dataflow.function(run, last, args, place)
    if result is not None:
        return result
    made = create(run, last, args, place)
    if made is not None:
        return trained(run, made, place) if args.kw.get("requires_grad") is True else made
    return on_tensors(run, last, args, place)


#: Functions that return the module or tensor they are given.
PASS_THROUGH = frozenset(
    ["compile", "script", "jit_script", "DataParallel", "DistributedDataParallel", "trace", "Variable", "freeze"]
)


def _utility(run: Run, name: str, last: str, args: Args, place: Place) -> Value:
    """torch.nn.utils: weight and spectral normalisation make the scale of an initialiser irrelevant."""
    target = args.pos[0] if args.pos else args.kw.get("module")
    if last in ("pack_padded_sequence", "pack_sequence"):
        return target
    if last == "pad_packed_sequence":
        return (target, Unknown("lengths"))
    if last in ("weight_norm", "spectral_norm", "orthogonal", "register_parametrization"):
        for option in options(target):
            if isinstance(option, Obj):
                option.flags.add("scale_free")
                weight = option.attrs.get("weight")
                # the old spectral_norm shares the storage of its original weight: a write still reaches it
                derived = last != "spectral_norm" or "parametrizations" in name
                if isinstance(weight, Parameter) and derived and not run.branching:  # where it certainly happens
                    run.assign(weight, "parametrized", True)
        return target
    if last in ("remove_weight_norm", "remove_spectral_norm", "skip_init"):
        return target
    return Unknown(f"result of {last}")


# Tensors and parameters ---------------------------------------------------------------------------


def make_parameter(run: Run, args: Args, place: Place, *, buffer: bool = False) -> Value:
    value = args.pos[0] if args.pos else args.kw.get("data", args.kw.get("initial_value"))
    trainable = args.kw.get("requires_grad", args.kw.get("trainable", args.pos[1] if len(args.pos) > 1 else True))
    if isinstance(value, OneOf):
        value = next((o for o in value.options if isinstance(o, (Tensor, Parameter))), value.options[0])
    also: tuple[tuple[Place, str], ...] = ()
    shape = None
    where = place
    if isinstance(value, Tensor):
        shape, also = value.shape, value.also
        where = value.place
    elif isinstance(value, Parameter):
        shape = value.shape
    elif value is None:
        return Unknown("an uninitialised parameter")
    initializer = initializer_of(value)
    writes = (Write(initializer, where, also, "argument"),)
    parameter = Parameter(shape, writes, place, trainable=trainable is not False, buffer=buffer)
    run.session.parameters.append(parameter)
    return parameter


def trained(run: Run, value: Value, place: Place) -> Value:
    """A tensor that asks for its gradient is as good as a parameter."""
    args = Args()
    args.add(value, place)
    return make_parameter(run, args, place)


#: Functions that make a tensor of an array's or another tensor's elements.
CONVERSIONS = frozenset({"tensor", "as_tensor", "asarray", "from_numpy", "Tensor", "FloatTensor", "DoubleTensor"})


def create(run: Run, last: str, args: Args, place: Place) -> Value | None:
    """A function that makes a tensor."""
    if last in CONVERSIONS and args.pos and isinstance(args.pos[0], Tensor):
        return args.pos[0]
    if last in ("full", "full_like", "new_full"):
        value = args.kw.get("fill_value", args.pos[1] if len(args.pos) > 1 else None)
        shape = _shape_of(args.pos[0]) if args.pos else None
        return Tensor(constant(number(value)), shape, place)
    sizes_only = last.endswith("Tensor") and args.pos and is_number(args.pos[0])  # `torch.Tensor(3)` has 3 elements
    if (
        last in ("tensor", "as_tensor", "FloatTensor", "Tensor")
        and args.pos
        and _is_literal(args.pos[0])
        and not sizes_only
    ):
        return Tensor(_literal(args.pos[0]), _literal_shape(args.pos[0]), place)
    if last == "normal":
        return _normal(args, place)
    if last.endswith("Tensor") and len(args.pos) == 1 and isinstance(args.pos[0], Unknown) and not args.pos[0].symbol:
        return Tensor(OPAQUE, None, place)  # what a call gave: numbers, as in `FloatTensor(np.load(path))`
    row = table.CREATORS.get(last)
    if row is None:
        return None
    initializer, like = row
    if initializer.family == "uninitialised" and _is_quantised(args.kw.get("dtype")):
        initializer = LOADED
    if like:
        source = args.pos[0] if args.pos else None
        shape = source.shape if isinstance(source, (Tensor, Parameter)) else None
        return Tensor(initializer, shape, place)
    return Tensor(initializer, _sizes(args), place)


def _is_quantised(dtype: Value) -> bool:
    """Whether a type has 8 bits or fewer: such numbers are not trained, they are computed from trained ones."""
    return all(isinstance(one, External) and table.QUANTISED.fullmatch(one.name) for one in options(dtype))


def _normal(args: Args, place: Place) -> Tensor:
    mean = args.kw.get("mean", args.pos[0] if args.pos else 0.0)
    std = args.kw.get("std", args.pos[1] if len(args.pos) > 1 else 1.0)
    size = args.kw.get("size", args.pos[2] if len(args.pos) > 2 else None)
    initializer = Initializer(
        "normal", "normal", "normal",
        mean=number(mean), std=number(std),
    )  # fmt: skip
    return Tensor(initializer, _shape_of(size), place)


def _is_literal(value: Value) -> bool:
    return is_number(value) or (
        isinstance(value, (ListValue, tuple))
        and not (isinstance(value, tuple) and all(isinstance(v, int) for v in value))
    )


def _literal(value: Value) -> Initializer:
    if is_number(value):
        return constant(float(value))
    flat: list[Value] = []

    def visit(v: Value) -> None:
        if isinstance(v, (ListValue, tuple)):
            for item in v.items if isinstance(v, ListValue) else v:
                visit(item)
        else:
            flat.append(v)

    visit(value)
    if flat and all(is_number(v) and v == flat[0] for v in flat):
        return constant(float(flat[0]))
    return OPAQUE


def _literal_shape(value: Value) -> tuple[int | None, ...] | None:
    shape: list[int | None] = []
    while isinstance(value, (ListValue, tuple)):
        items = value.items if isinstance(value, ListValue) else list(value)
        shape.append(None if isinstance(value, ListValue) and value.open else len(items))
        if not items:
            break
        value = items[0]
    return tuple(shape)


def _sizes(args: Args) -> tuple[int | None, ...] | None:
    """The shape from `zeros(3, 4)`, `zeros((3, 4))`, `zeros(size=(3, 4))`, `zeros(*shape)`."""
    if "size" in args.kw:
        return _shape_of(args.kw["size"])
    if args.open:
        return None
    if len(args.pos) == 1 and not isinstance(args.pos[0], int):
        return _shape_of(args.pos[0])
    return tuple(dim(v) for v in args.pos if not isinstance(v, External))


def _shape_of(value: Value) -> tuple[int | None, ...] | None:
    if isinstance(value, tuple):
        return tuple(dim(v) for v in value)
    if isinstance(value, ListValue) and not value.open:
        return tuple(dim(v) for v in value.items)
    if isinstance(value, int):
        return (value,)
    return None


#: Functions on tensors that keep what they hold.
RESHAPING = frozenset(
    [
        "view",
        "reshape",
        "unsqueeze",
        "squeeze",
        "permute",
        "transpose",
        "t",
        "flatten",
        "contiguous",
        "to",
        "cuda",
        "cpu",
        "float",
        "double",
        "half",
        "expand",
        "expand_as",
        "repeat",
        "clone",
        "detach",
        "requires_grad_",
        "type_as",
        "movedim",
        "unflatten",
        "type",
        "swapaxes",
        "tile",
        "flip",
        "roll",
    ]
)


DIAGONAL = frozenset({"diag", "diag_embed", "diagflat"})


def on_tensors(run: Run, last: str, args: Args, place: Place) -> Value:
    """A torch function without data: on fresh tensors or parameters."""
    value = args.pos[0] if args.pos else None
    if last in ("zeros_like", "ones_like"):
        return Tensor(table.CREATORS[last][0], None, place)
    if isinstance(value, Tensor):
        if last in RESHAPING:
            return Tensor(value.initializer, None, value.place, value.also)
        return Tensor(OPAQUE, None, place)
    if isinstance(value, (ListValue, tuple)):
        items = value.items if isinstance(value, ListValue) else list(value)
        if last in ("cat", "stack", "concat") and items and all(isinstance(i, Tensor) for i in items):
            first = items[0].initializer
            return Tensor(first if all(i.initializer == first for i in items) else OPAQUE, None, place)
    if isinstance(value, (Parameter, View)):
        parameter = value.parameter if isinstance(value, View) else value
        if last in ("t", "transpose") and not isinstance(value, View):
            return View(parameter, transposed=True)
        if last in ("t", "transpose") and isinstance(value, View) and value.index:
            return replace(value, transposed=not value.transposed)
        if last in DIAGONAL:
            return Unknown(f"a matrix that {last} makes of a vector")  # it scales units and does not mix them
        return View(parameter, copy=True, repeated=laid_out(value, last, args.without_first()))
    if is_number(value) and last in ("sqrt", "tensor", "exp", "log"):
        from actinit_lint.follow.builtin import STANDARD

        handler = STANDARD.get(f"math.{last}")
        return handler(run, args, place) if handler is not None else value
    if last == "multiprocessing":
        return Unknown(last)
    return unknown_call(run, f"torch.{last}", args, place)


# torch.nn.init ------------------------------------------------------------------------------------


def init_function(run: Run, last: str, args: Args, place: Place) -> Value:
    """A call of torch.nn.init, also in the deprecated spellings."""
    base = last[:-1] if last.endswith("_") else last
    if base == "calculate_gain":
        return _calculate_gain(run, args, place)
    row = TORCH.get(base)
    if row is None:
        if base in ("_calculate_fan_in_and_fan_out", "_calculate_correct_fan"):
            return fans(run, base, args)
        return unknown_call(run, f"torch.nn.init.{last}", args, place)
    target = args.kw.get("tensor", args.pos[0] if args.pos else None)
    bound, places = bind(row, args)
    initializer = OPAQUE if args.open else by_fans(row.build(bound), spread(bound), target)
    if not last.endswith("_") and last in TORCH_DEPRECATED:
        run.record("spelling", place, what="function", name=f"nn.init.{last}", state="deprecated", framework="torch",
                   near=(), replacement=f"nn.init.{last}_")  # fmt: skip
    note_call(run, last, row, target, bound, places, place)
    if isinstance(target, Tensor):
        return fill_tensor(run, target, initializer, place)
    write(run, target, initializer, place)
    return target


def fill_tensor(run: Run, tensor: Tensor, initializer: Initializer, place: Place) -> Tensor:
    """An in-place fill of a tensor that is no parameter yet."""
    run.assign(tensor, "initializer", initializer)
    run.assign(tensor, "place", place)
    return tensor


def spread(bound: dict[str, Value]) -> Value:
    """The argument that says how wide a draw is."""
    return bound.get("std", bound.get("b"))


def bind(row: InitFunction, args: Args) -> tuple[dict[str, Value], dict[str, Place]]:
    """Arguments after the tensor, by name."""
    bound = dict(row.parameters)
    places: dict[str, Place] = {}
    names = [name for name, _ in row.parameters]
    rest = args.pos if "tensor" in args.kw else args.pos[1:]
    where = args.pos_places if "tensor" in args.kw else args.pos_places[1:]
    for name, value, place in zip(names, rest, where):
        bound[name] = value
        places[name] = place
    for name, value in args.kw.items():
        if name in bound:
            bound[name] = value
            places[name] = args.kw_places[name]
    return bound, places


def note_call(
    run: Run,
    last: str,
    row: InitFunction,
    target: Value,
    bound: dict[str, Value],
    places: dict[str, Place],
    place: Place,
) -> None:
    """Remember a call for the rules about calls that raise."""
    name = bound.get("nonlinearity")
    spelled = name if isinstance(name, str) and name and not run.trying else None
    for option in options(target):
        dims, what, label, missing = None, "unknown", None, False
        if run.branching or run.trying:
            option = None  # a test that is not decided may keep this target out
        reshaped = isinstance(option, View) and (option.part or option.reshaped)
        if isinstance(option, View):
            option = option.parameter
        if isinstance(option, Parameter) and not reshaped:
            what = "tensor"
            dims = len(option.shape) if option.shape is not None else None
            label = parameter_label(option)
        elif isinstance(option, Tensor):
            what, dims = "tensor", len(option.shape) if option.shape is not None else None
        elif isinstance(option, Obj) and option.kind is not None and option.kind.role not in ("initializer",):
            what, label = "module", option.state.get("attribute", option.label)
        elif option is not None and option.__class__.__name__ == "Method":
            owner = option.self
            lacks = isinstance(owner, Obj) and owner.kind is not None and _lacks(owner, option.name)
            missing, label = lacks, f"{owner.state.get('attribute', owner.label)}.{option.name}" if lacks else None
        run.record("init", place, name=last, row=row, target=what, dims=dims, label=label, missing=missing,
                   nonlinearity=spelled, where=places.get("nonlinearity"), via=run.via)  # fmt: skip


def _lacks(owner: Obj, name: str) -> bool:
    """A library module that certainly has no such parameter."""
    kind = owner.kind
    assert kind is not None
    return (
        owner.cls is None
        and kind.framework == "torch"
        and name in ("weight", "bias")
        and kind.role in ("activation", "pass", "max", "container")
        and kind.weights is None
        and not owner.flags
    )


def parameter_label(parameter: Parameter) -> str:
    owner = parameter.owner
    name = owner.state.get("attribute") if owner is not None else None
    return f"{name}.{parameter.name}" if name else parameter.name


def _calculate_gain(run: Run, args: Args, place: Place) -> Value:
    name = args.kw.get("nonlinearity", args.pos[0] if args.pos else None)
    slope = args.kw.get("param", args.pos[1] if len(args.pos) > 1 else None)
    where = args.kw_places.get("nonlinearity", args.pos_places[0] if args.pos_places else place)
    if isinstance(name, str) and not run.trying:
        run.record("init", place, name="calculate_gain", row=None, target="unknown", dims=None, label=None,
                   missing=False, nonlinearity=name, where=where, via=run.via)  # fmt: skip
    if isinstance(name, OneOf):
        return run.join([calculate_gain(o, slope) or Unknown("gain") for o in name.options])
    gain = calculate_gain(name, slope)
    return Unknown("gain of an unknown nonlinearity") if gain is None else gain


def fans(run: Run, base: str, args: Args) -> Value:
    """torch.nn.init._calculate_fan_in_and_fan_out of a parameter of known shape."""
    target = args.pos[0] if args.pos else None
    if isinstance(target, View):
        target = target.parameter
    shape = target.shape if isinstance(target, (Parameter, Tensor)) else None
    sizes: tuple[Value, Value] = (Unknown("fan"), Unknown("fan"))
    if shape is not None and len(shape) >= 2:
        field = times(*shape[2:])
        known = times(shape[1], field), times(shape[0], field)
        sizes = tuple(Unknown("fan") if s is None else s for s in known)  # type: ignore[assignment]
    pair = (fan(sizes[0], "in"), fan(sizes[1], "out"))
    if base.endswith("correct_fan"):
        return pair[1] if args.pos[1:] and args.pos[1] == "fan_out" else pair[0]
    return pair


# Helpers of other libraries -----------------------------------------------------------------------


def call_helper(run: Run, name: str, args: Args, place: Place) -> Value | None:
    row = TENSOR_HELPERS.get(name)
    if row is not None:
        target = args.kw.get("tensor", args.pos[0] if args.pos else None)
        bound, _ = bind(row, args)
        write(run, target, by_fans(row.build(bound), spread(bound), target), place)
        return target
    row = LAYER_HELPERS.get(name)
    if row is not None:
        target = args.kw.get("module", args.pos[0] if args.pos else None)
        bound, _ = bind(row, args)
        for option in options(target):
            if isinstance(option, Obj):
                weight, bias = option.attrs.get("weight"), option.attrs.get("bias")
                if weight is not None:
                    write(run, weight, row.build(bound), place)
                if bias is not None:
                    value = bound.get("bias", 0)
                    write(run, bias, constant(float(value) if is_number(value) else None), place)
        return target
    if name.rsplit(".", 1)[-1] == "named_apply":
        return named_apply(run, args, place)
    return None


def named_apply(run: Run, args: Args, place: Place) -> Value:
    """timm's `named_apply(fn, module, name="", depth_first=True, include_root=False)`."""
    fn = args.kw.get("fn", args.pos[0] if args.pos else None)
    module = args.kw.get("module", args.pos[1] if len(args.pos) > 1 else None)
    include = args.kw.get("include_root") is True

    def visit(obj: Obj, path: str, root: bool) -> None:
        for name, child in list(children(obj)):
            visit(child, f"{path}.{name}" if path else name, False)
        if not root or include:
            step = Args()
            step.set("module", obj, place)
            step.set("name", path, place)
            call(run, fn, step, place)

    before, sweeps = run.via, run.sweeps
    run.via = (*before, (place, "applied here"))
    run.sweeps = (*sweeps, run.next())
    try:
        if isinstance(module, Obj):
            visit(module, "", True)
    finally:
        run.via, run.sweeps = before, sweeps
    return module


#: A word in an unknown function's name that says it may fill or load the weights it is given.
LOADING = ("load", "pretrain", "restore", "checkpoint")
WRITING = ("init", "load", "pretrain", "reset", "weight", "restore", "convert", "prepare", "peft", "quant")


def may_write(run: Run, name: str, args: Args, place: Place) -> None:
    """An unknown function got a module or parameter: what it holds afterwards is not known if its name says so.

    A name that ends with an underscore says so too: that is how torch writes what works in place.
    """
    last = name.rsplit(".", 1)[-1].lower()
    if not last.endswith("_") and not any(word in last for word in WRITING):
        return
    initializer = LOADED if any(word in last for word in LOADING) else OPAQUE
    for value in args.values():
        for option in options(value):
            if isinstance(option, Obj) and option.kind is not None:
                initializer_opaque(run, option, place, initializer)
            elif isinstance(option, (Parameter, View)):
                write(run, option, OPAQUE, place)
            elif isinstance(option, ListValue):
                for item in option.items:
                    if isinstance(item, Parameter):
                        write(run, item, OPAQUE, place)
