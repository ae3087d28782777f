"""OpenMMLab's initialisation: `init_cfg`, and who calls whose `init_weights`.

Sources: mmengine 0.10 (model/base_module.py, model/weight_init.py) and mmcv 2.2 (cnn/bricks/conv_module.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from actinit_lint.follow.calls import call_method
from actinit_lint.follow.modules import children, parameters, walk
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    ClassValue,
    DictValue,
    External,
    Func,
    ListValue,
    Obj,
    Parameter,
    Unknown,
    Value,
)
from actinit_lint.follow.writes import write
from actinit_lint.knowledge.initializers import LAYER_HELPERS, number
from actinit_lint.model import Place
from actinit_lint.reference.normal_form import LOADED, OPAQUE, constant


def as_config(value: Value) -> DictValue | None:
    return value if isinstance(value, DictValue) and isinstance(value.items.get("type"), (str, ClassValue)) else None


def init_conv_module(run: Run, module: Obj, place: Place) -> None:
    """`ConvModule.init_weights()`, which its constructor and its parents call: Kaiming for the convolution."""
    conv, given = module.state["own_init"]
    _fill(run, conv, "kaiming_init", given, place)


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
        init_conv_module(run, module, module.place)
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
            yield as_config(item)
    else:
        yield as_config(config)


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
