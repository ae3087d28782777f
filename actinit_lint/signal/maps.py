"""A layer as the signal sees it: the moments of its weights and bias, and the fans of its operation."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from actinit_lint.model import Layer, Weight
from actinit_lint.reference.fans import torch_fans
from actinit_lint.reference.initializers import TRUNCATED_STD, weight_moments
from actinit_lint.reference.normal_form import Initializer


class Map(NamedTuple):
    """z = W·a + b with independent weights; fans are those of the operation, not of the initialiser."""

    mean: float  # of one weight
    variance: float
    fan_in: float  # products summed in one output
    fan_out: float  # outputs that one input reaches, summed over positions: like pooling, a stride does not count
    width: float  # channels or units that come in
    bias_mean: float = 0.0
    bias_variance: float = 0.0


def map_of(layer: Layer, weight: Weight, unknown: int, inputs: int | None = None) -> Map | None:
    """The layer with `unknown` in place of each width that is not known; None where a number of it is not known at all.

    `inputs` are the channels that the layer before says it hands on. Unknown kernel sizes count as 1.
    """
    shape = _shape(layer, weight, unknown, inputs)
    fans = _operation(layer, shape, unknown, inputs)
    moments = drawn_moments(weight.initializer, shape, layer.framework == "keras")
    bias = _bias(layer, shape, unknown)
    if fans is None or moments is None or bias is None:
        return None
    return Map(*moments, *fans, *bias)


def _shape(layer: Layer, weight: Weight, unknown: int, inputs: int | None) -> tuple[int, ...]:
    """The weight's shape as the initialiser sees it, every size filled in."""
    shape, keras = weight.shape, layer.framework == "keras"
    if shape is None or len(shape) < 2:
        inner, outer = layer.in_features or inputs or unknown, layer.out_features or unknown
        return (inner, outer) if keras else (outer, inner)
    first = len(shape) - 2 if keras else 0
    inward = first + (keras == ("Transpose" in layer.kind))
    filled = [size or 1 for size in shape]
    for axis in (first, first + 1):
        if not shape[axis]:
            filled[axis] = max(1, inputs // (layer.groups or 1)) if axis == inward and inputs else unknown
    return tuple(filled)


def _operation(
    layer: Layer, shape: tuple[int, ...], unknown: int, inputs_known: int | None
) -> tuple[float, float, float] | None:
    """(products in an output, outputs of an input, channels that come in). See `reference.fans`."""
    if layer.kind == "Parameter":
        if not layer.oriented:
            return None
        fan_in = layer.fan_in or inputs_known or unknown
        return fan_in, layer.fan_out or unknown, layer.in_features or fan_in
    keras = layer.framework == "keras"
    first, second = (shape[-2], shape[-1]) if keras else (shape[0], shape[1])
    field = prod(shape[:-2] if keras else shape[2:])
    groups = layer.groups or 1
    if "Transpose" in layer.kind:
        # a stride spreads the inputs out: each output meets one in stride^axes of the kernel's positions
        thin = field / float((layer.stride or 1) ** (len(shape) - 2))
        inputs, outputs = (second, first) if keras else (first, second * groups)
        return inputs / groups * thin, outputs / groups * thin, inputs
    if keras and layer.depthwise:
        return field, field * second, first
    inputs, outputs = (first, second) if keras else (second, first)  # inputs of one group
    return inputs * field, outputs / groups * field, inputs * groups


def drawn_moments(init: Initializer, shape: tuple[int, ...], keras: bool) -> tuple[float, float] | None:
    """(mean, variance) of the weights of a shape; None where the initialiser does not tell."""
    found = weight_moments(init, shape=shape, layout="keras" if keras else "torch")
    if found is not None:
        return found.mean, found.variance
    if init.family == "normal" and init.distribution == "truncated_normal" and init.std is not None:
        # Keras and TensorFlow cut at two standard deviations, torch at ±2, which touches no usual std
        return init.mean or 0.0, (init.std * (TRUNCATED_STD if keras else 1.0)) ** 2
    return None


def _bias(layer: Layer, shape: tuple[int, ...], unknown: int) -> tuple[float, float] | None:
    """(mean, variance) of the bias."""
    bias = layer.bias
    if bias is None:
        return 0.0, 0.0
    return bias_moments(bias.initializer, layer.out_features or unknown, _initializer_fan(layer, shape))


def bias_moments(init: Initializer, units: int, fan_in: float) -> tuple[float, float] | None:
    """(mean, variance) of a bias of `units`; torch's default is U(±1/√fan_in), fan_in of the layer's weight."""
    if init.family == "uniform" and init.is_default and init.low is None:
        return 0.0, 1 / (3 * fan_in)
    if init.family == "variance_scaling" and init.is_default:
        return 0.0, 1 / (3 * fan_in)
    found = weight_moments(init, units, units)
    if found is None and init.family == "normal" and init.std is not None:
        return init.mean or 0.0, init.std**2
    return None if found is None else (found.mean, found.variance)


def _initializer_fan(layer: Layer, shape: tuple[int, ...]) -> float:
    return torch_fans(shape).fan_in if layer.framework == "torch" else prod(shape[:-1])
