"""The initialiser that fits an activation, in the words of the layer's framework."""

from __future__ import annotations

from math import isclose

from actinit_lint.judgement import DEFAULT_SLOPE, SATURATING, SQRT_2, agree, reference_gains
from actinit_lint.model import Link
from actinit_lint.reference.normal_form import Initializer


def cure(link: Link) -> str:
    """The initialiser that fits the activation, in the words of the layer's framework."""
    if link.layer.framework == "keras":
        return f"use {_keras_cure(link)}"
    return f"use {_torch_cure(link)}"


def _drawn(initializer: Initializer) -> str:
    return "uniform" if initializer.distribution == "uniform" else "normal"


def _gain_in_code(gain: float) -> str:
    return "2 ** 0.5" if isclose(gain, SQRT_2) else f"{gain:.4g}"


def _torch_cure(link: Link) -> str:
    initializer, activation = link.initializer, link.activation
    drawn = _drawn(initializer)
    if activation.name in SATURATING:
        orthogonal = initializer.family == "orthogonal" or link.weight.role == "recurrent"
        return "nn.init.orthogonal_(…)" if orthogonal else f"nn.init.xavier_{drawn}_(…)"
    if activation.name == "selu":
        return f'nn.init.kaiming_{drawn}_(…, nonlinearity="linear")'
    wanted = reference_gains(activation)[0]
    if initializer.family == "orthogonal":
        return f"nn.init.orthogonal_(…, gain={_gain_in_code(wanted)})"
    if activation.name in ("leaky_relu", "prelu"):
        slope = DEFAULT_SLOPE.get(activation.name) if activation.slope is None else activation.slope
        return f'nn.init.kaiming_{drawn}_(…, a={slope:.3g}, nonlinearity="leaky_relu")'
    return f'nn.init.kaiming_{drawn}_(…, nonlinearity="relu")'


def _keras_cure(link: Link) -> str:
    initializer, activation = link.initializer, link.activation
    drawn = _drawn(initializer)
    if activation.name in SATURATING:
        orthogonal = initializer.family == "orthogonal" or link.weight.role == "recurrent"
        return '"orthogonal"' if orthogonal else f'"glorot_{drawn}"'
    if activation.name == "selu":
        return f'"lecun_{drawn}"'
    wanted = reference_gains(activation)[0]
    if initializer.family == "orthogonal":
        return f"Orthogonal(gain={_gain_in_code(wanted)})"
    if agree(wanted, SQRT_2):
        return f'"he_{drawn}"'
    return f'VarianceScaling({wanted**2:.3g}, mode="fan_in")'
