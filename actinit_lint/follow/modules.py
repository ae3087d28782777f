"""Layers and models as objects: making them, their weights, and walking through them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    ABSENT,
    Args,
    Attributes,
    ClassValue,
    DictValue,
    External,
    Fields,
    Func,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    Tensor,
    Unknown,
    Value,
    View,
    options,
)
from actinit_lint.knowledge import keras as keras_table
from actinit_lint.knowledge import torch as torch_table
from actinit_lint.knowledge.kinds import Kind
from actinit_lint.model import Place, Write
from actinit_lint.reference.normal_form import OPAQUE, Initializer

#: Layers of other libraries that are plain steps, whatever library they come from: last name -> our kind.
FOREIGN: dict[str, Kind] = {
    "DropPath": torch_table.MODULES["Dropout"],
    "StochasticDepth": torch_table.MODULES["Dropout"],
    "PatchDropout": torch_table.MODULES["Dropout"],
    "Rearrange": torch_table.MODULES["Flatten"],
    "Reduce": torch_table.MODULES["AdaptiveAvgPool2d"],
    "SelectAdaptivePool2d": torch_table.MODULES["AdaptiveAvgPool2d"],
    "FrozenBatchNorm2d": torch_table.MODULES["BatchNorm2d"],
    "LayerNorm2d": torch_table.MODULES["LayerNorm"],
    "SynchronizedBatchNorm2d": torch_table.MODULES["BatchNorm2d"],
    "QuickGELU": torch_table.MODULES["GELU"],
    "NewGELUActivation": torch_table.MODULES["GELU"],
}


def find_kind(name: str) -> Kind | None:
    """The table row of a library class, by its canonical name."""
    if name.startswith("torch.nn.") and name.count(".") == 2:
        return torch_table.MODULES.get(name[9:])
    if name.startswith("keras."):
        parts = name.split(".")
        if len(parts) == 3 and parts[1] in ("layers", "losses", "models"):
            return keras_table.LAYERS.get(parts[2])
        if len(parts) == 2:
            return keras_table.LAYERS.get(parts[1])
        return None
    if name in torch_table.MODULE_BASES:
        return torch_table.MODULES["Module"]
    if name in torch_table.INITIALISING_CONTAINERS:
        return torch_table.INITIALISING_CONTAINERS[name]
    if name.startswith("torch.") and name.rsplit(".", 1)[-1] in torch_table.MODULES and ".nn." in name:
        return torch_table.MODULES.get(name.rsplit(".", 1)[-1])
    if not name.startswith(("torch.", "builtins.")) and "." in name:
        return FOREIGN.get(name.rsplit(".", 1)[-1])
    return None


def base_kind(run: Run, obj: Obj, cls: ClassValue) -> Kind | None:
    """What library class an object's class descends from; a base that is not followed counts where the class has the
    methods of a model."""
    unknown = False
    for c in cls.lineage():
        if isinstance(c, External):
            kind = find_kind(c.name)
            if kind is not None:
                hook = torch_table.MODULE_BASES.get(c.name)
                if hook:
                    obj.flags.add("initialised_by_framework")
                    obj.flags.add(hook)
                return kind
            if c.name not in HARMLESS_BASES:
                unknown = True
        elif isinstance(c, Unknown):
            unknown = True
    if unknown and (cls.find("forward") or cls.find("call")):
        obj.flags.add("unknown_base")
        keras = cls.find("call") is not None and cls.find("forward") is None
        return keras_table.LAYERS["Layer"] if keras else torch_table.MODULES["Module"]
    return None


HARMLESS_BASES = {"builtins.object", "abc.ABC", "typing.Generic", "typing.NamedTuple"}


def finish_library_part(run: Run, obj: Obj) -> None:
    """What every module has before its constructor runs."""
    if obj.kind is not None:
        obj.args = obj.kind.bind([], {})
    if obj.kind is not None and obj.kind.role == "container":
        obj.items = ListValue([])
        obj.keys = []
        if obj.kind.extra == "init_weights":
            obj.flags.add("init_weights")


def make_library_object(run: Run, kind: Kind, args: Args, place: Place) -> Obj:
    obj = Obj(None, kind, {}, place, run.next(), repeated=run.repeat > 0, maker=run.frame.maker)
    finish_library_part(run, obj)
    run.session.objects.append(obj)
    obj.state["built_in"] = enclosing_blocks(run)
    library_init(run, obj, args, place)
    return obj


def enclosing_blocks(run: Run) -> tuple[tuple[Place, str], ...]:
    """Where a model's class built the blocks in whose constructors the code is now, the innermost first."""
    found = []
    for outer, frame in reversed(list(pairwise(run.frames))):
        func = frame.func
        if outer.maker is None or func is None or func.owner is None or func.name != "__init__" or frame.place is None:
            continue
        if frame.place != func.owner.place:
            found.append((frame.place, f"in the {func.owner.name} built here"))
    return tuple(found[:2])


def library_init(run: Run, obj: Obj, args: Args, place: Place) -> None:
    """Run the constructor of the library class that an object is or descends from."""
    kind = obj.kind
    assert kind is not None
    if kind.role == "container":
        _fill_container(run, obj, args)
        return
    if kind.framework == "keras":
        from actinit_lint.follow.keras_api import legacy_arguments

        args = legacy_arguments(run, kind, args, place)
    obj.args = kind.bind(args.pos, args.kw)
    names = [name for name, _ in kind.parameters]
    obj.arg_places = {**dict(zip(names, args.pos_places)), **args.kw_places}
    obj.open_args = args.open
    if kind.role == "module":
        if "_init_weights" in obj.flags and args.pos:
            run.store(obj.attrs, "config", args.pos[0])  # Hugging Face's base class keeps it
        if "init_weights" in obj.flags:  # mmengine's base class keeps it
            model = obj.cls is not None and any(name.endswith("BaseModel") for name in obj.cls.externals())
            position = int(model)  # a model's first argument prepares its data
            given = args.kw.get("init_cfg", args.pos[position] if len(args.pos) > position else None)
            run.store(obj.attrs, "init_cfg", given)
        if kind.name in ("Model", "Functional"):
            from actinit_lint.follow.keras_api import functional_model

            functional_model(run, obj, args)
        return
    if kind.framework == "torch":
        _make_torch_weights(run, obj, place)
        own = obj.cls.find("reset_parameters") if obj.cls is not None and kind.weights is not None else None
        if own is not None and isinstance(own[0], Func):  # the library's constructor calls it
            from actinit_lint.follow.calls import call_method

            call_method(run, obj, "reset_parameters", [], place)


def _fill_container(run: Run, obj: Obj, args: Args) -> None:
    """Children of Sequential, ModuleList, ModuleDict, from whichever spelling."""
    assert obj.items is not None
    items, keys = _children(run, args)
    if obj.kind is not None and obj.kind.framework == "keras":
        value = args.kw.get("layers")
        if value is not None:
            items, keys = _children_of(run, value)
        if args.kw.get("name") is not None:
            obj.args["name"] = args.kw["name"]
    run.assign(obj.items, "items", items)
    run.assign(obj, "keys", keys)
    if "init_weights" in obj.flags:
        run.store(obj.attrs, "init_cfg", args.kw.get("init_cfg"))
    first = args.pos[0] if len(args.pos) == 1 else args.kw.get("layers")
    if args.open or (isinstance(first, (DictValue, ListValue)) and first.open):
        run.assign(obj.items, "open", True)


def _children(run: Run, args: Args) -> tuple[list[Value], list[Value]]:
    if len(args.pos) == 1:
        return _children_of(run, args.pos[0])
    return list(args.pos), [str(i) for i in range(len(args.pos))]


def _children_of(run: Run, value: Value) -> tuple[list[Value], list[Value]]:
    from actinit_lint.follow.iteration import iterate

    if isinstance(value, DictValue):
        return list(value.items.values()), [str(k) for k in value.items]
    if isinstance(value, (ListValue, tuple)):
        items = list(value.items) if isinstance(value, ListValue) else list(value)
        listed = [tuple(i.items) if isinstance(i, ListValue) and not i.open else i for i in items]
        pairs = [i for i in listed if isinstance(i, tuple) and len(i) == 2 and isinstance(i[0], str)]
        if items and len(pairs) == len(items):
            return [i[1] for i in pairs], [i[0] for i in pairs]
        if isinstance(value, ListValue) and value.open and not items:
            return [Unknown("layers from a list of unknown content")], ["0"]
        return items, [str(i) for i in range(len(items))]
    if isinstance(value, Obj):
        if value.items is not None and value.kind is not None and value.kind.name in ("ModuleList", "ModuleDict"):
            return list(value.items.items), list(value.keys or [])
        return [value], ["0"]
    if value is None:
        return [], []
    if isinstance(value, (Unknown, OneOf)):
        if isinstance(value, OneOf) and all(isinstance(o, (Obj, type(None))) or o is ABSENT for o in value.options):
            return [value], ["0"]
        elements, _ = iterate(run, value, Place("", 0))
        return elements, [str(i) for i in range(len(elements))]
    return [value], ["0"]


# Weights ------------------------------------------------------------------------------------------


def _make_torch_weights(run: Run, obj: Obj, place: Place) -> None:
    kind = obj.kind
    assert kind is not None
    if kind.weights is None:
        return
    rows = kind.weights(obj.args, None)
    for row in rows:
        unsure = "unknown_base" in obj.flags
        initializer = OPAQUE if unsure else row.initializer
        parameter = Parameter(
            row.shape, (Write(initializer, place, kind="default"),), place, row.name, obj, row.role, raw=False
        )
        obj.attrs[row.name] = parameter
        run.session.parameters.append(parameter)
    has_bias = any(row.role == "bias" for row in rows)
    if not has_bias:
        obj.attrs["bias"] = None
    elif isinstance(obj.args.get("bias"), (Unknown, OneOf)):
        bias = obj.attrs.get("bias")
        if bias is not None:
            obj.attrs["bias"] = OneOf((bias, None))


#: Attributes of a Keras layer that exist only once it has been built.
KERAS_LAZY = frozenset(
    ["kernel", "bias", "recurrent_kernel", "embeddings", "weights", "depthwise_kernel", "pointwise_kernel"]
)


def keras_weight(run: Run, obj: Obj, name: str, place: Place) -> Value:
    return Unknown(f"{name} of a layer that is not built yet", place)


def replace_weight(run: Run, obj: Obj, name: str, value: Value, place: Place) -> None:
    """`layer.weight = nn.Parameter(...)`: another tensor, or the weight of another layer (tying)."""
    old = obj.attrs.get(name)
    for option in options(old):
        if isinstance(option, Parameter):
            old = option
            break
    if isinstance(value, Parameter):
        if value.owner is None or value.owner is obj:
            value.owner, value.name = obj, name
            if isinstance(old, Parameter):
                run.assign(value, "role", old.role)
                value.raw = False
                if value.shape is None:
                    value.shape = old.shape
        else:
            obj.flags.add("tied")
            if isinstance(value.owner, Obj):
                value.owner.flags.add("tied")
        run.store(obj.attrs, name, value)
        return
    if isinstance(value, (View, Unknown, Tensor)) and isinstance(old, Parameter):
        from actinit_lint.follow.writes import replace_data

        replace_data(run, old, value, place)
        return
    run.store(obj.attrs, name, value)


# Walking ------------------------------------------------------------------------------------------


def is_module(value: Value) -> bool:
    return isinstance(value, Obj) and value.kind is not None and value.kind.role not in ("initializer",)


def children(obj: Obj) -> Iterator[tuple[str, Obj]]:
    """Submodules by name, in the order they were set. Plain lists of layers count for Keras only, as there."""
    if obj.items is not None:
        keys = obj.keys or []
        for index, item in enumerate(obj.items.items):
            name = str(keys[index]) if index < len(keys) else str(index)
            for option in options(item):
                if is_module(option):
                    yield name, option
    keras = obj.kind is not None and obj.kind.framework == "keras"
    if obj.kind is not None and obj.kind.role == "wrapper" and is_module(obj.args.get("layer")):
        yield "", obj.args["layer"]  # known by the wrapper's own name
    for name, value in list(obj.attrs.items()):
        if value.__class__ not in HOLDING:  # most attributes are sizes and weights
            continue
        for option in options(value):
            if is_module(option):
                yield name, option
            elif keras and isinstance(option, (ListValue, tuple)):
                for index, item in enumerate(option.items if isinstance(option, ListValue) else option):
                    for inner in options(item):
                        if is_module(inner):
                            yield f"{name}.{index}", inner


def listed_children(obj: Obj) -> list[tuple[str, Value]]:
    """Children as a list has them: each module once, and one entry where the code leaves open which module it is."""
    entries: dict[str, list[Value]] = {}
    seen: set[int] = set()
    for name, module in children(obj):
        if id(module) not in seen:
            seen.add(id(module))
            entries.setdefault(name, []).append(module)
    return [(name, found[0] if len(found) == 1 else OneOf(tuple(found))) for name, found in entries.items()]


#: Values that are a module or may hold one.
HOLDING = frozenset({Obj, OneOf, ListValue, tuple, Fields})


def walk(obj: Obj) -> Iterator[tuple[str, Obj]]:
    """The object and all modules below, parents first, each once, with dotted names."""
    seen: set[int] = set()
    stack = [("", obj)]
    while stack:
        path, module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield path, module
        below = [(f"{path}.{name}" if path and name else path or name, child) for name, child in children(module)]
        stack.extend(reversed(below))


def contained(objects: Iterable[Obj]) -> set[int]:
    """Ids of the modules that lie somewhere below one of these objects."""
    inner: set[int] = set()
    seen: set[int] = set()
    stack = list(objects)
    while stack:
        module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        for _, child in children(module):
            if child is not module:
                inner.add(id(child))
                stack.append(child)
    return inner


def parameters(obj: Obj, recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
    seen: set[int] = set()
    for path, module in walk(obj) if recurse else [("", obj)]:
        values = list(module.attrs.items())
        if module.items is not None and module.kind is not None and module.kind.name.startswith("Parameter"):
            values += [(str(k), v) for k, v in zip(module.keys or [], module.items.items)]
        for name, value in values:
            for option in options(value):
                if isinstance(option, Parameter) and not option.buffer and id(option) not in seen:
                    seen.add(id(option))
                    yield (f"{path}.{name}" if path else name), option


def clone(run: Run, value: Value, memo: dict[int, Any] | None = None) -> Value:
    """`copy.deepcopy`: new objects with the same writes."""
    memo = {} if memo is None else memo
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, Obj):
        new = Obj(
            value.cls, value.kind, {}, value.place, run.next(), dict(value.args), dict(value.arg_places),
            repeated=value.repeated, open_args=value.open_args, frozen=value.frozen, maker=value.maker,
            flags=(set(value.flags) - {"template"}) | {"clone"},
        )  # fmt: skip
        memo[id(value)] = new
        new.attrs.update({name: clone(run, v, memo) for name, v in value.attrs.items()})
        new.items = clone(run, value.items, memo) if value.items is not None else None
        new.keys = list(value.keys) if value.keys is not None else None
        new.state = Attributes({"origin": value.number, **value.state})
        if new.kind is not None:
            run.session.objects.append(new)
        return new
    if isinstance(value, Parameter):
        copy = Parameter(
            value.shape, value.writes, value.place, value.name, None, value.role, value.trainable, value.raw,
            value.parametrized, value.buffer,
        )  # fmt: skip
        memo[id(value)] = copy
        copy.owner = memo.get(id(value.owner)) if value.owner is not None else None
        run.session.parameters.append(copy)
        return copy
    if isinstance(value, View):
        parameter = memo.get(id(value.parameter))
        if parameter is None:  # a copy of the numbers alone
            return View(value.parameter, data=True, part=value.part, copy=True, clone=True)
        return replace(value, parameter=parameter)
    if isinstance(value, ListValue):
        return ListValue([clone(run, v, memo) for v in value.items], value.kind, value.open)
    if isinstance(value, DictValue):
        return DictValue({k: clone(run, v, memo) for k, v in value.items.items()}, dict(value.places), value.open)
    if isinstance(value, tuple):
        return tuple(clone(run, v, memo) for v in value)
    if isinstance(value, OneOf):
        return OneOf(tuple(clone(run, v, memo) for v in value.options))
    return value


# Calling ------------------------------------------------------------------------------------------


def call_object(run: Run, obj: Obj, args: Args, place: Place) -> Value:
    from actinit_lint.follow.apply import apply_kind, data_arguments
    from actinit_lint.follow.calls import call_function

    obj.applied += 1
    if obj.cls is not None:
        for name in ("forward", "call", "__call__"):
            found = obj.cls.find(name)
            if found is not None and isinstance(found[0], Func):
                if obj.kind is not None:
                    args = data_arguments(run, args, place)
                    if obj.kind.framework == "keras":
                        from actinit_lint.follow.keras_api import build_custom

                        build_custom(run, obj, args, place)
                return call_function(run, found[0], args.with_first(obj, place), place)
    if obj.kind is not None:
        return apply_kind(run, obj, args, place)
    return Unknown(f"call of a {obj.label}")


def initializer_opaque(
    run: Run, obj: Obj, place: Place, initializer: Initializer = OPAQUE, recurse: bool = True
) -> None:
    """Weights of a module were loaded or filled by something that is not followed."""
    for _, parameter in parameters(obj, recurse):
        run.spend()
        if not parameter.writes or parameter.writes[-1].initializer is not initializer:
            run.assign(parameter, "writes", (*parameter.writes, Write(initializer, place)))
