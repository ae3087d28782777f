"""Moments in closed form, where they exist. Each formula is tested against quadrature."""

from __future__ import annotations

from collections.abc import Callable
from math import asin, exp, expm1, pi, sqrt
from typing import NamedTuple

from actinit_lint.reference.gaussian import power_moments, scaled_tail
from actinit_lint.reference.nonlinearity import Asymptote, Nonlinearity, Pieces, differentiate
from actinit_lint.reference.operations import MATH
from actinit_lint.reference.smooth import SELU_ALPHA, SELU_SCALE

#: Above this q no kink lies within reach of a pre-activation, and powers of q would overflow.
HUGE = 1e100


class Moments(NamedTuple):
    """Of a = φ(z), z ~ N(0, q)."""

    mean: float  # m = E φ
    second: float  # M = E φ²
    slope: float  # E φ'
    slope_second: float  # D = E φ'²

    @property
    def variance(self) -> float:
        """M - m²."""
        return max(0.0, self.second - self.mean**2)


def two_rays(left: float, right: float, q: float) -> Moments:
    """Slope `left` below 0 and `right` above: M = (l² + r²)q/2, m = (r - l)√(q/2π), D = (l² + r²)/2."""
    square = (left * left + right * right) / 2
    return Moments((right - left) * sqrt(q / (2 * pi)), square * q, (left + right) / 2, square)


def two_lines(left: Asymptote, right: Asymptote, q: float) -> Moments:
    """The same with an offset o on each side: on the right r²q/2 + 2·r·o·√(q/2π) + o²/2, and so on."""
    half = sqrt(q / (2 * pi))  # E max(z, 0)
    return Moments(
        (right.slope - left.slope) * half + (right.offset + left.offset) / 2,
        (left.slope**2 + right.slope**2) * q / 2
        + 2 * (right.slope * right.offset - left.slope * left.offset) * half
        + (left.offset**2 + right.offset**2) / 2,
        (left.slope + right.slope) / 2,
        (left.slope**2 + right.slope**2) / 2,
    )


def piecewise(form: Pieces, q: float) -> Moments | None:
    """Sums of truncated normal moments. None where E φ² would be lost to cancellation (far in a tail)."""
    root = sqrt(q)
    mean = second = slope = slope_second = size = 0.0
    for low, high, (c0, *rest) in form.intervals():
        m = power_moments(low / root, high / root, 4)
        c1, c2 = (*rest, 0.0, 0.0)[:2]
        c1, c2 = c1 * root, c2 * q  # in powers of x = z/√q
        mean += c0 * m[0] + c1 * m[1] + c2 * m[2]
        terms = (c0 * c0 * m[0], 2 * c0 * c1 * m[1], (c1 * c1 + 2 * c0 * c2) * m[2], 2 * c1 * c2 * m[3], c2 * c2 * m[4])
        second += sum(terms)
        size += sum(map(abs, terms))
        d0, d1 = (*differentiate((0.0, c1, c2)), 0.0)[:2]
        slope += (d0 * m[0] + d1 * m[1]) / root
        slope_second += (d0 * d0 * m[0] + 2 * d0 * d1 * m[1] + d1 * d1 * m[2]) / q
    if second < 1e-4 * size:
        return None
    return Moments(mean, second, slope, slope_second)


def exponential_linear(right: float, left: float, width: float, q: float) -> Moments | None:
    """right·z for z > 0, left·(e^(z/width) - 1) below: with y = √q/width,

    m = right·√(q/2π) + left·(e^(y²/2)Φ(-y) - 1/2), M = right²q/2 + left²(e^(2y²)Φ(-2y) - 2e^(y²/2)Φ(-y) + 1/2),
    E φ' = right/2 + (left/width)·e^(y²/2)Φ(-y), D = right²/2 + (left/width)²·e^(2y²)Φ(-2y).
    None for small y, where M cancels.
    """
    y = sqrt(q) / width
    if y < 0.1:
        return None
    once, twice = scaled_tail(y), scaled_tail(2 * y)
    steep = left / width
    return Moments(
        right * sqrt(q / (2 * pi)) + left * (once - 0.5),
        right * right * q / 2 + left * left * (twice - 2 * once + 0.5),
        right / 2 + steep * once,
        right * right / 2 + steep * steep * twice,
    )


def gelu(q: float) -> Moments:
    """m = q/√(2π(1+q)), M = q/4 + q·asin(q/(1+q))/2π + q²/(π(1+q)√(1+2q)), E φ' = 1/2,
    D = 1/4 + asin(q/(1+q))/2π + q/(π(1+q)√(1+2q)) + q/(2π(1+2q)^(3/2)); by Stein's lemma from E Φ² (Owen 1980)."""
    angle, wide = asin(q / (1 + q)) / (2 * pi), 1 + 2 * q
    cross = q / (pi * (1 + q) * sqrt(wide))
    return Moments(
        q / sqrt(2 * pi * (1 + q)),
        q / 4 + q * angle + q * cross,
        0.5,
        0.25 + angle + cross + q / (2 * pi * wide * sqrt(wide)),
    )


def sin(q: float) -> Moments:
    """m = 0, M = (1 - e^(-2q))/2, E φ' = e^(-q/2), D = (1 + e^(-2q))/2."""
    return Moments(0.0, -expm1(-2 * q) / 2, exp(-q / 2), (1 + exp(-2 * q)) / 2)


def exponential(q: float) -> Moments:
    """E φ = E φ' = e^(q/2), E φ² = E φ'² = e^(2q); infinite where that overflows."""
    first, second = MATH.exp(q / 2), MATH.exp(2 * q)
    return Moments(first, second, first, second)


#: Activation -> its closed form; takes the activation's parameters, then q.
FORMULAS: dict[str, Callable[..., Moments | None]] = {
    "elu": lambda alpha, q: exponential_linear(1, alpha, 1, q),
    "celu": lambda alpha, q: exponential_linear(1, alpha, alpha, q),
    "selu": lambda q: exponential_linear(SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1, q),
    "gelu": gelu,
    "sin": sin,
    "exp": exponential,
}


def moments(activation: Nonlinearity, q: float) -> Moments | None:
    """The closed form for q >= 0, or None where there is none, or none that is accurate at this q."""
    form = activation.form
    if isinstance(form, Pieces):
        if form.rays is not None:
            return two_rays(*form.rays, q)
        if q > HUGE and not form.grows_as_a_square:
            return two_lines(*form.asymptotes, q)
        return piecewise(form, q) if q > 0 else None
    formula = FORMULAS.get(activation.name)
    return formula(*(value for _, value in activation.parameters), q) if formula else None
