"""Methods of modules: `model.apply`, `model.parameters()`, `layers.append`, `model.compile`."""

from __future__ import annotations

from collections.abc import Callable

from actinit_lint.follow.calls import call, unknown_call
from actinit_lint.follow.huggingface import base_init_weights, post_init
from actinit_lint.follow.iteration import iterate
from actinit_lint.follow.modules import (
    call_object,
    children,
    initializer_opaque,
    library_init,
    listed_children,
    parameters,
    walk,
)
from actinit_lint.follow.namespaces import PARSER, holds_options, on_options, on_parser
from actinit_lint.follow.state import TRAINING, Run
from actinit_lint.follow.values import (
    Args,
    ClassValue,
    DictValue,
    External,
    Flow,
    ListValue,
    Obj,
    Parameter,
    Super,
    Tensor,
    Unknown,
    Value,
    View,
)
from actinit_lint.follow.writes import freeze
from actinit_lint.knowledge.kinds import REQUIRED
from actinit_lint.model import Place, Write
from actinit_lint.reference.normal_form import LOADED, OPAQUE


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
        pairs = listed_children(owner) if direct else list(walk(owner))
        run.fuel -= len(pairs)
        return ListValue([(n, m) if named else m for n, m in pairs])

    return enumerate_modules


def _parameters(named: bool) -> Callable[[Run, Obj, Args, Place], Value]:
    def enumerate_parameters(run: Run, owner: Obj, args: Args, place: Place) -> Value:
        recurse = args.kw.get("recurse") is not False
        prefix = args.kw.get("prefix")
        start = f"{prefix}." if isinstance(prefix, str) and prefix else ""
        pairs = list(parameters(owner, recurse))
        run.fuel -= len(pairs)
        return ListValue([(start + n, p) if named else p for n, p in pairs])

    return enumerate_parameters


def _state_dict(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """The parameters by name, in the memory of the model; buffers are there too."""
    items: dict[str, Value] = {name: View(parameter, data=True) for name, parameter in parameters(owner)}
    run.fuel -= len(items)
    state = DictValue(items, open_=True)
    state.state = True
    return state


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


def _at_path(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """`get_submodule("net.0")`, `get_parameter("net.0.weight")`."""
    from actinit_lint.follow.attributes import get_attribute

    path = args.pos[0] if args.pos else args.kw.get("target")
    if not isinstance(path, str):
        return Unknown("a part of a module by an unknown name")
    found: Value = owner
    for name in path.split(".") if path else ():
        found = get_attribute(run, found, name, place)
    return found


def _set(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.attributes import set_attribute

    if len(args.pos) == 2 and isinstance(args.pos[0], str):
        set_attribute(run, owner, args.pos[0], args.pos[1], place)
    return None


def _load(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """Weights come from elsewhere, unless the model was trained before: then it did start from its initialisation."""
    for _, module in walk(owner):
        if "trained" in module.flags:
            continue
        initializer_opaque(run, module, place, LOADED, recurse=False)
        if module.kind is not None and module.kind.framework == "keras":
            module.flags.add("loaded")  # weights that are made at the first call are as good as loaded then
    return owner


def _init_weights(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    if "init_weights" in owner.flags:  # mmengine's base class
        from actinit_lint.follow.init_cfg import initialise

        initialise(run, owner)
    else:
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


def _compile(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.keras_api import compile_model

    if owner.kind is not None and owner.kind.framework == "keras":
        compile_model(run, owner, args, place)
        return None
    return owner


def _build(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """`model.build((None, 64))` in a script: as if the model were called on data of that shape."""
    from actinit_lint.follow.keras_api import sizes

    shape = sizes(args.pos[0] if args.pos else args.kw.get("input_shape"))
    runs = owner.kind is not None and (
        owner.kind.name == "Sequential" or (owner.cls is not None and owner.cls.find("call"))
    )
    if (
        not runs
        or not shape
        or owner.applied
        or any(f.func is not None and f.func.owner is not None for f in run.frames)
    ):
        return None
    step = Args()
    step.add(run.flow(Flow("input", [], place, shape=shape[1:])), place)
    call_object(run, owner, step, place)
    return None


def _get_config(run: Run, owner: Obj, args: Args, place: Place) -> Value:
    """The arguments that a library layer or initialiser was made with, as `from_config` takes them."""
    kind = owner.kind
    if kind is None or owner.cls is not None or owner.open_args or kind.role in ("module", "container"):
        return Unknown(f"the configuration of {owner.label}")
    given = {name: value for name, value in owner.args.items() if value is not REQUIRED}
    return DictValue(given, {name: place for name, place in owner.arg_places.items() if name in given})


def from_config(run: Run, owner: External, args: Args, place: Place) -> Value:
    """`layers.Dense.from_config(config)`: the class called with the configuration as its arguments."""
    config = args.pos[0] if args.pos else args.kw.get("config")
    given = Args()
    given.open = not isinstance(config, DictValue) or config.open
    if isinstance(config, DictValue):
        for name, value in config.items.items():
            if isinstance(name, str):
                given.set(name, value, config.places.get(name, place))
    return call(run, owner, given, place)


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
    "__getattr__": _at_path,
    "__setattr__": _set,
    "get_submodule": _at_path,
    "get_parameter": _at_path,
    "get_buffer": _at_path,
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
    "state_dict": _state_dict,
    "load_state_dict": _load,
    "load_weights": _load,
    "set_weights": _load,
    "load_pretrained": _load,
    "from_pretrained": _load,
    "init_weights": _init_weights,
    "requires_grad_": _freeze,
    "reset_parameters": _reset,
    "_reset_parameters": _reset,
    "post_init": post_init,
    "compile": _compile,
    "build": _build,
    "add_weight": _add_weight,
    "get_config": _get_config,
    **dict.fromkeys(("to", "cuda", "cpu", "eval", "train", "float", "half", "double", "bfloat16", "type"), _same),
    **dict.fromkeys(("share_memory", "to_empty", "xpu", "jit", "copy"), _same),
}  # fmt: skip
#: Methods that say nothing about a model.
SILENT = frozenset(
    [
        "zero_grad",
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
        "supports_gradient_checkpointing",
        "gradient_checkpointing_enable",
        "fit_generator",
        "train_on_batch",
        "predict_on_batch",
        "count_params",
        "get_weights",
        "save_weights",
        "buffers",
        "named_buffers",
        "extra_repr",
        "register_load_state_dict_pre_hook",
        "_register_load_state_dict_pre_hook",
        "register_to_config",
        "_set_static_graph",
        "_post_init__",
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


def on_object(run: Run, owner: Obj, name: str, args: Args, place: Place) -> Value:
    if PARSER in owner.flags:
        return on_parser(run, owner, name, args, place)
    if holds_options(owner):
        return on_options(run, owner, name, args, place)
    if owner.kind is None:
        return unknown_call(run, f"method {name} of {owner.label}", args, place, name)
    handler = MODULE_METHODS.get(name)
    if handler is not None:
        return handler(run, owner, args, place)
    if name in TRAINING:
        run.uses += 1
        for _, module in walk(owner):
            module.flags.add("trained")
    if name in SILENT:
        return Unknown(f"{name} of {owner.label}")
    if name == "predict":
        return call_object(run, owner, args, place)
    return unknown_call(run, f"method {name} of {owner.label}", args, place, name)


def on_super(run: Run, owner: Super, name: str, args: Args, place: Place) -> Value:
    """A method that only the library's base class can have."""
    inner = owner.self
    if isinstance(inner, Obj) and inner.kind is not None:
        if name == "__init__":
            return _init(run, inner, args, place)
        if name == "_init_weights":
            return base_init_weights(run, inner, args, place)
        if name in ("forward", "__call__", "call"):
            return _forward(run, inner, args, place)
        if name == "init_weights" or name == "reset_parameters":
            handler = MODULE_METHODS[name]
            return handler(run, inner, args, place)
        return on_object(run, inner, name, args, place)
    if isinstance(inner, (ClassValue, Obj)):
        return None if name.startswith("__") else Unknown(f"method {name} of a base class")
    return unknown_call(run, f"super().{name}", args, place)
