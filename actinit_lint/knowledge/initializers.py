"""Initialisers by the names that code uses: torch.nn.init functions, keras.initializers, tf, and libraries' helpers.

What each draws is defined in `reference`; here are the names, the order of arguments, and who may call it on what.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from actinit_lint.knowledge.kinds import REQUIRED
from actinit_lint.reference.gains import ACCEPTED
from actinit_lint.reference.gains import calculate_gain as reference_gain
from actinit_lint.reference.keras_initializers import KERAS_INITIALIZERS
from actinit_lint.reference.normal_form import OPAQUE, Initializer, variance_scaling
from actinit_lint.reference.torch_initializers import DEPRECATED_ALIASES, TORCH_INITIALIZERS

Arguments = Mapping[str, Any]


def known_nonlinearity(name: str) -> bool:
    """Whether `torch.nn.init.calculate_gain` takes the name."""
    return name in ACCEPTED


def calculate_gain(nonlinearity: Any, a: Any = None) -> float | None:
    """torch's gain for a nonlinearity; None when either argument is unknown or torch would raise."""
    if not isinstance(nonlinearity, str) or not (a is None or isinstance(a, (int, float))):
        return None
    try:
        return reference_gain(nonlinearity, a)
    except ValueError:
        return None


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


@dataclass(frozen=True, slots=True)
class InitFunction:
    """A function or class that draws weights: its parameters after the tensor, and the normal form it gives."""

    parameters: tuple[tuple[str, Any], ...]
    build: Callable[[Arguments], Initializer]
    least_dims: int = 0  # raises below this number of dimensions
    most_dims: int | None = None
    nonlinearity: bool = False  # takes a `nonlinearity` that torch may not know


def _from_reference(function: Callable[..., Initializer], **more: Any) -> InitFunction:
    """A row for a function of `reference`: unknown arguments go in as None, what it rejects comes out as opaque."""
    signature = inspect.signature(function).parameters.values()
    parameters = tuple((p.name, REQUIRED if p.default is p.empty else p.default) for p in signature)

    def build(arguments: Arguments) -> Initializer:
        given = {name: _clean(arguments.get(name, default)) for name, default in parameters}
        try:
            return function(**given)
        except (ValueError, TypeError):
            return OPAQUE

    return InitFunction(parameters, build, **more)


def _clean(value: Any) -> Any:
    """Numbers and texts as they are, everything else unknown."""
    if isinstance(value, str) or value is None:
        return value
    return number(value)


#: Number of dimensions that an initialiser of torch asks for (torch/nn/init.py, 2.13): least, most.
DIMENSIONS: dict[str, tuple[int, int | None]] = {
    "xavier_uniform_": (2, None),
    "xavier_normal_": (2, None),
    "kaiming_uniform_": (2, None),
    "kaiming_normal_": (2, None),
    "orthogonal_": (2, None),
    "eye_": (2, 2),
    "sparse_": (2, 2),
    "dirac_": (3, 5),
}
#: torch.nn.init, by name without the trailing underscore.
TORCH: dict[str, InitFunction] = {
    name[:-1]: _from_reference(
        function,
        least_dims=DIMENSIONS.get(name, (0, None))[0],
        most_dims=DIMENSIONS.get(name, (0, None))[1],
        nonlinearity=name.startswith("kaiming"),
    )
    for name, function in TORCH_INITIALIZERS.items()
}
#: The names of old that torch still has and warns about.
TORCH_DEPRECATED = frozenset(DEPRECATED_ALIASES)

#: In-place tensor methods that fill: name -> as torch.nn.init would.
FILL_METHODS: dict[str, InitFunction] = {
    "normal_": TORCH["normal"],
    "uniform_": TORCH["uniform"],
    "zero_": TORCH["zeros"],
    "fill_": TORCH["constant"],
    "trunc_normal_": TORCH["trunc_normal"],
    "bernoulli_": InitFunction((("p", 0.5),), lambda a: OPAQUE),
    "random_": InitFunction((), lambda a: OPAQUE),
    "exponential_": InitFunction((), lambda a: OPAQUE),
    "log_normal_": InitFunction((), lambda a: OPAQUE),
    "cauchy_": InitFunction((), lambda a: OPAQUE),
}


LECUN_NORMAL = InitFunction((), lambda a: variance_scaling("lecun_normal", 1.0, "fan_in", "truncated_normal"), 2)
#: Helpers of other libraries that fill one tensor.
TENSOR_HELPERS: dict[str, InitFunction] = {
    **{
        f"{module}.{name}": TORCH["trunc_normal"]
        for module in ("timm.layers", "timm.models.layers", "timm.models.layers.weight_init", "timm.layers.weight_init")
        for name in ("trunc_normal_", "trunc_normal_tf_")
    },
    **{
        f"{module}.lecun_normal_": LECUN_NORMAL
        for module in ("timm.layers", "timm.models.layers", "timm.layers.weight_init")
    },
    **{
        f"{module}.trunc_normal_": TORCH["trunc_normal"]
        for module in ("mmcv.cnn", "mmcv.cnn.utils.weight_init", "mmengine.model", "mmengine.model.weight_init")
    },
    "torch_geometric.nn.inits.glorot": InitFunction(
        (), lambda a: variance_scaling("xavier_uniform", 1.0, "fan_avg", "uniform")
    ),
    "torch_geometric.nn.inits.zeros": TORCH["zeros"],
    "torch_geometric.nn.inits.ones": TORCH["ones"],
    **{f"transformers.initialization.{name}_": row for name, row in TORCH.items()},
}

#: Helpers of mmcv, mmengine and fvcore that fill the weight and the bias of a layer: (weight, value of the bias).
LAYER_HELPERS: dict[str, InitFunction] = {}
_MM_BIAS = ("bias", 0)


def _mm(normal: str, uniform: str | None = None, **defaults: Any) -> InitFunction:
    """A helper of mmcv and mmengine: torch's function by `distribution`, with defaults of its own, and a bias."""
    row = TORCH[normal]
    parameters = tuple((name, defaults.get(name, default)) for name, default in row.parameters)
    extra: tuple[tuple[str, Any], ...] = (_MM_BIAS,)
    if uniform is not None:
        extra = (_MM_BIAS, ("distribution", "normal"))

    def build(a: Arguments) -> Initializer:
        which = a.get("distribution", "normal")
        if which == "uniform" and uniform is not None:
            return TORCH[uniform].build(a)
        return row.build(a) if which == "normal" else OPAQUE

    return InitFunction((*parameters, *extra), build)


for _module in ("mmcv.cnn", "mmengine.model", "mmcv.cnn.utils.weight_init", "mmengine.model.weight_init"):
    LAYER_HELPERS[f"{_module}.xavier_init"] = _mm("xavier_normal", "xavier_uniform")
    LAYER_HELPERS[f"{_module}.kaiming_init"] = _mm(
        "kaiming_normal", "kaiming_uniform", mode="fan_out", nonlinearity="relu"
    )
    LAYER_HELPERS[f"{_module}.normal_init"] = _mm("normal")
    LAYER_HELPERS[f"{_module}.trunc_normal_init"] = _mm("trunc_normal")
    LAYER_HELPERS[f"{_module}.constant_init"] = _mm("constant")
    LAYER_HELPERS[f"{_module}.uniform_init"] = _mm("uniform")
    LAYER_HELPERS[f"{_module}.caffe2_xavier_init"] = InitFunction(
        (_MM_BIAS,), lambda a: variance_scaling("kaiming_uniform", 1.0, "fan_in", "uniform")
    )
#: fvcore: `kaiming_uniform_(a=1)` and `kaiming_normal_(mode="fan_out", nonlinearity="relu")`, bias zero.
LAYER_HELPERS["fvcore.nn.weight_init.c2_xavier_fill"] = InitFunction(
    (), lambda a: variance_scaling("kaiming_uniform", 1.0, "fan_in", "uniform")
)
LAYER_HELPERS["fvcore.nn.weight_init.c2_msra_fill"] = InitFunction(
    (), lambda a: variance_scaling("kaiming_normal", sqrt(2.0), "fan_out", "normal")
)


# Keras --------------------------------------------------------------------------------------------


#: keras.initializers, by class name.
KERAS: dict[str, InitFunction] = {
    name: _from_reference(function) for name, function in KERAS_INITIALIZERS.items() if name[0].isupper()
}

#: Strings that `keras.initializers.get` resolves -> class (class names themselves work too).
KERAS_NAMES: dict[str, str] = {
    "glorot_uniform": "GlorotUniform", "glorot_normal": "GlorotNormal", "he_uniform": "HeUniform",
    "he_normal": "HeNormal", "lecun_uniform": "LecunUniform", "lecun_normal": "LecunNormal",
    "variance_scaling": "VarianceScaling", "random_normal": "RandomNormal", "truncated_normal": "TruncatedNormal",
    "random_uniform": "RandomUniform", "orthogonal": "Orthogonal", "identity": "Identity", "zeros": "Zeros",
    "ones": "Ones", "constant": "Constant", "uniform": "RandomUniform", "normal": "RandomNormal", "one": "Ones",
    "zero": "Zeros", "IdentityInitializer": "Identity", "OrthogonalInitializer": "Orthogonal",
}  # fmt: skip


def _contrib_scaling(a: Arguments) -> Initializer:
    factor, mode = number(a["factor"]), a["mode"]
    if factor is None or factor < 0 or not isinstance(mode, str) or not isinstance(a["uniform"], bool):
        return OPAQUE
    distribution = "uniform" if a["uniform"] else "truncated_normal"
    return variance_scaling("variance_scaling", sqrt(factor), mode.lower(), distribution)  # type: ignore[arg-type]


def _contrib_xavier(a: Arguments) -> Initializer:
    return KERAS["GlorotNormal" if a["uniform"] is False else "GlorotUniform"].build({"seed": None})


#: tf.contrib.layers (tensorflow/contrib/layers/python/layers/initializers.py, 1.15), with what replaces them.
CONTRIB: dict[str, tuple[InitFunction, str]] = {
    "variance_scaling_initializer": (
        InitFunction((("factor", 2.0), ("mode", "FAN_IN"), ("uniform", False), ("seed", None)), _contrib_scaling),
        "VarianceScaling",
    ),
    "xavier_initializer": (InitFunction((("uniform", True), ("seed", None)), _contrib_xavier), "GlorotUniform"),
    "xavier_initializer_conv2d": (InitFunction((("uniform", True), ("seed", None)), _contrib_xavier), "GlorotUniform"),
}
#: TF 1 names: tf.<name>, tf.initializers.<name>, tf.keras.initializers.<name> of old.
TF_NAMES: dict[str, InitFunction] = {
    "random_normal_initializer": InitFunction(  # of std 1 in TensorFlow 1, and 0.05 in 2
        (("mean", 0.0), ("stddev", None), ("seed", None)), KERAS["RandomNormal"].build
    ),
    "truncated_normal_initializer": InitFunction(
        (("mean", 0.0), ("stddev", 1.0), ("seed", None)), KERAS["TruncatedNormal"].build
    ),
    "random_uniform_initializer": KERAS["RandomUniform"],
    "glorot_uniform_initializer": KERAS["GlorotUniform"],
    "glorot_normal_initializer": KERAS["GlorotNormal"],
    "variance_scaling_initializer": KERAS["VarianceScaling"],
    "orthogonal_initializer": KERAS["Orthogonal"],
    "uniform_unit_scaling_initializer": InitFunction(
        (("factor", 1.0), ("seed", None)),
        lambda a: variance_scaling("variance_scaling", number(a["factor"]), "fan_in", "uniform"),
    ),
    "zeros_initializer": KERAS["Zeros"],
    "ones_initializer": KERAS["Ones"],
    "constant_initializer": KERAS["Constant"],
    "he_normal": KERAS["HeNormal"],
    "he_uniform": KERAS["HeUniform"],
    "lecun_normal": KERAS["LecunNormal"],
    "lecun_uniform": KERAS["LecunUniform"],
    "glorot_normal": KERAS["GlorotNormal"],
    "glorot_uniform": KERAS["GlorotUniform"],
}
#: Top-level TF 1 names that TF 2 dropped, with what to write instead (RULES, ACT603).
TF_DEPRECATED: dict[str, str] = {
    "variance_scaling_initializer": "tf.keras.initializers.VarianceScaling",
    "truncated_normal_initializer": "tf.keras.initializers.TruncatedNormal",
    "orthogonal_initializer": "tf.keras.initializers.Orthogonal",
    "glorot_uniform_initializer": "tf.keras.initializers.GlorotUniform",
    "glorot_normal_initializer": "tf.keras.initializers.GlorotNormal",
    "uniform_unit_scaling_initializer": "tf.keras.initializers.VarianceScaling",
}
