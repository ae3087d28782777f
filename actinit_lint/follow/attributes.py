"""Attributes: reading, setting and deleting them on everything that a variable can hold."""

from __future__ import annotations

from typing import Any

from actinit_lint.follow import distributions
from actinit_lint.follow.fans import fan
from actinit_lint.follow.namespaces import METHODS, OPEN, holds_options, missing
from actinit_lint.follow.state import MISSING, Run
from actinit_lint.follow.values import (
    ABSENT,
    Args,
    Bound,
    ClassValue,
    Deferred,
    DictValue,
    External,
    Fields,
    Flow,
    Func,
    ListValue,
    Method,
    Obj,
    OneOf,
    Parameter,
    Partial,
    ProjectModule,
    Super,
    Tensor,
    Unknown,
    Value,
    View,
    options,
)
from actinit_lint.knowledge.kinds import spread
from actinit_lint.knowledge.names import canonical
from actinit_lint.model import Place


def get_attribute(run: Run, owner: Value, name: str, place: Place) -> Value:
    getter = GETTERS.get(owner.__class__)
    if getter is not None:
        return getter(run, owner, name, place)
    return Method(owner, name, place)  # numbers, texts, tuples


def _external(run: Run, owner: External, name: str, place: Place) -> Value:
    from actinit_lint.follow.library import CONSTANTS, keras_initializer
    from actinit_lint.follow.modules import find_kind

    if name == "__name__":
        return owner.name.rsplit(".", 1)[-1]
    if name == "from_config" and (keras_initializer(owner.name) is not None or find_kind(owner.name) is not None):
        return Method(owner, name, place)
    full = canonical(f"{owner.name}.{name}")
    return CONSTANTS.get(full) if full in CONSTANTS else External(full)


def _module(run: Run, owner: ProjectModule, name: str, place: Place) -> Value:
    value = owner.scope.vars.get(name, MISSING)
    if value is not MISSING:
        return value
    found = run.load(f"{owner.name}.{name}" if owner.name else name, 0, owner)
    if found is not None:
        return found
    if owner.busy:
        return Deferred(owner, name)
    return Unknown(f"{name} is not defined in {owner.name or 'this file'}")


def _bind(run: Run, found: Value, self_value: Value, place: Place) -> Value:
    if isinstance(found, Func):
        if found.kind == "static":
            return found
        if found.kind == "property":
            from actinit_lint.follow.calls import call

            return call(run, Bound(found, self_value), Args(), place)
        if found.kind == "class" and isinstance(self_value, Obj):
            return Bound(found, self_value.cls)
        return Bound(found, self_value)
    return found


def _class(run: Run, owner: ClassValue, name: str, place: Place) -> Value:
    found = owner.find(name)
    if found is not None:
        value = found[0]
        if isinstance(value, Func) and value.kind == "class":
            return Bound(value, owner)
        return value
    if name == "__name__" or name == "__qualname__":
        return owner.name
    externals = owner.externals()
    if name == "apply" and "torch.autograd.Function" in externals and owner.find("forward") is not None:
        return _autograd(owner, place)
    if externals:
        return External(f"{externals[0]}.{name}")
    return Unknown(f"attribute {name} of {owner.name} is not set")


def _autograd(owner: ClassValue, place: Place) -> Value:
    """`Function.apply`: its forward pass, whose first parameter only keeps things for the backward pass."""
    found = owner.find("forward")
    args = Args()
    args.add(External("torch.autograd.function.FunctionCtx()"), place)
    return Partial(found[0], args, place) if found is not None else None


def _object(run: Run, owner: Obj, name: str, place: Place) -> Value:
    value = owner.attrs.get(name, MISSING)
    if value is not MISSING:
        return value
    if owner.cls is not None:
        found = owner.cls.find(name)
        if found is not None:
            return _bind(run, found[0], owner, place)
    if name == "__class__":
        from actinit_lint.follow.builtin import note_test

        note_test(run, owner, place)
        return owner.cls if owner.cls is not None else External(kind_name(owner))
    if owner.kind is not None:
        if name in owner.args:
            torch_layer = owner.kind.framework == "torch" and owner.kind.role == "layer"
            if torch_layer and (name in SIZES or name == "kernel_size"):
                return size_attribute(owner, name)
            return owner.args[name]
        from actinit_lint.follow.modules import KERAS_LAZY, keras_weight

        if owner.kind.framework == "keras" and name in KERAS_LAZY:
            return keras_weight(run, owner, name, place)
        if name in ("_modules", "_parameters"):
            from actinit_lint.follow.modules import listed_children, parameters

            return DictValue(dict(listed_children(owner) if name == "_modules" else parameters(owner, recurse=False)))
        if name in ("_all_weights", "all_weights") and owner.kind.role == "recurrent":
            return _by_layer(owner, named=name == "_all_weights")
        if name == "module":
            return owner  # seen through a wrapper such as DataParallel
        if name == "training":
            return Unknown("training or evaluation")
        if owner.keys is not None and name in owner.keys and owner.items is not None:
            return owner.items.items[owner.keys.index(name)]
        return Method(owner, name, place)
    asked = owner.cls.find("__getattr__") if owner.cls is not None and not name.startswith("__") else None
    if asked is not None and isinstance(asked[0], Func):
        from actinit_lint.follow.calls import call_method

        return call_method(run, owner, "__getattr__", [name], place)
    if owner.cls is not None and not owner.cls.externals() and not owner.cls.has_unknown_base:
        return Unknown(f"attribute {name} of {owner.label} is not set")
    if holds_options(owner) and name not in METHODS:
        return missing(owner, name)
    return Method(owner, name, place)


def _by_layer(owner: Obj, named: bool) -> Value:
    """The parameters of a recurrent layer of torch, or their names, in a list for each layer and direction."""
    from actinit_lint.follow.modules import parameters

    groups: dict[str, list[Value]] = {}
    for name, parameter in parameters(owner, recurse=False):
        groups.setdefault(name.partition("_l")[2], []).append(name if named else parameter)
    return ListValue([ListValue(group) for group in groups.values()])


def kind_name(owner: Obj) -> str:
    """The canonical library name of an object's kind."""
    if owner.kind is None:
        return "builtins.object"
    if owner.kind.role == "initializer":
        return f"keras.initializers.{owner.state.get('name')}"
    prefix = "torch.nn" if owner.kind.framework == "torch" else "keras.layers"
    name = owner.kind.name
    if owner.applied:  # a lazy layer has become one of the usual kind
        name = name.removeprefix("Lazy")
    return canonical(f"{prefix}.{name}")


def _super(run: Run, owner: Super, name: str, place: Place) -> Value:
    cls = owner.self.cls if isinstance(owner.self, Obj) else owner.self
    if isinstance(cls, ClassValue):
        found = cls.find(name, after=owner.after)
        if found is not None:
            return _bind(run, found[0], owner.self, place)
    return Method(owner, name, place)


#: What a parameter's attribute is, where it says something about its size.
def shape_value(shape: tuple[int | None, ...] | None) -> Value:
    if shape is None:
        return Unknown("size of a tensor")
    return tuple(Unknown("size of a tensor") if s is None else s for s in shape)


def parameter_shape(parameter: Parameter) -> Value:
    """The shape of a parameter; the sizes of a library layer's matrix are its fans."""
    shape = shape_value(parameter.shape)
    if isinstance(shape, tuple) and not parameter.raw and parameter.role == "kernel":
        if len(shape) == 2:
            return (fan(shape[0], "out"), fan(shape[1], "in"))
        return tuple(fan(s, "mixed") for s in shape)
    return shape


#: Attributes of a layer that are its sizes.
SIZES = {"in_features": "in", "out_features": "out", "in_channels": "mixed", "out_channels": "mixed"}


def size_attribute(owner: Obj, name: str) -> Value:
    """`m.in_features`, `m.kernel_size` ...: sizes of a torch layer, marked as such."""
    value = owner.args[name]
    if name == "kernel_size" and owner.kind is not None and owner.kind.name[-2:] in ("1d", "2d", "3d"):
        sizes = spread(value, int(owner.kind.name[-2]))
        return tuple(Unknown("size of a kernel") if s is None else fan(s, "mixed") for s in sizes)
    return fan(value, SIZES[name])


def _parameter(run: Run, owner: Parameter, name: str, place: Place) -> Value:
    if name in ("data", "value"):
        return View(owner, data=True)
    if name in ("T", "mT", "H"):
        return View(owner, transposed=True)
    if name == "shape":
        return parameter_shape(owner)
    if name == "ndim":
        return len(owner.shape) if owner.shape is not None else Unknown("size of a tensor")
    if name == "requires_grad":
        return owner.trainable
    if name in ("dtype", "device", "grad", "is_leaf"):
        return Unknown(f"{name} of a parameter")
    return Method(owner, name, place)


def _view(run: Run, owner: View, name: str, place: Place) -> Value:
    if name in ("data", "value"):
        return View(owner.parameter, True, owner.part, owner.copy, owner.transposed)
    if name in ("T", "mT"):
        return View(owner.parameter, owner.data, owner.part, owner.copy, not owner.transposed, index=owner.index)
    if name in ("shape", "ndim", "dtype", "device", "grad", "requires_grad") and not owner.part:
        return _parameter(run, owner.parameter, name, place)
    return Method(owner, name, place)


def _flow(run: Run, owner: Flow, name: str, place: Place) -> Value:
    if owner.info.get("distribution"):
        return distributions.attribute(run, owner, name, place)
    if name == "shape":
        return Unknown("size of the data")
    if name in ("T", "mT", "data", "real", "values", "logits", "last_hidden_state", "sample"):
        return run.flow(Flow("pass", [owner], place, name=name))
    if name in ("ndim", "device", "dtype", "requires_grad", "grad", "is_cuda", "grad_fn", "batch_size"):
        return Unknown(f"{name} of the data")
    if name in owner.info.get("named", {}):
        return owner.info["named"][name]
    return Method(owner, name, place)


def _tensor(run: Run, owner: Tensor, name: str, place: Place) -> Value:
    if name == "shape":
        return shape_value(owner.shape)
    if name == "ndim":
        return len(owner.shape) if owner.shape is not None else Unknown("size of a tensor")
    if name == "data":
        return owner
    if name in ("T", "mT"):
        return Tensor(owner.initializer, None, owner.place, owner.also)
    if name in ("dtype", "device", "requires_grad", "grad"):
        return Unknown(f"{name} of a tensor")
    return Method(owner, name, place)


def _one_of(run: Run, owner: OneOf, name: str, place: Place) -> Value:
    known = [o for o in owner.options if o is not None and o is not ABSENT]
    return run.join([get_attribute(run, option, name, place) for option in known])


def _unknown(run: Run, owner: Unknown, name: str, place: Place) -> Value:
    return owner.parts[name] if owner.parts is not None and name in owner.parts else owner.part(name)


def _func(run: Run, owner: Func, name: str, place: Place) -> Value:
    if name in ("__name__", "__qualname__"):
        return owner.name
    return Method(owner, name, place)


def _partial(run: Run, owner: Partial, name: str, place: Place) -> Value:
    if name == "func":
        return owner.func
    if name == "keywords":
        return DictValue(dict(owner.args.kw), dict(owner.args.kw_places))
    return Unknown(f"{name} of a partial")


def _bound(run: Run, owner: Bound, name: str, place: Place) -> Value:
    if name == "__name__":
        return owner.func.name
    if name == "__self__":
        return owner.self
    if name == "__func__":
        return owner.func
    return Unknown(f"{name} of a method")


def _mapping(run: Run, owner: DictValue, name: str, place: Place) -> Value:
    if "." in name:
        return Unknown("item of a dictionary")
    return Method(owner, name, place)


def _fields(run: Run, owner: Fields, name: str, place: Place) -> Value:
    return owner[owner.names.index(name)] if name in owner.names else Method(owner, name, place)


def _none(run: Run, owner: None, name: str, place: Place) -> Value:
    return Unknown(f"{name} of None")


GETTERS: dict[type, Any] = {
    External: _external,
    ProjectModule: _module,
    ClassValue: _class,
    Obj: _object,
    Super: _super,
    Parameter: _parameter,
    View: _view,
    Flow: _flow,
    Tensor: _tensor,
    OneOf: _one_of,
    Unknown: _unknown,
    Func: _func,
    Partial: _partial,
    Bound: _bound,
    DictValue: _mapping,
    Fields: _fields,
    type(None): _none,
}


def set_attribute(run: Run, owner: Value, name: str, value: Value, place: Place) -> None:
    if isinstance(owner, Obj):
        _set_on_object(run, owner, name, value, place)
    elif isinstance(owner, (Parameter, View)):
        from actinit_lint.follow.writes import replace_data, set_trainable

        if name == "data":
            replace_data(run, owner, value, place)
        elif name == "requires_grad":
            set_trainable(run, owner, value)
    elif isinstance(owner, ClassValue):
        run.store(owner.attrs, name, value)
    elif isinstance(owner, OneOf):
        for option in owner.options:
            if option is not None and option is not ABSENT:
                set_attribute(run, option, name, value, place)
    elif isinstance(owner, ProjectModule):
        run.store(owner.scope.vars, name, value)
    elif isinstance(owner, Unknown):
        if owner.parts is None:
            owner.parts = {}
        run.store(owner.parts, name, value)  # `model.fc = nn.Linear(...)` of a model that is not followed


def _set_on_object(run: Run, owner: Obj, name: str, value: Value, place: Place) -> None:
    from actinit_lint.follow.modules import replace_weight
    from actinit_lint.follow.subscripts import set_item

    if isinstance(value, Parameter) and (value.owner is None or (value.owner is owner and not value.name)):
        value.owner, value.name = owner, name
    elif isinstance(value, Obj):
        value.state.setdefault("attribute", name)
    if name in ("weight", "bias") and owner.kind is not None and owner.kind.weights is not None:
        replace_weight(run, owner, name, value, place)
        return
    if owner.kind is not None and owner.kind.framework == "keras" and name == "trainable":
        run.assign(owner, "frozen", value is False)
        return
    if owner.items is not None and owner.keys is not None and owner.kind is not None:
        if owner.kind.framework == "torch" and any(isinstance(o, Obj) and o.kind is not None for o in options(value)):
            set_item(run, owner, name, value, place)  # `self.conv = ...` in a subclass of Sequential is a child
            return
    run.store(owner.attrs, name, value)


def delete_attribute(run: Run, owner: Value, name: str) -> None:
    if isinstance(owner, Obj):
        run.remove(owner.attrs, name)


def has_attribute(run: Run, owner: Value, name: str) -> bool | None:
    """What `hasattr` answers; None when it is not known."""
    if isinstance(owner, Obj):
        if name in owner.attrs or (owner.cls is not None and owner.cls.find(name) is not None):
            return True
        if holds_options(owner) and OPEN in owner.flags:
            return None
        if owner.kind is None:
            return None if owner.cls is not None and (owner.cls.has_unknown_base or owner.cls.externals()) else False
        if name in owner.args:
            return True
        if owner.cls is not None and (owner.cls.has_unknown_base or "unknown_base" in owner.flags):
            return None
        bases = owner.cls.externals() if owner.cls is not None else [kind_name(owner)]
        if "init" in name and all(base.startswith(("torch.nn.", "builtins.", "abc.")) for base in bases):
            return False  # no class of torch.nn has a method like `init_weights`
        if name in ("weight", "bias", "reset_parameters", "kernel_size", "in_features", "weight_v", "weight_g"):
            return name == "reset_parameters" and owner.kind.weights is not None
        return None
    if isinstance(owner, Parameter):
        return name in ("data", "shape", "dim", "grad", "fill_", "requires_grad") or None
    if isinstance(owner, ListValue):
        return name in ("append", "__iter__", "__len__") or None
    if isinstance(owner, ClassValue) and owner.find(name) is not None:
        return True
    return None
