"""One step of the signal forward and of the gradient back, for every kind of block a chain is made of.

A `Signal` is carried forward; a backward factor is a plain number that multiplies E δ², the mean square of the
gradient, on its way from the block's output to its input. Factors of consecutive blocks multiply.

The mean-field equations: z_l = W_l·a_{l-1} + b_l, a_l = φ(z_l), weights and biases independent with mean 0,

    q_{l+1} = σw²·E φ² + σb²,   s_{l+1} = σw²·G(q_l, s_l),   E δ_l² = σw'²·E φ'²·E δ_{l+1}²,

where σw² = n_in·Var W sums over the inputs of an output and σw'² = n_out·Var W over the outputs of an input, both of
the layer after φ. Poole et al. 2016; Schoenholz et al. 2017; He et al. 2015, eq. 9 and 14.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import expm1, inf, log, pi, sin, sqrt
from typing import Literal, NamedTuple

from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.signal_gap import signal_gap

NormKind = Literal["batch", "instance", "layer", "rms", "group"]


class Signal(NamedTuple):
    """What a tensor carries: `q`, its second moment per element, and `s`, its variance across the batch (0 <= s <= q).

    s/q -> 0 is a network that answers the same to every input, however healthy q looks.
    """

    q: float
    s: float


#: A standardised input.
INPUT = Signal(1.0, 1.0)


def linear(signal: Signal, gain: float, bias_variance: float = 0.0) -> Signal:
    """Through a linear map: (σw²·q + σb², σw²·s), with `gain` = σw² = n_in·Var W. A bias is the same for every input.

    The backward factor is n_out·Var W, `initializers.operation_gain(...).fan_out`.
    """
    return Signal(gain * signal.q + bias_variance, gain * signal.s)


def coherent_gain(inputs: float, mean: float) -> float:
    """(n·μ)²: what weights of mean μ do to the part of the signal that all n inputs share; add it to σw².

    uniform_(0, 1) on 128 inputs multiplies the second moment by 4096 a layer.
    """
    return (inputs * mean) ** 2


def activate(signal: Signal, activation: Nonlinearity) -> Signal:
    """Through an activation, from pre-activations ~ N(0, q): (E φ², G(q, s))."""
    return Signal(moments(activation, signal.q).second, signal_gap(activation, signal.q, signal.s))


def activate_backward(activation: Nonlinearity, q: float) -> float:
    """E φ'², the backward factor of an activation whose pre-activations are N(0, q)."""
    return moments(activation, q).slope_second


def layer_step(
    signal: Signal, activation: Nonlinearity, gain: float, bias_variance: float = 0.0, dropout: float = 0.0
) -> Signal:
    """From the pre-activations of one layer to those of the next: activation, dropout, linear map."""
    return linear(drop(activate(signal, activation), dropout), gain, bias_variance)


def backward_factor(activation: Nonlinearity, q: float, gain: float, dropout: float = 0.0) -> float:
    """χ: E δ² at these pre-activations over E δ² at the next layer's, gain·E φ'²/(1 - p) with `gain` = n_out·Var W of
    the next layer. 1 is critical; the depth scale is 1/|ln χ|. Schoenholz et al. 2017."""
    return gain * activate_backward(activation, q) * drop_backward(dropout)


def drop(signal: Signal, p: float) -> Signal:
    """Through dropout while training, 0 <= p < 1: q grows by 1/(1 - p), what depends on the input stays.

    Alpha dropout keeps both: leave it out.
    """
    return Signal(signal.q * drop_backward(p), signal.s)


def drop_backward(p: float) -> float:
    """1/(1 - p). Raises ValueError unless 0 <= p < 1."""
    if not 0 <= p < 1:
        raise ValueError(f"dropout probability is {p}, expected 0 <= p < 1")
    return 1 / (1 - p)


def normalise(
    signal: Signal, kind: NormKind, eps: float, *, gamma: float = 1.0, beta: float = 0.0, mean: float = 0.0
) -> tuple[Signal, float]:
    """Through a normalisation: the signal after it, and its backward factor.

    Batch norm (and instance norm, over positions) divides by the variance across the batch, s + eps, and so restores
    the batch signal. Layer and group norm divide by the variance across units, q - mean² + eps, RMS norm by q + eps:
    one scale for what differs between inputs and what does not. `mean` is the mean over units: 0 for pre-activations,
    E φ for a norm behind an activation. Yang et al. 2019; batch norm between ReLU layers: χ = π/(π - 1) = 1.467.
    """
    if kind in ("batch", "instance"):
        spread, kept = signal.s, signal.s
    else:
        spread = kept = signal.q if kind == "rms" else max(0.0, signal.q - mean * mean)
    scale = gamma * gamma / (spread + eps) if spread + eps > 0 else inf
    q = kept * scale if kept > 0 else 0.0
    s = signal.s * scale if signal.s > 0 else 0.0
    return Signal(q + beta * beta, min(s, q)), scale


def gate(signal: Signal, activation: Nonlinearity) -> Signal:
    """u·φ(v) with u and v two independent halves, as in GLU, GEGLU and SwiGLU (Shazeer 2020): q·E φ², and likewise
    q·E φ² - (q - s)·(E φ² - G) across the batch. `activation` is sigmoid, gelu or silu."""
    inner = activate(signal, activation)
    return Signal(signal.q * inner.q, signal.q * inner.s + signal.s * (inner.q - inner.s))


def gate_backward(activation: Nonlinearity, q: float) -> float:
    """Mean over both halves of the gradient's square: (E φ² + q·E φ'²)/2 for each of the 2n inputs of n outputs."""
    known = moments(activation, q)
    return (known.second + q * known.slope_second) / 2


def softmax(q: float, units: int) -> Signal:
    """Softmax over k logits ~ N(0, q): mean 1/k, variance (e^q - 1)/k² across units.

    A lognormal approximation, 4 % too high for 256 units at q = 1. What reaches a next layer is next to nothing: treat
    a hidden softmax as a vanishing signal.
    """
    wide = expm1(min(q, 690.0)) / units**2
    return Signal(wide + 1 / units**2, wide)


def add(skip: Signal, branch: Signal) -> Signal:
    """The sum of two independent tensors, as where a residual branch rejoins.

    Pre-norm: the branch starts with a `normalise`; post-norm: one follows the sum; with neither, q grows geometrically.
    """
    return Signal(skip.q + branch.q, skip.s + branch.s)


def add_backward(branch_factor: float) -> float:
    """1 + χ_f, with χ_f the product of the factors inside the branch, its own normalisation included.

    A branch whose last weight or γ is zero has χ_f = 0 and leaves the gradient alone.
    """
    return 1 + branch_factor


def concatenate(parts: Iterable[tuple[Signal, float]]) -> Signal:
    """Tensors side by side, each with its number of units: the mean over all units."""
    rows = list(parts)
    total = sum(units for _, units in rows)
    return Signal(sum(p.q * units for p, units in rows) / total, sum(p.s * units for p, units in rows) / total)


def fixed_point(
    activation: Nonlinearity, gain: float, bias_variance: float = 0.0, start: float = 1.0, steps: int = 1000
) -> float:
    """q* = σw²·E φ² + σb² by iteration from `start`, to a relative 1e-10 or as far as `steps` reach; inf past 1e300."""
    q = start
    for _ in range(steps):
        before, q = q, gain * moments(activation, q).second + bias_variance
        if q > 1e300:
            return inf
        if abs(q - before) <= 1e-10 * q:
            break
    return q


def depth_scale(factor: float) -> float:
    """ξ = 1/|ln χ|: over how many layers the gradient changes by e. Schoenholz et al. 2017."""
    return inf if factor == 1 else 0.0 if factor <= 0 else 1 / abs(log(factor))


#: Steps of the power iteration: starting next to the eigenvector, ten settle four digits and more.
BORDER_STEPS = 10


@lru_cache(maxsize=256)
def border_gain(size: int, kernel: int, axes: int = 2) -> float:
    """Share of the second moment that zero padding leaves to each of many layers of odd `kernel` on maps of `size`.

    The largest eigenvalue of A_xy = 1/k·[|x - y| <= (k - 1)/2], to the power of `axes`: for k = 3 that is
    ((1 + 2cos(π/(size + 1)))/3)^axes, 0.92 on 8 × 8 maps.
    """
    reach = (kernel - 1) // 2
    vector = [sin(pi * (x + 1) / (size + 1)) for x in range(size)]  # the eigenvector for k = 3, near it for others
    value = 1.0
    for _ in range(BORDER_STEPS):
        image = [sum(vector[max(0, x - reach) : x + reach + 1]) / kernel for x in range(size)]
        value = sqrt(sum(y * y for y in image) / sum(x * x for x in vector))
        vector = [y / value for y in image]
    return float(value**axes)


def first_border_gain(size: int, kernel: int, axes: int = 2) -> float:
    """The same for a first layer on an even map: ((k·size - r(r + 1))/(k·size))^axes, r = (k - 1)/2, size >= r."""
    reach = (kernel - 1) // 2
    return float(((kernel * size - reach * (reach + 1)) / (kernel * size)) ** axes)
