"""OpenMMLab: layers made from configurations, and classes in registries.

Sources: mmcv 2.2 (cnn/bricks/conv_module.py, norm.py, activation.py, wrappers.py) and mmengine 0.10
(registry/registry.py).
"""

from __future__ import annotations

from collections.abc import Callable

from actinit_lint.follow.calls import call
from actinit_lint.follow.init_cfg import as_config, init_conv_module
from actinit_lint.follow.modules import make_library_object
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    Args,
    ClassValue,
    DictValue,
    ListValue,
    Obj,
    OneOf,
    Unknown,
    Value,
)
from actinit_lint.knowledge import torch as table
from actinit_lint.knowledge.kinds import Kind
from actinit_lint.model import Place

#: Layers by the names of mmcv's registry, where these are not torch's own.
LAYERS = {
    "Conv": "Conv2d", "deconv": "ConvTranspose2d", "deconv3d": "ConvTranspose3d",
    "BN": "BatchNorm2d", "BN1d": "BatchNorm1d", "BN2d": "BatchNorm2d", "BN3d": "BatchNorm3d", "SyncBN": "SyncBatchNorm",
    "GN": "GroupNorm", "LN": "LayerNorm", "IN": "InstanceNorm2d", "IN1d": "InstanceNorm1d", "IN2d": "InstanceNorm2d",
    "LN2d": "LayerNorm", "Swish": "SiLU", "HSwish": "Hardswish", "HSigmoid": "Hardsigmoid", "DropPath": "Dropout",
}  # fmt: skip
#: Classes of mmcv that are blocks with weights of their own: another layer to all that comes before them. Sources:
#: mmcv/cnn/bricks/transformer.py, mmcv/ops.
BLOCKS = frozenset(["FFN", "MultiheadAttention", "MultiScaleDeformableAttention", "DeformConv2dPack",
                    "ModulatedDeformConv2dPack", "DCN", "DCNv2", "MaskedConv2d", "SAConv2d", "CARAFEPack"])  # fmt: skip
BLOCK = Kind("Block", "torch", "attention")
#: Convolutions that are told at each place where to look, and how much.
DEFORMABLE = frozenset(["DeformConv2d", "ModulatedDeformConv2d"])
DEFORMABLE_BLOCK = Kind("Block", "torch", "attention", extra="deformable")
#: A trained number, or one for each channel, times the data (mmcv/cnn/bricks/scale.py).
SCALE = Kind("Scale", "torch", "scale")
#: What a norm layer is called in its parent: `build_norm_layer` returns this name too.
ABBREVIATIONS = {"batch": "bn", "group": "gn", "layer": "ln", "instance": "in"}


def _without_type(cfg: DictValue, place: Place) -> Args:
    args = Args()
    for name, value in cfg.items.items():
        if isinstance(name, str) and name not in ("type", "_scope_"):
            args.set(name, value, cfg.places.get(name, place))
    args.open = cfg.open
    return args


def build(run: Run, cfg: Value, given: Args, place: Place) -> Value | None:
    """An object from `dict(type="Name", ...)`: of a registered class of the project, or a layer of torch."""
    config = as_config(cfg)
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
    last = name.rsplit(".", 1)[-1]
    if last in FUNCTIONS and last[0].isupper():
        return FUNCTIONS[last](run, args, place)
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
    config = as_config(cfg)
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
    order = given.get("order", ("conv", "norm", "act"))
    if args.open or not isinstance(order, tuple) or set(order) != {"conv", "norm", "act"}:
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
    parts: dict[str, tuple[str, Value]] = {"conv": ("conv", conv)}
    if norm_cfg is not None:
        width = Args()
        width.add(norm_cfg, place)
        late = order.index("norm") > order.index("conv")
        width.add(given.get("out_channels" if late else "in_channels"), place)
        parts["norm"] = _norm_layer(run, width, place)
    if act_cfg is not None:
        step = Args()
        step.add(act_cfg, place)
        parts["act"] = ("activate", _from_config(run, step, place))
    own = None
    if isinstance(conv, Obj) and conv.kind is not None and conv.kind.weights is not None and conv.cls is None:
        leaky = isinstance(act_cfg, DictValue) and act_cfg.items.get("type") == "LeakyReLU"
        slope = act_cfg.items.get("negative_slope", 0.01) if leaky else 0
        conv.maker = f"ConvModule {conv.number}"  # made by a part of its own, which meets others by design
        own = {"a": slope, "nonlinearity": "leaky_relu" if leaky else "relu"}
    if isinstance(conv, Obj) and given.get("with_spectral_norm", False) is not False:
        conv.flags.add("scale_free")
    made = _sequence(run, [parts[name] for name in order if name in parts], place)
    if isinstance(conv, Obj) and own is not None:
        made.state["own_init"] = (conv, own)
        init_conv_module(run, made, place)
    return made


def _sequence(run: Run, parts: list[tuple[str, Value]], place: Place) -> Obj:
    whole = Args()
    whole.add(ListValue(parts), place)
    return make_library_object(run, table.MODULES["Sequential"], whole, place)


def _depthwise_separable(run: Run, args: Args, place: Place) -> Value:
    """mmcv's DepthwiseSeparableConvModule: a ConvModule for each channel, and a pointwise one."""
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "norm_cfg", "act_cfg",
             "dw_norm_cfg", "dw_act_cfg", "pw_norm_cfg", "pw_act_cfg")  # fmt: skip
    given = {**dict(zip(names, args.pos)), **args.kw}
    if args.open:
        return Unknown("a DepthwiseSeparableConvModule with unknown arguments")
    rest = {name: value for name, value in given.items() if name not in names}
    own: dict[str, Value] = {key: given[key] for key in ("stride", "padding", "dilation") if key in given}
    parts: list[tuple[str, Value]] = []
    width = given.get("in_channels")
    depthwise: dict[str, Value] = {"out_channels": width, "groups": width, **own}
    pointwise: dict[str, Value] = {"out_channels": given.get("out_channels"), "kernel_size": 1}
    for short, name, sizes in (("dw", "depthwise_conv", depthwise), ("pw", "pointwise_conv", pointwise)):
        step = Args()
        for key in ("norm_cfg", "act_cfg"):
            value = given.get(f"{short}_{key}", "default")
            if value != "default" or key in given:
                step.set(key, given.get(key) if value == "default" else value, place)
        for key, value in {**rest, "in_channels": width, **sizes}.items():
            step.set(key, value, place)
        step.kw.setdefault("kernel_size", given.get("kernel_size"))
        parts.append((name, conv_module(run, step, place)))
    return _sequence(run, parts, place)


def _upsample_layer(run: Run, args: Args, place: Place) -> Value:
    """`build_upsample_layer`: interpolation, or a transposed convolution."""
    cfg = args.pos[0] if args.pos else args.kw.get("cfg")
    config = as_config(cfg)
    if config is not None and config.items["type"] in ("nearest", "bilinear"):
        return make_library_object(run, table.MODULES["Upsample"], Args(), place)
    made = build(run, cfg, _tail(args, 1, "cfg"), place)
    return Unknown("a layer from an unknown configuration") if made is None else made


def _block(run: Run, args: Args, place: Place) -> Value:
    return make_library_object(run, BLOCK, args, place)


def _deformable(run: Run, args: Args, place: Place) -> Value:
    return make_library_object(run, DEFORMABLE_BLOCK, args, place)


def _scale(run: Run, args: Args, place: Place) -> Value:
    return make_library_object(run, SCALE, args, place)


def _is_norm(run: Run, args: Args, place: Place) -> Value:
    layer = args.pos[0] if args.pos else args.kw.get("layer")
    if not isinstance(layer, Obj) or args.pos[1:] or args.kw.get("exclude") is not None:
        return Unknown("whether something is a norm")
    return layer.kind is not None and layer.kind.role == "norm"


#: mmcv's functions and classes, by their last names.
FUNCTIONS: dict[str, Callable[[Run, Args, Place], Value]] = {
    "ConvModule": conv_module,
    "DepthwiseSeparableConvModule": _depthwise_separable,
    "Scale": _scale,
    "LayerScale": _scale,
    **dict.fromkeys(BLOCKS, _block),
    **dict.fromkeys(DEFORMABLE, _deformable),
    "build_upsample_layer": _upsample_layer,
    "build_conv_layer": _conv_layer,
    "build_norm_layer": _norm_layer,
    "build_activation_layer": _from_config,
    "build_dropout": _from_config,
    "build_padding_layer": _from_config,
    "is_norm": _is_norm,
}
