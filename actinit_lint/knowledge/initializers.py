"""Initialisers by the names that code uses: torch.nn.init functions, keras.initializers, tf, and libraries' helpers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from actinit_lint.knowledge.kinds import REQUIRED
from actinit_lint.reference.normal_form import OPAQUE, Initializer, constant, variance_scaling

Arguments = Mapping[str, Any]

#: `torch.nn.init.calculate_gain` (torch/nn/init.py): the names it knows; everything else raises ValueError.
LINEAR_NAMES = frozenset(
    ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"]
)
GAINS = {"tanh": 5.0 / 3, "relu": sqrt(2.0), "selu": 0.75}


def known_nonlinearity(name: str) -> bool:
    return name in LINEAR_NAMES or name in GAINS or name == "leaky_relu"


def calculate_gain(nonlinearity: Any, a: Any = None) -> float | None:
    """torch's gain for a nonlinearity; None when either argument is unknown or torch would raise."""
    if not isinstance(nonlinearity, str):
        return None
    if nonlinearity in LINEAR_NAMES:
        return 1.0
    if nonlinearity == "leaky_relu":
        if a is None:
            a = 0.01
        return sqrt(2.0 / (1 + a * a)) if isinstance(a, (int, float)) else None
    return GAINS.get(nonlinearity)


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


def _xavier(distribution: Any) -> Callable[[Arguments], Initializer]:
    def build(a: Arguments) -> Initializer:
        return variance_scaling(f"xavier_{distribution}", number(a["gain"]), "fan_avg", distribution)

    return build


def _kaiming(distribution: Any) -> Callable[[Arguments], Initializer]:
    def build(a: Arguments) -> Initializer:
        slope = a["a"]
        gain = calculate_gain(a["nonlinearity"], 0.0 if slope is None else slope)
        mode = a["mode"] if a["mode"] in ("fan_in", "fan_out") else None
        spelled = a["nonlinearity"] if isinstance(a["nonlinearity"], str) else None
        default = distribution == "uniform" and gain is not None and abs(gain - sqrt(1 / 3)) < 1e-6 and mode == "fan_in"
        name = "torch_default" if default else f"kaiming_{distribution}"
        return variance_scaling(name, gain, mode, distribution, nonlinearity=spelled, is_default=default)

    return build


def _normal(name: str, distribution: Any = "normal") -> Callable[[Arguments], Initializer]:
    def build(a: Arguments) -> Initializer:
        return Initializer(name, "normal", distribution, mean=number(a["mean"]), std=number(a["std"]))

    return build


def _uniform(a: Arguments) -> Initializer:
    low, high = number(a["a"]), number(a["b"])
    mean = (low + high) / 2 if low is not None and high is not None else None
    return Initializer("uniform", "uniform", "uniform", mean=mean, low=low, high=high)


def _orthogonal(a: Arguments) -> Initializer:
    return Initializer("orthogonal", "orthogonal", gain=number(a["gain"]))


XAVIER = (("gain", 1.0),)
KAIMING = (("a", 0), ("mode", "fan_in"), ("nonlinearity", "leaky_relu"))
NORMAL = (("mean", 0.0), ("std", 1.0))

#: torch.nn.init, by name without the trailing underscore (torch/nn/init.py, 2.13).
TORCH: dict[str, InitFunction] = {
    "xavier_uniform": InitFunction(XAVIER, _xavier("uniform"), 2),
    "xavier_normal": InitFunction(XAVIER, _xavier("normal"), 2),
    "kaiming_uniform": InitFunction(KAIMING, _kaiming("uniform"), 2, nonlinearity=True),
    "kaiming_normal": InitFunction(KAIMING, _kaiming("normal"), 2, nonlinearity=True),
    "normal": InitFunction(NORMAL, _normal("normal")),
    "trunc_normal": InitFunction((*NORMAL, ("a", -2.0), ("b", 2.0)), _normal("trunc_normal", "truncated_normal")),
    "uniform": InitFunction((("a", 0.0), ("b", 1.0)), _uniform),
    "constant": InitFunction((("val", REQUIRED),), lambda a: constant(number(a["val"]))),
    "ones": InitFunction((), lambda a: constant(1.0)),
    "zeros": InitFunction((), lambda a: constant(0.0)),
    "eye": InitFunction((), lambda a: Initializer("identity", "identity", gain=1.0), 2, 2),
    "dirac": InitFunction((("groups", 1),), lambda a: Initializer("dirac", "identity", gain=1.0), 3, 5),
    "orthogonal": InitFunction(XAVIER, _orthogonal, 2),
    "sparse": InitFunction(
        (("sparsity", REQUIRED), ("std", 0.01)),
        lambda a: Initializer("sparse", "sparse", "normal", std=number(a["std"])),
        2,
        2,
    ),
}
#: The names of old that torch still has and warns about.
TORCH_DEPRECATED = frozenset(
    [
        "uniform",
        "normal",
        "constant",
        "eye",
        "dirac",
        "xavier_uniform",
        "xavier_normal",
        "kaiming_uniform",
        "kaiming_normal",
        "orthogonal",
        "sparse",
    ]
)

#: In-place tensor methods that fill: name -> as torch.nn.init would.
FILL_METHODS: dict[str, InitFunction] = {
    "normal_": TORCH["normal"],
    "uniform_": InitFunction((("a", 0.0), ("b", 1.0)), _uniform),
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
    "mmcv.cnn.utils.weight_init.trunc_normal_": TORCH["trunc_normal"],
    "mmengine.model.trunc_normal_": TORCH["trunc_normal"],
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


def _by_distribution(
    build_normal: Callable[[Arguments], Initializer], build_uniform: Callable[[Arguments], Initializer]
) -> Callable[[Arguments], Initializer]:
    def build(a: Arguments) -> Initializer:
        d = a.get("distribution")
        return build_uniform(a) if d == "uniform" else build_normal(a) if d == "normal" else OPAQUE

    return build


for _module in ("mmcv.cnn", "mmengine.model", "mmcv.cnn.utils.weight_init", "mmengine.model.weight_init"):
    LAYER_HELPERS[f"{_module}.xavier_init"] = InitFunction(
        (("gain", 1), _MM_BIAS, ("distribution", "normal")), _by_distribution(_xavier("normal"), _xavier("uniform"))
    )
    LAYER_HELPERS[f"{_module}.kaiming_init"] = InitFunction(
        (("a", 0), ("mode", "fan_out"), ("nonlinearity", "relu"), _MM_BIAS, ("distribution", "normal")),
        _by_distribution(_kaiming("normal"), _kaiming("uniform")),
    )
    LAYER_HELPERS[f"{_module}.normal_init"] = InitFunction((("mean", 0), ("std", 1), _MM_BIAS), _normal("normal"))
    LAYER_HELPERS[f"{_module}.trunc_normal_init"] = InitFunction(
        (("mean", 0), ("std", 1), ("a", -2), ("b", 2), _MM_BIAS), _normal("trunc_normal", "truncated_normal")
    )
    LAYER_HELPERS[f"{_module}.constant_init"] = InitFunction(
        (("val", REQUIRED), _MM_BIAS), lambda a: constant(number(a["val"]))
    )
    LAYER_HELPERS[f"{_module}.uniform_init"] = InitFunction((("a", 0), ("b", 1), _MM_BIAS), _uniform)
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


def _scaling(a: Arguments) -> Initializer:
    scale = number(a["scale"])
    mode = a["mode"] if a["mode"] in ("fan_in", "fan_out", "fan_avg") else None
    distribution = a["distribution"]
    if distribution == "untruncated_normal":
        distribution = "normal"
    elif distribution == "normal":
        distribution = "truncated_normal"
    if distribution not in ("uniform", "normal", "truncated_normal"):
        distribution = None
    gain = sqrt(scale) if scale is not None and scale >= 0 else None
    return variance_scaling("variance_scaling", gain, mode, distribution)


def _preset(name: str, scale: float, mode: Any, distribution: Any) -> InitFunction:
    return InitFunction((("seed", None),), lambda a: variance_scaling(name, sqrt(scale), mode, distribution))


def _keras_normal(name: str, distribution: Any) -> InitFunction:
    return InitFunction(
        (("mean", 0.0), ("stddev", 0.05), ("seed", None)),
        lambda a: Initializer(name, "normal", distribution, mean=number(a["mean"]), std=number(a["stddev"])),
    )


def _keras_uniform(a: Arguments) -> Initializer:
    return _uniform({"a": a["minval"], "b": a["maxval"]})


#: keras.initializers classes (keras/src/initializers/random_initializers.py, constant_initializers.py, 3.15).
KERAS: dict[str, InitFunction] = {
    "GlorotUniform": _preset("xavier_uniform", 1.0, "fan_avg", "uniform"),
    "GlorotNormal": _preset("xavier_normal", 1.0, "fan_avg", "truncated_normal"),
    "HeUniform": _preset("kaiming_uniform", 2.0, "fan_in", "uniform"),
    "HeNormal": _preset("kaiming_normal", 2.0, "fan_in", "truncated_normal"),
    "LecunUniform": _preset("lecun_uniform", 1.0, "fan_in", "uniform"),
    "LecunNormal": _preset("lecun_normal", 1.0, "fan_in", "truncated_normal"),
    "VarianceScaling": InitFunction(
        (("scale", 1.0), ("mode", "fan_in"), ("distribution", "truncated_normal"), ("seed", None)), _scaling
    ),
    "RandomNormal": _keras_normal("normal", "normal"),
    "TruncatedNormal": _keras_normal("trunc_normal", "truncated_normal"),
    "RandomUniform": InitFunction((("minval", -0.05), ("maxval", 0.05), ("seed", None)), _keras_uniform),
    "Orthogonal": InitFunction((("gain", 1.0), ("seed", None)), _orthogonal),
    "Identity": InitFunction((("gain", 1.0),), lambda a: Initializer("identity", "identity", gain=number(a["gain"]))),
    "Zeros": InitFunction((), lambda a: constant(0.0)),
    "Ones": InitFunction((), lambda a: constant(1.0)),
    "Constant": InitFunction((("value", 0.0),), lambda a: constant(number(a["value"]))),
}
KERAS["OrthogonalInitializer"] = KERAS["Orthogonal"]
KERAS["IdentityInitializer"] = KERAS["Identity"]
KERAS["STFT"] = InitFunction((), lambda a: OPAQUE)

#: Strings that `keras.initializers.get` resolves -> class (class names themselves work too).
KERAS_NAMES: dict[str, str] = {
    "glorot_uniform": "GlorotUniform", "glorot_normal": "GlorotNormal", "he_uniform": "HeUniform",
    "he_normal": "HeNormal", "lecun_uniform": "LecunUniform", "lecun_normal": "LecunNormal",
    "variance_scaling": "VarianceScaling", "random_normal": "RandomNormal", "truncated_normal": "TruncatedNormal",
    "random_uniform": "RandomUniform", "orthogonal": "Orthogonal", "identity": "Identity", "zeros": "Zeros",
    "ones": "Ones", "constant": "Constant", "uniform": "RandomUniform", "normal": "RandomNormal", "one": "Ones",
    "zero": "Zeros", "IdentityInitializer": "Identity", "OrthogonalInitializer": "Orthogonal",
}  # fmt: skip
#: TF 1 names: tf.<name>, tf.initializers.<name>, tf.keras.initializers.<name> of old.
TF_NAMES: dict[str, InitFunction] = {
    "random_normal_initializer": InitFunction(
        (("mean", 0.0), ("stddev", 1.0), ("seed", None)), KERAS["RandomNormal"].build
    ),
    "truncated_normal_initializer": InitFunction(
        (("mean", 0.0), ("stddev", 1.0), ("seed", None)), KERAS["TruncatedNormal"].build
    ),
    "random_uniform_initializer": InitFunction((("minval", -0.05), ("maxval", 0.05), ("seed", None)), _keras_uniform),
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
