"""OpenMMLab: layers made from configurations, classes in registries, and initialisation by `init_cfg`.

Sources: mmcv 2.2 (cnn/bricks/conv_module.py, norm.py, activation.py, wrappers.py) and mmengine 0.10
(model/base_module.py, model/weight_init.py, registry/registry.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from actinit_lint.follow.calls import call, call_method
from actinit_lint.follow.modules import children, make_library_object, parameters, walk
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    Args,
    ClassValue,
    DictValue,
    External,
    Func,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    Unknown,
    Value,
)
from actinit_lint.follow.writes import write
from actinit_lint.knowledge import torch as table
from actinit_lint.knowledge.initializers import LAYER_HELPERS, number
from actinit_lint.model import Place
from actinit_lint.reference.normal_form import LOADED, OPAQUE, constant

#: Layers by the names of mmcv's registry, where these are not torch's own.
LAYERS = {
    "Conv": "Conv2d", "deconv": "ConvTranspose2d", "deconv3d": "ConvTranspose3d",
    "BN": "BatchNorm2d", "BN1d": "BatchNorm1d", "BN2d": "BatchNorm2d", "BN3d": "BatchNorm3d", "SyncBN": "SyncBatchNorm",
    "GN": "GroupNorm", "LN": "LayerNorm", "IN": "InstanceNorm2d", "IN1d": "InstanceNorm1d", "IN2d": "InstanceNorm2d",
    "LN2d": "LayerNorm", "Swish": "SiLU", "HSwish": "Hardswish", "HSigmoid": "Hardsigmoid", "DropPath": "Dropout",
}  # fmt: skip
#: What a norm layer is called in its parent: `build_norm_layer` returns this name too.
ABBREVIATIONS = {"batch": "bn", "group": "gn", "layer": "ln", "instance": "in"}


def _config(value: Value) -> DictValue | None:
    return value if isinstance(value, DictValue) and isinstance(value.items.get("type"), (str, ClassValue)) else None


def _without_type(cfg: DictValue, place: Place) -> Args:
    args = Args()
    for name, value in cfg.items.items():
        if isinstance(name, str) and name not in ("type", "_scope_"):
            args.set(name, value, cfg.places.get(name, place))
    args.open = cfg.open
    return args


def build(run: Run, cfg: Value, given: Args, place: Place) -> Value | None:
    """An object from `dict(type="Name", ...)`: of a registered class of the project, or a layer of torch."""
    config = _config(cfg)
    if config is None:
        return None
    args = _without_type(config, place)
    args.pos, args.pos_places = list(given.pos), list(given.pos_places)
    for name, value in given.kw.items():
        args.set(name, value, given.kw_places[name])
    name = config.items["type"]
    cls = name if isinstance(name, ClassValue) else run.registry.get(name.rsplit(".", 1)[-1])
    if cls is not None:
        return call(run, cls, args, place)
    if name.rsplit(".", 1)[-1] == "ConvModule":
        return conv_module(run, args, place)
    kind = table.MODULES.get(LAYERS.get(str(name), str(name)))
    if kind is None or kind.role in ("module", "container"):
        return None
    return make_library_object(run, kind, args, place)


def _tail(args: Args, start: int, *drop: str) -> Args:
    out = Args()
    out.pos, out.pos_places = args.pos[start:], args.pos_places[start:]
    out.kw = {k: v for k, v in args.kw.items() if k not in drop}
    out.kw_places, out.open = args.kw_places, args.open
    return out


def build_from_config(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """`MODELS.build(cfg, ...)`, `build_head(cfg, ...)`: something unknown that is given a configuration."""
    if name != "build" and not name.startswith("build_"):
        return None
    first = args.pos[0] if args.pos else args.kw.get("cfg")
    return build(run, first, _tail(args, 1, "cfg"), place)


def _conv_layer(run: Run, args: Args, place: Place) -> Value:
    cfg = args.pos[0] if args.pos else args.kw.get("cfg")
    rest = _tail(args, 1, "cfg")
    if cfg is None:
        return make_library_object(run, table.MODULES["Conv2d"], rest, place)
    made = build(run, cfg, rest, place)
    return Unknown("a layer from an unknown configuration") if made is None else made


def _norm_layer(run: Run, args: Args, place: Place) -> Value:
    cfg = args.pos[0] if args.pos else args.kw.get("cfg")
    postfix = args.kw.get("postfix", args.pos[2] if len(args.pos) > 2 else "")
    rest = Args()
    config = _config(cfg)
    if config is not None and config.items["type"] != "GN":
        rest = _tail(args, 1, "cfg", "postfix")
        rest.pos, rest.pos_places = rest.pos[:1], rest.pos_places[:1]
        rest.kw = {k: v for k, v in rest.kw.items() if k != "num_features"}
    made = build(run, cfg, rest, place)
    if not isinstance(made, Obj) or made.kind is None:
        return (Unknown("a name from an unknown configuration"), Unknown("a norm from an unknown configuration"))
    short = ABBREVIATIONS.get(made.kind.norm or "", "norm")
    return (f"{short}{postfix}" if isinstance(postfix, (str, int)) else short, made)


def _from_config(run: Run, args: Args, place: Place) -> Value:
    cfg = args.pos[0] if args.pos else args.kw.get("cfg")
    if cfg is None:
        return make_library_object(run, table.MODULES["Identity"], Args(), place)
    made = build(run, cfg, Args(), place)
    return Unknown("a layer from an unknown configuration") if made is None else made


#: mmcv's ConvModule, by position.
CONV_MODULE = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias",
               "conv_cfg", "norm_cfg", "act_cfg", "inplace")  # fmt: skip


def conv_module(run: Run, args: Args, place: Place) -> Value:
    """mmcv's ConvModule: a convolution, perhaps a norm and an activation; Kaiming by fan-out unless told otherwise."""
    given = {**dict(zip(CONV_MODULE, args.pos)), **args.kw}
    if args.open or ("order" in given and given["order"] != ("conv", "norm", "act")):
        return Unknown("a ConvModule with unknown arguments")
    norm_cfg = given.get("norm_cfg")
    act_cfg = given.get("act_cfg", DictValue({"type": "ReLU"}))
    if any(isinstance(cfg, (Unknown, OneOf)) for cfg in (norm_cfg, act_cfg, given.get("conv_cfg"))):
        return Unknown("a ConvModule from an unknown configuration")
    sizes = Args()
    for name in ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"):
        if name in given:
            sizes.set(name, given[name], place)
    bias = given.get("bias", "auto")
    sizes.set("bias", norm_cfg is None if bias == "auto" else bias, place)
    cfg = Args()
    cfg.add(given.get("conv_cfg"), place)
    cfg.kw, cfg.kw_places = sizes.kw, sizes.kw_places
    conv = _conv_layer(run, cfg, place)
    parts: list[tuple[str, Value]] = [("conv", conv)]
    if norm_cfg is not None:
        width = Args()
        width.add(norm_cfg, place)
        width.add(given.get("out_channels"), place)
        parts.append(_norm_layer(run, width, place))
    if act_cfg is not None:
        step = Args()
        step.add(act_cfg, place)
        parts.append(("activate", _from_config(run, step, place)))
    own = None
    if isinstance(conv, Obj) and conv.kind is not None and conv.kind.weights is not None and conv.cls is None:
        leaky = isinstance(act_cfg, DictValue) and act_cfg.items.get("type") == "LeakyReLU"
        slope = act_cfg.items.get("negative_slope", 0.01) if leaky else 0
        conv.maker = f"ConvModule {conv.number}"  # made by a part of its own, which meets others by design
        own = {"a": slope, "nonlinearity": "leaky_relu" if leaky else "relu"}
    whole = Args()
    whole.add(ListValue(parts), place)
    made = make_library_object(run, table.MODULES["Sequential"], whole, place)
    if own is not None:
        made.state["own_init"] = own
        _init_conv_module(run, made, place)
    return made


def _init_conv_module(run: Run, module: Obj, place: Place) -> None:
    """`ConvModule.init_weights()`, which its constructor and its parents call: Kaiming for the convolution."""
    assert module.items is not None
    conv = module.items.items[0]
    if isinstance(conv, Obj):
        _fill(run, conv, "kaiming_init", module.state["own_init"], place)


# Initialisation by configuration ------------------------------------------------------------------

#: mmengine's initialisers by the `type` of a configuration -> the helper that they call.
INITIALIZERS = {
    "Normal": "normal_init",
    "Xavier": "xavier_init",
    "Kaiming": "kaiming_init",
    "Constant": "constant_init",
    "TruncNormal": "trunc_normal_init",
    "Uniform": "uniform_init",
    "Caffe2Xavier": "caffe2_xavier_init",
}


def _fill(run: Run, module: Obj, helper: str, given: dict[str, Value], place: Place) -> None:
    row = LAYER_HELPERS[f"mmengine.model.{helper}"]
    bound = {**dict(row.parameters), **{k: v for k, v in given.items() if k in dict(row.parameters)}}
    weight, bias = module.attrs.get("weight"), module.attrs.get("bias")
    if isinstance(weight, Parameter):
        write(run, weight, row.build(bound), place, kind="argument")
    if bias is not None:
        value = Unknown("a bias from a probability") if "bias_prob" in given else bound.get("bias", 0)
        write(run, bias, constant(number(value)), place, kind="argument")


def initialise(run: Run, owner: Obj) -> None:
    """`BaseModule.init_weights()`, which the runner calls: the own `init_cfg`, then the children that have it too."""
    config = owner.attrs.get("init_cfg")
    place = owner.cls.place if owner.cls is not None and owner.cls.place is not None else owner.place
    configs = list(_configs(config)) if config is not None else []
    for cfg in configs:
        if cfg is None:
            _opaque(run, owner, place)
        elif cfg.items["type"] != "Pretrained":
            _apply(run, owner, cfg, place)
    for _, child in list(children(owner)):
        init_weights(run, child)
    if any(cfg is not None and cfg.items["type"] == "Pretrained" for cfg in configs):
        _opaque(run, owner, place, loaded=True)


def init_weights(run: Run, module: Obj) -> None:
    """What a parent does with a direct child: call its `init_weights`, its own or the base class's, if it has one.

    Children in torch's own containers are not reached, those in mmengine's are. Only mmengine's classes remember that
    they have been initialised.
    """
    if "own_init" in module.state:
        _init_conv_module(run, module, module.place)
        return
    if "initialised" in module.flags:
        return
    own = module.cls.find("init_weights") if module.cls is not None else None
    if "init_weights" in module.flags:
        module.flags.add("initialised")
    elif own is None:
        return
    if own is not None and isinstance(own[0], Func):
        call_method(run, module, "init_weights", [], own[0].place)
    else:
        initialise(run, module)


def _configs(config: Value) -> Iterator[DictValue | None]:
    """The configurations one by one; None for one that is not known."""
    if isinstance(config, (ListValue, tuple)):
        for item in config.items if isinstance(config, ListValue) else config:
            yield _config(item)
    else:
        yield _config(config)


def _opaque(run: Run, owner: Obj, place: Place, loaded: bool = False) -> None:
    for _, parameter in parameters(owner):
        write(run, parameter, LOADED if loaded else OPAQUE, place, kind="argument")


def _apply(run: Run, owner: Obj, cfg: DictValue, place: Place) -> None:
    helper = INITIALIZERS.get(str(cfg.items["type"]).removesuffix("Init"))
    if helper is None or cfg.open:
        _opaque(run, owner, place)
        return
    at = next(iter(cfg.places.values()), place)
    layers = _names(cfg.items.get("layer"))
    _each(run, owner, lambda module: bool(layers & _classes(module)), helper, cfg, at)
    override = cfg.items.get("override")
    if override is None:
        return
    for other in override.items if isinstance(override, ListValue) else [override]:
        name = other.items.get("name") if isinstance(other, DictValue) else None
        target = owner.attrs.get(name) if isinstance(name, str) else None
        if not isinstance(target, Obj):
            continue
        own = INITIALIZERS.get(str(other.items.get("type", cfg.items["type"])).removesuffix("Init"))
        source = other if "type" in other.items else cfg
        if own is None:
            _opaque(run, target, at)
        else:
            _each(run, target, lambda module: True, own, source, at)


def _each(run: Run, owner: Obj, chosen: Callable[[Obj], bool], helper: str, cfg: DictValue, place: Place) -> None:
    """Fill the chosen modules below."""
    given = {str(k): v for k, v in cfg.items.items()}
    for _, module in walk(owner):
        if module.kind is not None and module.kind.weights is not None and chosen(module):
            _fill(run, module, helper, given, place)


def _names(value: Value) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    items = value.items if isinstance(value, ListValue) else value if isinstance(value, tuple) else ()
    return frozenset(v for v in items if isinstance(v, str))


def _classes(module: Obj) -> set[str]:
    """The names that mmengine knows a module's class by: its own and its bases'."""
    names = {module.kind.name} if module.kind is not None else set()
    if module.cls is not None:
        names |= {c.name.rsplit(".", 1)[-1] for c in module.cls.lineage() if isinstance(c, (ClassValue, External))}
    if module.kind is not None and module.kind.name.startswith("Conv"):
        names.add("_ConvNd")
    return names


def _is_norm(run: Run, args: Args, place: Place) -> Value:
    layer = args.pos[0] if args.pos else args.kw.get("layer")
    if not isinstance(layer, Obj) or args.pos[1:] or args.kw.get("exclude") is not None:
        return Unknown("whether something is a norm")
    return layer.kind is not None and layer.kind.role == "norm"


#: mmcv's functions and classes, by their last names.
FUNCTIONS: dict[str, Callable[[Run, Args, Place], Value]] = {
    "ConvModule": conv_module,
    "build_conv_layer": _conv_layer,
    "build_norm_layer": _norm_layer,
    "build_activation_layer": _from_config,
    "build_dropout": _from_config,
    "build_padding_layer": _from_config,
    "is_norm": _is_norm,
}
