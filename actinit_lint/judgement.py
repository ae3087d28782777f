"""Which initialiser fits which activation: families, reference gains, and the one mistake that a pair can be."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose, sqrt
from typing import Literal

from actinit_lint.model import Activation, Layer, Link, Weight
from actinit_lint.reference.activations import CATALOGUE
from actinit_lint.reference.initializers import Layout, fans_of, weight_moments
from actinit_lint.reference.normal_form import Initializer

Code = Literal["ACT101", "ACT102", "ACT103", "ACT104"]

#: Activations that pass one side of zero and damp the other; He's gain sqrt(2) is their convention (He et al. 2015).
RECTIFIERS = frozenset(name for name, entry in CATALOGUE.items() if entry.family == "rectifier")
#: Activations that flatten on both sides: Xavier's analysis is about these (Glorot & Bengio 2010).
SATURATING = frozenset(name for name, entry in CATALOGUE.items() if entry.family == "saturating")

#: Two gains differ when one is more than this many times the other.
GAIN_RATIO = 1.15
#: SELU normalises itself while Var(W) * fan_in is within this distance of 1.
VARIANCE_TOLERANCE = 0.15
#: A gain below this belongs to no activation: it is a spread that someone chose, and a matter of scale.
SMALLEST_GAIN = 0.5

SQRT_2 = sqrt(2)
#: Gains that names ask for: torch/nn/init.py, `calculate_gain`; the slopes of LeakyReLU and PReLU come on top.
NAMED_GAINS: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(RECTIFIERS, (SQRT_2,)),
    **dict.fromkeys(SATURATING, (1.0,)),
    "tanh": (1.0, 5 / 3),  # Xavier's own gain is the critical one (Schoenholz et al. 2017); torch's 5/3 fits as well
    "hardtanh": (1.0, 5 / 3),
    "selu": (1.0,),
}
#: Slopes that the frameworks start from: torch/nn/modules/activation.py, `PReLU`.
DEFAULT_SLOPE: Mapping[str, float] = {"prelu": 0.25}

SPELLED: Mapping[str, str] = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "rrelu": "RReLU", "relu6": "ReLU6", "elu": "ELU",
    "celu": "CELU", "selu": "SELU", "gelu": "GELU", "gelu_tanh": "GELU", "quick_gelu": "QuickGELU", "silu": "SiLU",
    "mish": "Mish", "hardswish": "Hardswish", "relu2": "squared ReLU", "log_softmax": "log-softmax",
    "hardtanh": "hard tanh", "hardsigmoid": "hard sigmoid", "clipped_relu": "clipped ReLU",
}  # fmt: skip


def spell(activation: Activation | str) -> str:
    """The activation as people write it in prose."""
    name = activation if isinstance(activation, str) else activation.name
    return SPELLED.get(name, name)


def spell_gain(gain: float) -> str:
    """A gain as people write it: √2, 5/3, 3/4, or up to three digits."""
    for value, text in ((SQRT_2, "√2"), (5 / 3, "5/3"), (3 / 4, "3/4"), (sqrt(1 / 3), "√(1/3)")):
        if isclose(gain, value, rel_tol=1e-3):
            return text
    return f"{gain:.3g}"


def agree(one: float, other: float, ratio: float = GAIN_RATIO) -> bool:
    """True when two gains are the same for practical purposes."""
    return min(one, other) > 0 and max(one, other) <= ratio * min(one, other)


def reference_gains(activation: Activation) -> tuple[float, ...]:
    """The gains that fit the activation, the recommended one first; empty where convention knows none.

    LeakyReLU and PReLU: sqrt(2 / (1 + slope^2)), He et al. 2015, eq. 15. An unknown slope leaves nothing to compare.
    """
    if activation.name not in ("leaky_relu", "prelu"):
        return NAMED_GAINS.get(activation.name, ())
    slope = DEFAULT_SLOPE.get(activation.name) if activation.slope is None else activation.slope
    return () if slope is None else (sqrt(2 / (1 + slope**2)),)


def mistake(
    link: Link,
    *,
    ratio: float = GAIN_RATIO,
    tolerance: float = VARIANCE_TOLERANCE,
    smallest: float = SMALLEST_GAIN,
) -> Code | None:
    """The one rule among 101 to 104 that this pair breaks: one mistake is one finding."""
    initializer, activation = link.initializer, link.activation
    if not link.trainable or not link.weight.trainable or initializer.is_zero:
        return None
    if not link.layer.recurrent and (not link.hidden or link.gate or link.branch_end):
        return None
    if activation.name == "selu":
        return None if link.layer.recurrent else _before_selu(link, ratio, tolerance, smallest)
    if initializer.is_default or initializer.gain is None or not _has_gain(initializer):
        return None
    wanted = reference_gains(activation)
    if not wanted or any(agree(initializer.gain, gain, ratio) for gain in wanted):
        return None
    if activation.name in RECTIFIERS and link.weight.role != "recurrent":
        if initializer.is_xavier and agree(initializer.gain, 1.0, ratio):
            return "ACT101"
        return "ACT103" if initializer.gain > smallest else None
    if activation.name in SATURATING:
        if initializer.is_kaiming:
            return "ACT102"
        return "ACT103" if initializer.gain > smallest and not link.layer.recurrent else None
    return None


def _has_gain(initializer: Initializer) -> bool:
    return initializer.family in ("variance_scaling", "orthogonal")


def _before_selu(link: Link, ratio: float, tolerance: float, smallest: float) -> Code | None:
    """SELU wants a variance of 1/fan_in (Klambauer et al. 2017); an orthogonal matrix of gain 1 serves as well."""
    initializer = link.initializer
    gain = initializer.gain
    if _has_gain(initializer) and not initializer.is_default:
        if gain is None or gain < smallest:
            return None
        if initializer.nonlinearity not in (None, "selu", "leaky_relu") and not agree(gain, 1.0, ratio):
            return "ACT103"  # another activation's gain, asked for by name; "leaky_relu" is what kaiming_* assumes
        if initializer.family == "orthogonal":
            return None if agree(gain, 1.0, ratio) else "ACT103"
        if initializer.mode == "fan_in" and agree(gain**2, 1.0, 1 + tolerance):
            return None
        known = initializer.is_xavier or initializer.is_kaiming or agree(gain, 1.0, ratio) or agree(gain, 0.75, 1.01)
        if not known:
            return "ACT103"
    measured = variance_ratio(link)
    if measured is None or abs(measured - 1) <= tolerance:
        return None
    return "ACT104"


def variance_ratio(link: Link) -> float | None:
    """Var(W) * fan_in of the operation: 1 keeps the variance of the input. None where a fan is not known."""
    initializer, fan_in = link.initializer, link.layer.fan_in
    std = weight_std(link.weight)
    if std is not None and fan_in is not None:
        return std**2 * fan_in
    plain = link.layer.groups == 1 and "Transpose" not in link.layer.kind
    if initializer.mode == "fan_in" and initializer.gain is not None and plain:
        return initializer.gain**2  # both fans are the same number, whatever it is
    return None


def initializer_fans(weight: Weight) -> tuple[int | None, int | None]:
    """(fan_in, fan_out) as the framework's initialisers have them from its shape (see `reference.fans`)."""
    shape, layer = weight.shape, weight.layer
    if shape is None:
        plain = layer.groups == 1 and not layer.depthwise and not layer.recurrent and "Transpose" not in layer.kind
        return (layer.fan_in, layer.fan_out) if plain else (None, None)
    sizes = [size for size in shape if size is not None]
    if len(sizes) < max(2, len(shape)):
        return None, None
    fans = fans_of(sizes, layout(layer))
    return int(fans.fan_in), int(fans.fan_out)


def weight_std(weight: Weight) -> float | None:
    """Standard deviation of the weight's elements where they are drawn at random, None where it cannot be told."""
    initializer, shape = weight.initializer, weight.shape
    if initializer.family not in ("normal", "uniform", "orthogonal", "variance_scaling"):
        return None
    known = None if shape is None or None in shape else [size for size in shape if size is not None]
    found = weight_moments(initializer, *initializer_fans(weight), known, layout(weight.layer))
    return None if found is None else sqrt(found.variance)


def layout(layer: Layer) -> Layout:
    """How the framework of the layer orders a weight's axes."""
    return "keras" if layer.framework == "keras" else "torch"
