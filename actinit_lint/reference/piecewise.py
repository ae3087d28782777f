"""The activations that are polynomials on pieces, as tables of pieces.

A row reads "below (or up to) this bound: c0 + c1·z + c2·z²". Which row owns a bound decides the derivative there, and
follows torch's autograd (2.13, aten/src/ATen/native/cpu/Activation.cpp): relu'(0) = 0, hardtanh'(±1) = 0.
"""

from __future__ import annotations

from math import inf

from actinit_lint.reference.nonlinearity import Interval, Piece, Pieces


def _up_to(bound: float, *coefficients: float) -> Piece:
    return Piece(bound, True, coefficients)


def _below(bound: float, *coefficients: float) -> Piece:
    return Piece(bound, False, coefficients)


def _beyond(*coefficients: float) -> Piece:
    return Piece(inf, False, coefficients)


def identity() -> Pieces:
    """z. torch.nn.Identity, Keras "linear"."""
    return Pieces((_beyond(0, 1),))


def leaky_relu(slope: float) -> Pieces:
    """max(z, 0) + slope·min(z, 0). Maas et al. 2013; the derivative at 0 is `slope`, as in torch."""
    return Pieces((_up_to(0, 0, slope), _beyond(0, 1)))


def relu() -> Pieces:
    """max(z, 0). Glorot, Bordes & Bengio 2011."""
    return leaky_relu(0)


def rrelu(lower: float, upper: float, training: float) -> Pieces:
    """Leaky ReLU with a random slope U(lower, upper) while training, their mean in evaluation. Xu et al. 2015.

    With `training`, the slope is the root mean square √((lower² + lower·upper + upper²)/3): E φ² and E φ'² are exact,
    E φ is 1 % off at the default bounds.
    """
    if training:
        return leaky_relu(((lower**2 + lower * upper + upper**2) / 3) ** 0.5)
    return leaky_relu((lower + upper) / 2)


def relu6() -> Pieces:
    """min(max(z, 0), 6). Howard et al. 2017."""
    return Pieces((_up_to(0, 0), _below(6, 0, 1), _beyond(6)))


def clipped_relu(slope: float, max_value: float, threshold: float) -> Pieces:
    """Keras `relu(z, negative_slope, max_value, threshold)` (keras/src/activations/activations.py, 3.15).

    slope·(z - threshold) up to `threshold`, z above it, at most `max_value` (which lies at or above `threshold`).
    """
    if max_value < threshold:
        raise ValueError(f"clipped_relu: max_value {max_value} is below threshold {threshold}")
    below = _up_to(threshold, -slope * threshold, slope)
    if max_value == inf:
        return Pieces((below, _beyond(0, 1)))
    return Pieces((below, _up_to(max_value, 0, 1), _beyond(max_value)))


def threshold(threshold: float, value: float) -> Pieces:
    """z above `threshold`, `value` up to it. torch.nn.Threshold."""
    return Pieces((_up_to(threshold, value), _beyond(0, 1)))


def hardtanh(low: float, high: float) -> Pieces:
    """min(max(z, low), high). torch.nn.Hardtanh."""
    return Pieces((_up_to(low, low), _below(high, 0, 1), _beyond(high)))


def hardsigmoid() -> Pieces:
    """min(max(z/6 + 1/2, 0), 1): torch.nn.Hardsigmoid and Keras 3."""
    return Pieces((_up_to(-3, 0), _below(3, 1 / 2, 1 / 6), _beyond(1)))


def hardsigmoid_keras2() -> Pieces:
    """min(max(0.2·z + 1/2, 0), 1): Keras 1 and 2, tf.keras up to TensorFlow 2.15 (tf_keras/activations.py)."""
    return Pieces((_up_to(-2.5, 0), _below(2.5, 1 / 2, 0.2), _beyond(1)))


def hardswish() -> Pieces:
    """z·min(max(z + 3, 0), 6)/6. Howard et al. 2019 (MobileNetV3)."""
    return Pieces((_up_to(-3, 0), _below(3, 0, 1 / 2, 1 / 6), _beyond(0, 1)))


def softshrink(width: float) -> Pieces:
    """z moved by `width` towards 0, and 0 within it. torch.nn.Softshrink (`lambd`)."""
    return Pieces((_below(-width, width, 1), _up_to(width, 0), _beyond(-width, 1)))


def hardshrink(width: float) -> Pieces:
    """z, and 0 within `width` of 0. torch.nn.Hardshrink (`lambd`)."""
    return Pieces((_below(-width, 0, 1), _up_to(width, 0), _beyond(0, 1)))


def sparse_plus() -> Pieces:
    """0 up to -1, (z + 1)²/4 below 1, z beyond. Blondel, Martins & Niculae 2019; keras.activations.sparse_plus."""
    return Pieces((_up_to(-1, 0), _below(1, 1 / 4, 1 / 2, 1 / 4), _beyond(0, 1)))


def sparse_sigmoid() -> Pieces:
    """min(max((z + 1)/2, 0), 1). Blondel, Martins & Niculae 2019; keras.activations.sparse_sigmoid."""
    return Pieces((_up_to(-1, 0), _below(1, 1 / 2, 1 / 2), _beyond(1)))


def relu2() -> Pieces:
    """max(z, 0)². So et al. 2021 (Primer)."""
    return Pieces((_up_to(0, 0), _beyond(0, 0, 1)))


def range_of(pieces: Pieces) -> Interval:
    """The smallest and the largest value, from the ends and the turning point of every piece."""
    lows, highs = [], []
    for lower, upper, coefficients in pieces.intervals():
        c0, c1, c2 = (*coefficients, 0.0, 0.0)[:3]
        turning = [-c1 / (2 * c2)] if c2 else []
        for z in (lower, upper, *turning):
            if lower <= z <= upper:
                grows = c2 or (c1 if z > 0 else -c1)
                value = c0 + c1 * z + c2 * z * z if abs(z) < inf else (c0 if grows == 0 else inf * grows)
                lows.append(value)
                highs.append(value)
    return min(lows), max(highs)
