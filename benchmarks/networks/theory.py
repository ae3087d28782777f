"""What mean-field theory says of a plain chain of layers: how far its signal and its gradient drift.

With z = W·φ(z of the layer before) + b, q = E z² and s the part of q that differs between inputs, wide layers follow
q ← n_in·Var W·E φ² + Var b, s ← n_in·Var W·G(q, s), and the gradient n_out·Var W·E φ'² (Poole et al. 2016, Schoenholz
et al. 2017). No network is built or run here, so that the labels owe nothing to the probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log10, sqrt
from typing import Literal, NamedTuple

from actinit_lint.reference.dead_units import active_probability
from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.signal_gap import signal_gap
from actinit_lint.reference.zones import saturated_probability

#: (E x², variance across the batch) of the two inputs that the probe makes up: N(0, 1) and U(0, 1).
INPUTS = ((1.0, 1.0), (1 / 3, 1 / 12))
#: Of 88 networks that were trained all 43 up to 1.5 decades learned; the rules report from 3.
HEALTHY, SICK = 1.5, 4.0
#: A share of saturated units that counts is 0.5, one of dead units 0.99: what is drawn is well beyond, or well below.
SATURATED, NOT_SATURATED = 0.65, 0.10
#: A unit of a sick dead layer is on for fewer than one input in so many.
HARDLY_ON = 1e-7


class Map(NamedTuple):
    """A linear layer with the activation behind it."""

    fan_in: float  # products summed in one output
    fan_out: float  # products that one input takes part in
    units: int
    variance: float  # of the weights
    bias: float  # variance of the bias
    activation: Nonlinearity
    norm: Literal["", "batch", "layer"] = ""


def drifts(maps: Sequence[Map], second: float, signal: float) -> tuple[float, float]:
    """(signal, gradient): log10 of the ratios of standard deviations over the chain, last over first and back."""
    q, s, first_signal, gradient = second, signal, 0.0, 0.0
    for index, one in enumerate(maps):
        drive = one.fan_in * one.variance
        if index:
            before = maps[index - 1].activation
            gradient += log10(one.fan_out * one.variance * moments(before, q).slope_second)
            q, s = drive * moments(before, q).second + one.bias, drive * signal_gap(before, q, s)
        else:
            q, s = drive * q + one.bias, drive * s
            first_signal = s
        last = s
        if one.norm == "batch":
            gradient -= log10(s) if index < len(maps) - 1 else 0.0
            q = s = 1.0
        elif one.norm == "layer":
            gradient -= log10(q) if index < len(maps) - 1 else 0.0
            q, s = 1.0, s / q
    normed = any(one.norm for one in maps)
    return (0.0 if normed else _decades(last / first_signal)), 0.5 * gradient


def _decades(square: float) -> float:
    return 0.5 * log10(square) if square > 0 else -inf


def chance(maps: Sequence[Map]) -> float:
    """Decades by which finite layers may miss the theory: two deviations of ½·ln|a|² (Hanin & Rolnick 2018)."""
    return sqrt(5 * sum(1 / one.units for one in maps)) * 0.4342944819032518


def is_healthy(maps: Sequence[Map]) -> bool:
    """Neither drifts for either input, nor starts saturated."""
    most = max(abs(value) for given in INPUTS for value in drifts(maps, *given))
    return most + chance(maps) <= HEALTHY and saturation(maps, *INPUTS[0]) <= NOT_SATURATED


def is_sick(maps: Sequence[Map]) -> bool:
    """Signal or gradient drifts the same way for both inputs, by more than chance could undo."""
    return any(
        min(values) - chance(maps) >= SICK or max(values) + chance(maps) <= -SICK
        for values in zip(*(drifts(maps, *given) for given in INPUTS))
    )


def drift(maps: Sequence[Map]) -> float:
    """The larger drift in magnitude, for N(0, 1) inputs."""
    return max(drifts(maps, *INPUTS[0]), key=abs)


def saturation(maps: Sequence[Map], second: float, signal: float) -> float:
    """Share of units of the saturating layers that start with |φ'| < 0.05, in the layer with most of them."""
    q, worst = second, 0.0
    for index, one in enumerate(maps):
        q = one.fan_in * one.variance * (moments(maps[index - 1].activation, q).second if index else q) + one.bias
        q = 1.0 if one.norm else q
        if one.activation.name in ("tanh", "sigmoid", "softsign"):
            worst = max(worst, saturated_probability(one.activation, q))
    return worst


def deadly_bias(one: Map, bias: float) -> bool:
    """Whether a constant bias leaves a rectifier off for both inputs, whatever its weights."""
    return all(active_probability(one.fan_in * one.variance * second, bias) < HARDLY_ON for second, _ in INPUTS)
