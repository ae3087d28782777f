"""Methods of library and built-in values: `weight.normal_`, `layers.append`, `model.apply`, `x.view`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actinit_lint.follow.calls import call, flows_in, unknown_call
from actinit_lint.follow.fans import by_fans
from actinit_lint.follow.iteration import drop_absent, iterate
from actinit_lint.follow.modules import (
    call_object,
    children,
    initializer_opaque,
    library_init,
    parameters,
    walk,
)
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    Args,
    ClassValue,
    DictValue,
    Flow,
    ListValue,
    Method,
    Obj,
    Parameter,
    Super,
    Tensor,
    Unknown,
    Value,
    View,
    dim,
    is_number,
    options,
)
from actinit_lint.follow.writes import freeze, overwrite, replace_data, set_trainable, write
from actinit_lint.knowledge.initializers import FILL_METHODS, number
from actinit_lint.model import Place, Write
from actinit_lint.reference.normal_form import LOADED, OPAQUE, Initializer, constant, variance_scaling


def call_method_of(run: Run, method: Method, args: Args, place: Place) -> Value:
    owner = method.self
    handler = OWNERS.get(owner.__class__)
    if handler is not None:
        return handler(run, owner, method.name, args, place)
    if isinstance(owner, (int, float)) and method.name == "item":
        return owner
    return unknown_call(run, f"method {method.name}", args, place)


# Tensors ------------------------------------------------------------------------------------------


def _on_flow(run: Run, owner: Flow, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow import dataflow

    if name == "backward":
        run.uses += 1
    if name in ("size", "dim", "numel", "item", "backward", "tolist", "numpy"):
        return Unknown(f"{name} of the data")
    result = dataflow.function(run, name, args.with_first(owner, place), place)
    return result if result is not None else Unknown(f"method {name} of the data")


def _fill(run: Run, owner: Value, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow.torch_api import fill_tensor, spread

    row = FILL_METHODS[name]
    bound = dict(row.parameters)
    names = [n for n, _ in row.parameters]
    for key, value in zip(names, args.pos):
        bound[key] = value
    for key, value in args.kw.items():
        bound[{"from": "a", "to": "b", "value": "val"}.get(key, key)] = value
    target = owner.parameter if isinstance(owner, View) else owner
    initializer = OPAQUE if args.open else by_fans(row.build(bound), spread(bound), target)
    if isinstance(owner, Tensor):
        return fill_tensor(run, owner, initializer, place)
    parameter = owner.parameter if isinstance(owner, View) else owner
    guarded = run.no_grad > 0 or (isinstance(owner, View) and (owner.data or owner.copy)) or not parameter.trainable
    if not guarded:
        note_in_place(run, parameter, name, place)
    write(run, owner, initializer, place)
    return owner


def note_in_place(run: Run, parameter: Parameter, name: str, place: Place) -> None:
    """Remember an in-place write to a leaf that asks for gradients: torch raises."""
    if not parameter.buffer and not run.trying and parameter.owner is not None and not run.branching:
        run.record("in_place", place, parameter=parameter, name=name)


#: In-place methods besides the fills.
CHANGING = frozenset(
    {"copy_", "mul_", "div_", "add_", "sub_", "clamp_", "erfinv_", "masked_fill_", "pow_", "exp_", "sqrt_", "abs_"}
    | {"fill_diagonal_"}
)


def _on_parameter(run: Run, owner: Parameter | View, name: str, args: Args, place: Place) -> Value:
    parameter = owner.parameter if isinstance(owner, View) else owner
    if name in FILL_METHODS:
        return _fill(run, owner, name, args, place)
    if name in CHANGING and not run.no_grad and parameter.trainable:
        if not isinstance(owner, View) or not (owner.data or owner.copy):
            note_in_place(run, parameter, name, place)
    if name == "fill_diagonal_":
        overwrite(run, owner, lambda i: OPAQUE)
        return owner
    if name == "copy_":
        replace_data(run, owner if not isinstance(owner, View) or not owner.copy else View(parameter, copy=True),
                     args.pos[0] if args.pos else None, place)  # fmt: skip
        return owner
    if name in ("mul_", "div_", "multiply_"):
        factor = number(args.pos[0]) if args.pos else None
        from actinit_lint.follow.operators import _scaled

        if name == "div_":
            factor = 1 / factor if factor else None
        overwrite(run, owner, lambda i: _scaled(i, factor))
        return owner
    if name == "erfinv_":
        overwrite(run, owner, _erfinv)
        return owner
    if name == "add_" and args.pos and is_number(args.pos[0]):
        from actinit_lint.follow.operators import _shifted

        overwrite(run, owner, lambda i: _shifted(i, float(args.pos[0])))
        return owner
    if name in ("clamp_", "clip_"):
        overwrite(run, owner, lambda i: i if i.distribution == "truncated_normal" else OPAQUE)
        return owner
    if name in (
        "add_",
        "sub_",
        "abs_",
        "clamp_min_",
        "masked_fill_",
        "index_fill_",
        "set_",
        "resize_",
        "squeeze_",
        "unsqueeze_",
        "exp_",
        "log_",
        "pow_",
        "sqrt_",
        "sigmoid_",
        "tanh_",
    ):
        overwrite(run, owner, lambda i: OPAQUE)
        return owner
    if name == "requires_grad_":
        set_trainable(run, owner, args.pos[0] if args.pos else args.kw.get("requires_grad", True))
        return owner
    part = owner.part if isinstance(owner, View) else False
    if name == "size" and not part:
        if args.pos and isinstance(args.pos[0], int):
            from actinit_lint.follow.attributes import parameter_shape

            shape = parameter_shape(parameter)
            inside = isinstance(shape, tuple) and -len(shape) <= args.pos[0] < len(shape)
            return shape[args.pos[0]] if inside else Unknown("size of a tensor")
        from actinit_lint.follow.attributes import parameter_shape

        return parameter_shape(parameter)
    if name in ("dim", "ndimension"):
        return len(parameter.shape) if parameter.shape is not None and not part else Unknown("size of a tensor")
    if name in ("numel", "nelement"):
        return Unknown("size of a tensor")
    if name in ("detach", "view", "reshape", "cuda", "to", "cpu", "float", "flatten", "data_ptr"):
        copy = isinstance(owner, View) and owner.copy
        data = name == "detach" or (isinstance(owner, View) and owner.data)
        reshaped = name in ("view", "reshape", "flatten") or (isinstance(owner, View) and owner.reshaped)
        return View(parameter, data, part, copy, reshaped=reshaped, clone=isinstance(owner, View) and owner.clone)
    if name in ("unsqueeze", "squeeze"):
        return View(parameter, isinstance(owner, View) and owner.data, part, reshaped=True)
    if name in ("t", "transpose", "permute", "T"):
        transposed = isinstance(owner, View) and owner.transposed
        return View(
            parameter,
            isinstance(owner, View) and owner.data,
            part,
            isinstance(owner, View) and owner.copy,
            not transposed,
        )
    if name in ("clone", "half", "double", "bfloat16"):
        return View(parameter, copy=True, clone=True)
    if name in (
        "numpy",
        "contiguous",
        "expand",
        "repeat",
        "unsqueeze",
        "squeeze",
        "new_tensor",
        "type_as",
        "cumsum",
        "softmax",
        "sigmoid",
        "exp",
        "abs",
        "tanh",
    ):
        return View(parameter, copy=True)
    if name in ("chunk", "split", "unbind"):
        return ListValue([View(parameter, data=isinstance(owner, View) and owner.data, part=True)], "list", True)
    if name in ("new_zeros", "new_ones", "new_empty", "new_full"):
        from actinit_lint.follow.torch_api import create

        return create(run, name, args, place)
    if name in ("assign", "assign_add", "set_weights"):
        replace_data(run, owner, args.pos[0] if args.pos else None, place)
        return owner
    flows = flows_in(args.values())
    if flows and name in ("matmul", "mm", "bmm", "mv", "dot", "__matmul__"):
        from actinit_lint.follow import dataflow

        return dataflow.matmul(run, owner, args.pos[0], place)
    if flows:
        from actinit_lint.follow import dataflow

        result = dataflow.function(run, name, args.with_first(owner, place), place)
        return result if result is not None else Unknown(f"method {name} of a parameter")
    return View(parameter, copy=True)


def _erfinv(i: Initializer) -> Initializer:
    """The inverse error function of a uniform draw: how a truncated normal is made by hand, std 1/sqrt(2)."""
    if i.family == "uniform" and i.low is not None and i.high is not None and -1 <= i.low < i.high <= 1:
        return Initializer("trunc_normal", "normal", "truncated_normal", mean=0.0, std=0.5**0.5)
    return OPAQUE


def _size(shape: tuple[int | None, ...] | None, axis: int) -> Value:
    if shape is None or not -len(shape) <= axis < len(shape):
        return Unknown("size of a tensor")
    size = shape[axis]
    return Unknown("size of a tensor") if size is None else size


def _on_tensor(run: Run, owner: Tensor, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow.operators import binary, scaled
    from actinit_lint.follow.torch_api import RESHAPING, create

    if name in FILL_METHODS:
        return _fill(run, owner, name, args, place)
    if name in ("mul", "mul_", "div", "div_", "add", "add_", "sub", "sub_") and args.pos:
        sign = {"mul": "*", "div": "/", "add": "+", "sub": "-"}[name.rstrip("_")]
        result = binary(run, sign, owner, args.pos[0], place)
        if name.endswith("_") and isinstance(result, Tensor):
            run.assign(owner, "initializer", result.initializer)
            return owner
        return result
    if name in RESHAPING:
        shape = (
            owner.shape
            if name in ("to", "cuda", "cpu", "float", "double", "clone", "detach", "contiguous", "requires_grad_")
            else None
        )
        return Tensor(owner.initializer, shape, owner.place, owner.also)
    if name == "size" and args.pos and isinstance(args.pos[0], int):
        return _size(owner.shape, args.pos[0])
    if name == "dim":
        return len(owner.shape) if owner.shape is not None else Unknown("size of a tensor")
    if name == "neg":
        return scaled(owner, -1.0)
    flows = flows_in(args.values())
    if flows:
        from actinit_lint.follow import dataflow

        result = dataflow.function(run, name, args.with_first(owner, place), place)
        return result if result is not None else Unknown(f"method {name} of a tensor")
    made = create(run, name, args, place) if name.startswith("new_") else None
    return made if made is not None else Tensor(OPAQUE, None, place)


# Modules ------------------------------------------------------------------------------------------


def _same(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    return owner


def _apply(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    fn = args.pos[0] if args.pos else args.kw.get("fn")
    if owner.cls is not None and not any(True for _ in parameters(owner)):
        run.record("early_apply", place, obj=owner)
    before, sweeps = run.via, run.sweeps
    run.via = (*before, (place, "applied here"))
    run.sweeps = (*sweeps, run.next())
    try:
        apply_to(run, owner, fn, place, set())
    finally:
        run.via, run.sweeps = before, sweeps
    return owner


def apply_to(run: Run, obj: Obj, fn: Value, place: Place, seen: set[int]) -> None:
    """`Module.apply`: children first, then the module itself."""
    if id(obj) in seen:
        return
    seen.add(id(obj))
    for _, child in list(children(obj)):
        apply_to(run, child, fn, place, seen)
    if isinstance(fn, Unknown):
        for _, parameter in parameters(obj, recurse=False):
            run.assign(parameter, "writes", (*parameter.writes, Write(OPAQUE, place)))
        return
    step = Args()
    step.add(obj, place)
    call(run, fn, step, place)


def _modules(named: bool, direct: bool) -> Callable[[Run, Obj, Args, Place], Value]:
    def enumerate_modules(run: Run, owner: Obj, args: Args, place: Place) -> Value:
        pairs = list(children(owner)) if direct else list(walk(owner))
        if direct:
            seen: set[int] = set()
            pairs = [(n, m) for n, m in pairs if not (id(m) in seen or seen.add(id(m)))]  # type: ignore[func-returns-value]
        return ListValue([(n, m) if named else m for n, m in pairs])

    return enumerate_modules


def _parameters(named: bool) -> Callable[[Run, Obj, Args, Place], Value]:
    def enumerate_parameters(run: Run, owner: Obj, args: Args, place: Place) -> Value:
        recurse = args.kw.get("recurse") is not False
        prefix = args.kw.get("prefix")
        start = f"{prefix}." if isinstance(prefix, str) and prefix else ""
        pairs = list(parameters(owner, recurse))
        return ListValue([(start + n, p) if named else p for n, p in pairs])

    return enumerate_parameters


def _init(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    if owner.kind is not None:
        library_init(run, owner, args, place)
    return None


def _forward(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.apply import apply_kind

    return apply_kind(run, owner, args, place)


def _add_module(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    name = args.pos[0] if args.pos else args.kw.get("name")
    module = args.pos[1] if len(args.pos) > 1 else args.kw.get("module", args.kw.get("param"))
    if isinstance(module, Obj):
        module.state.setdefault("attribute", name if isinstance(name, str) else "?")
    if not isinstance(name, str):
        name = f"?{run.next()}"
    if owner.items is not None and owner.kind is not None and owner.kind.role == "container":
        run.assign(owner, "keys", [*(owner.keys or []), name])
        run.assign(owner.items, "items", [*owner.items.items, module])
    if isinstance(module, Parameter) and module.owner is None:
        module.owner, module.name = owner, name
    run.store(owner.attrs, name, module)
    if owner.items is not None and isinstance(module, Obj):
        run.remove(owner.attrs, name)
    return None


def _register_buffer(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    if len(args.pos) > 1 and isinstance(args.pos[0], str):
        value = args.pos[1]
        if isinstance(value, Tensor):
            value = Parameter(value.shape, (Write(value.initializer, value.place),), place, args.pos[0], owner,
                              trainable=False, buffer=True)  # fmt: skip
        run.store(owner.attrs, args.pos[0], value)
    return None


def _append(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    if owner.items is None:
        return Unknown("append to an object")
    value = args.pos[0] if args.pos else args.kw.get("module", args.kw.get("layer"))
    run.assign(owner, "keys", [*(owner.keys or []), str(len(owner.items.items))])
    run.assign(owner.items, "items", [*owner.items.items, value])
    return owner


def _extend(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    if owner.items is None:
        return Unknown("extend of an object")
    elements, exact = iterate(run, args.pos[0] if args.pos else None, place)
    start = len(owner.items.items)
    run.assign(owner, "keys", [*(owner.keys or []), *[str(start + i) for i in range(len(elements))]])
    run.assign(owner.items, "items", [*owner.items.items, *elements])
    if not exact:
        run.assign(owner.items, "open", True)
    return owner


def _insert(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    if owner.items is not None and len(args.pos) == 2 and isinstance(args.pos[0], int):
        items = list(owner.items.items)
        items.insert(args.pos[0], args.pos[1])
        run.assign(owner.items, "items", items)
        run.assign(owner, "keys", [str(i) for i in range(len(items))])
    return None


def _pop(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    if owner.items is not None and owner.items.items:
        index = args.pos[0] if args.pos and isinstance(args.pos[0], int) else -1
        items = list(owner.items.items)
        if -len(items) <= index < len(items):
            item = items.pop(index)
            run.assign(owner.items, "items", items)
            return item
    return Unknown("an element of a container")


def _update(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.subscripts import set_item

    if args.pos and isinstance(args.pos[0], DictValue):
        for key, value in args.pos[0].items.items():
            set_item(run, owner, key, value, place)
    return None


def _pairs(what: str) -> Callable[[Run, Obj, Args, Place], Value]:
    def enumerate_pairs(run: Run, owner: Obj, args: Args, place: Place) -> Value:
        if owner.items is None:
            return Unknown(f"{what} of an object")
        keys, items = owner.keys or [], owner.items.items
        found = {"keys": list(keys), "values": list(items), "items": list(zip(keys, items))}[what]
        return ListValue(found, "list", owner.items.open)

    return enumerate_pairs


def _load(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    initializer_opaque(run, owner, place, LOADED)
    for _, module in walk(owner):
        if module.kind is not None and module.kind.framework == "keras":
            module.flags.add("loaded")  # weights that are made at the first call are as good as loaded then
    return owner


def _fill_somehow(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    initializer_opaque(run, owner, place)
    return owner


def _freeze(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    value = args.pos[0] if args.pos else args.kw.get("requires_grad", True)
    freeze(run, owner, value is not False)
    return owner


def _reset(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """`reset_parameters()` of a library layer: its default again."""
    for _, parameter in parameters(owner, recurse=False):
        if parameter.writes and not parameter.raw:
            run.assign(parameter, "writes", (*parameter.writes, parameter.writes[0]))
    return None


def _post_init(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """Hugging Face's `post_init()`: `_init_weights` reaches every module, children first."""
    found = owner.cls.find("_init_weights") if owner.cls is not None else None
    before = run.via
    run.via = (*before, (place, "applied here"))
    try:
        for _, module in reversed(list(walk(owner))):
            if found is None:
                huggingface_init(run, owner, module, place)
                continue
            step = Args()
            step.add(owner, place)
            step.add(module, place)
            call(run, found[0], step, place)
    finally:
        run.via = before
    return None


def _compile(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.keras_api import compile_model

    if owner.kind is not None and owner.kind.framework == "keras":
        compile_model(run, owner, args, place)
        return None
    return owner


def _add_weight(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.keras_api import add_weight

    return add_weight(run, owner, args, place)


def _call(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    return call_object(run, owner, args, place)


MODULE_METHODS: dict[str, Callable[[Run, Obj, Args, Place], Value]] = {
    "__init__": _init,
    "__call__": _call,
    "forward": _forward,
    "call": _forward,
    "apply": _apply,
    "modules": _modules(False, False),
    "named_modules": _modules(True, False),
    "children": _modules(False, True),
    "named_children": _modules(True, True),
    "parameters": _parameters(False),
    "named_parameters": _parameters(True),
    "add_module": _add_module,
    "register_module": _add_module,
    "register_parameter": _add_module,
    "register_buffer": _register_buffer,
    "append": _append,
    "add": _append,
    "extend": _extend,
    "insert": _insert,
    "pop": _pop,
    "update": _update,
    "keys": _pairs("keys"),
    "values": _pairs("values"),
    "items": _pairs("items"),
    "load_state_dict": _load,
    "load_weights": _load,
    "set_weights": _load,
    "load_pretrained": _load,
    "from_pretrained": _load,
    "init_weights": _fill_somehow,
    "requires_grad_": _freeze,
    "reset_parameters": _reset,
    "_reset_parameters": _reset,
    "post_init": _post_init,
    "compile": _compile,
    "add_weight": _add_weight,
    **dict.fromkeys(("to", "cuda", "cpu", "eval", "train", "float", "half", "double", "bfloat16", "type"), _same),
    **dict.fromkeys(("share_memory", "to_empty", "xpu", "jit", "copy"), _same),
}  # fmt: skip
#: Methods that say nothing about a model.
SILENT = frozenset(
    [
        "zero_grad",
        "state_dict",
        "summary",
        "fit",
        "evaluate",
        "save",
        "save_hyperparameters",
        "log",
        "log_dict",
        "register_forward_hook",
        "register_full_backward_hook",
        "register_backward_hook",
        "get_config",
        "build",
        "supports_gradient_checkpointing",
        "gradient_checkpointing_enable",
        "fit_generator",
        "train_on_batch",
        "predict_on_batch",
        "count_params",
        "get_weights",
        "save_weights",
        "__setattr__",
        "__getattr__",
        "buffers",
        "named_buffers",
        "extra_repr",
        "register_load_state_dict_pre_hook",
        "_register_load_state_dict_pre_hook",
        "register_to_config",
        "_set_static_graph",
        "__post_init__",
        "__init_subclass__",
        "set_input_space",
        "compute_output_shape",
        "compute_mask",
        "add_loss",
        "add_metric",
        "track_variable",
        "__repr__",
    ]
)


#: Methods that train: an initialisation before them has been put to use.
TRAINING = frozenset(["backward", "step", "fit", "fit_generator", "train_on_batch"])


def _on_object(run: Run, owner: Obj, name: str, args: Args, place: Place) -> Value:
    if owner.kind is None:
        return unknown_call(run, f"method {name} of {owner.label}", args, place)
    handler = MODULE_METHODS.get(name)
    if handler is not None:
        return handler(run, owner, args, place)
    if name in TRAINING:
        run.uses += 1
    if name in SILENT:
        return Unknown(f"{name} of {owner.label}")
    if name == "predict":
        return call_object(run, owner, args, place)
    return unknown_call(run, f"method {name} of {owner.label}", args, place)


def _on_super(run: Run, owner: Super, name: str, args: Args, place: Place) -> Value:
    """A method that only the library's base class can have."""
    inner = owner.self
    if isinstance(inner, Obj) and inner.kind is not None:
        if name == "__init__":
            return _init(run, inner, args, place)
        if name == "_init_weights":
            return _base_init_weights(run, inner, args, place)
        if name in ("forward", "__call__", "call"):
            return _forward(run, inner, args, place)
        if name == "init_weights" or name == "reset_parameters":
            handler = MODULE_METHODS[name]
            return handler(run, inner, args, place)
        return _on_object(run, inner, name, args, place)
    if isinstance(inner, (ClassValue, Obj)):
        return None if name.startswith("__") else Unknown(f"method {name} of a base class")
    return unknown_call(run, f"super().{name}", args, place)


def _base_init_weights(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """`super()._init_weights(module)` of Hugging Face."""
    for value in args.pos[:1]:
        for option in options(value):
            if isinstance(option, Obj):
                huggingface_init(run, owner, option, place)
    return None


#: Layers that Hugging Face's dispatcher fills from a normal draw (transformers/modeling_utils.py, 5.23).
HUGGINGFACE_NORMAL = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d"})


def huggingface_init(run: Run, owner: Obj, module: Obj, place: Place) -> None:
    """The base dispatcher: N(0, initializer_range) for linear maps and embeddings, biases zero, LSTM Xavier."""
    kind = module.kind
    if kind is None or kind.framework != "torch" or kind.role not in ("layer", "embedding", "recurrent", "attention"):
        return
    config = owner.attrs.get("config")
    std: Value = None
    if isinstance(config, Obj):
        for name in ("initializer_range", "init_std", "initializer_factor"):
            found = config.attrs.get(name) or (config.cls.find(name) if config.cls is not None else None)
            std = found[0] if isinstance(found, tuple) else found
            if std is not None:
                break
    for _, parameter in parameters(module, recurse=False):
        if parameter.role == "bias":
            initializer = constant(0.0)
        elif kind.role == "embedding" or kind.name in HUGGINGFACE_NORMAL:
            initializer = Initializer("normal", "normal", "normal", mean=0.0, std=number(std))
        elif kind.name == "LSTM":
            initializer = variance_scaling("xavier_uniform", 1.0, "fan_avg", "uniform")
        else:
            continue
        write(run, parameter, initializer, place)


# Sequences, dictionaries, texts -------------------------------------------------------------------


def _on_list(run: Run, owner: ListValue, name: str, args: Args, place: Place) -> Value:
    value = args.pos[0] if args.pos else None
    if name in ("append", "add"):
        run.assign(owner, "items", [*owner.items, value])
        if run.repeat:
            pass
        return None
    if name in ("extend", "update"):
        elements, exact = iterate(run, value, place)
        run.assign(owner, "items", [*owner.items, *elements])
        if not exact:
            run.assign(owner, "open", True)
        return None
    if name == "insert" and len(args.pos) == 2 and isinstance(value, int):
        items = list(owner.items)
        items.insert(value, args.pos[1])
        run.assign(owner, "items", items)
        return None
    if name == "pop":
        index = value if isinstance(value, int) else -1
        if owner.items and -len(owner.items) <= index < len(owner.items):
            items = list(owner.items)
            item = items.pop(index)
            run.assign(owner, "items", items)
            return item
        return Unknown("an element of a list")
    if name == "reverse":
        run.assign(owner, "items", list(reversed(owner.items)))
        return None
    if name == "copy":
        return ListValue(list(owner.items), owner.kind, owner.open)
    if name == "index":
        from actinit_lint.follow.operators import compare

        for position, item in enumerate(owner.items):
            if compare("==", item, value) is True:
                return position
        return Unknown("index in a list")
    if name == "count":
        return Unknown("count in a list")
    if name in ("sort", "clear", "remove", "discard"):
        if name == "clear":
            run.assign(owner, "items", [])
        return None
    if name in ("union", "intersection", "difference"):
        return ListValue(list(owner.items), owner.kind, True)
    return Unknown(f"method {name} of a list")


def _on_dict(run: Run, owner: DictValue, name: str, args: Args, place: Place) -> Value:
    if name == "items":
        return ListValue(list(owner.items.items()), "list", owner.open)
    if name == "keys":
        return ListValue(list(owner.items), "list", owner.open)
    if name == "values":
        return ListValue(list(owner.items.values()), "list", owner.open)
    if name in ("get", "pop", "setdefault"):
        key = args.pos[0] if args.pos else None
        default = args.pos[1] if len(args.pos) > 1 else args.kw.get("default")
        if isinstance(key, (str, int, float, bool, type(None))):
            if key in owner.items:
                value = drop_absent(owner.items[key])
                if value is not owner.items[key] and name != "setdefault":
                    value = run.join([value, default])
                if name == "pop":
                    run.remove(owner.items, key)
                return value
            if owner.open:
                return run.join([Unknown("an item of a dictionary"), default])
            if name == "setdefault":
                run.store(owner.items, key, default)
            return default
        return Unknown("item with an unknown key")
    if name == "update":
        for source in (*args.pos, DictValue(dict(args.kw), dict(args.kw_places))):
            if isinstance(source, DictValue):
                for key, value in source.items.items():
                    run.store(owner.items, key, value)
                    if key in source.places:
                        owner.places[key] = source.places[key]
                if source.open:
                    run.assign(owner, "open", True)
            elif isinstance(source, (ListValue, tuple)):
                for item in source.items if isinstance(source, ListValue) else source:
                    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], (str, int)):
                        run.store(owner.items, item[0], item[1])
                    else:
                        run.assign(owner, "open", True)
            else:
                run.assign(owner, "open", True)
        return None
    if name == "copy":
        return DictValue(dict(owner.items), dict(owner.places), owner.open)
    if name == "move_to_end":
        return None
    return Unknown(f"method {name} of a dictionary")


#: Methods of str that are safe to run on known texts.
TEXT = frozenset(
    [
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "startswith",
        "endswith",
        "split",
        "rsplit",
        "replace",
        "find",
        "rfind",
        "index",
        "count",
        "join",
        "format",
        "title",
        "capitalize",
        "isdigit",
        "isalpha",
        "removeprefix",
        "removesuffix",
        "partition",
        "rpartition",
        "splitlines",
        "zfill",
        "isidentifier",
    ]
)


LONGEST = 10_000  # characters that a padding method may ask for


def _on_text(run: Run, owner: str, name: str, args: Args, place: Place) -> Value:
    if name == "join" and args.pos and isinstance(args.pos[0], (ListValue, tuple)):
        items = args.pos[0].items if isinstance(args.pos[0], ListValue) else list(args.pos[0])
        return owner.join(items) if all(isinstance(i, str) for i in items) else Unknown("a text")
    plain = all(isinstance(v, (str, int, float, tuple, type(None))) for v in args.values())
    plain = plain and not any(isinstance(v, int) and v > LONGEST for v in args.values())
    if name in TEXT and plain:
        try:
            result: Any = getattr(owner, name)(*args.pos, **args.kw)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError):
            return Unknown("a text")
        if isinstance(result, list):
            return ListValue(list(result))
        return result
    return Unknown(f"method {name} of a text")


def _on_tuple(run: Run, owner: tuple[Value, ...], name: str, args: Args, place: Place) -> Value:
    if name in ("index", "count"):
        return _on_list(run, ListValue(list(owner)), name, args, place)
    if name == "numel":
        product = 1
        for value in owner:
            size = dim(value)
            if size is None:
                return Unknown("size of a tensor")
            product *= size
        return product
    return Unknown(f"method {name} of a tuple")


def _on_unknown(run: Run, owner: Unknown, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow.torch_api import may_write

    if name in TRAINING:
        run.uses += 1
    may_write(run, name, args, place)
    return unknown_call(run, "an unknown method", args, place)


OWNERS: dict[type, Callable[[Run, Any, str, Args, Place], Value]] = {
    Flow: _on_flow,
    Parameter: _on_parameter,
    View: _on_parameter,
    Tensor: _on_tensor,
    Obj: _on_object,
    Super: _on_super,
    ListValue: _on_list,
    DictValue: _on_dict,
    str: _on_text,
    tuple: _on_tuple,
    Unknown: _on_unknown,
}
