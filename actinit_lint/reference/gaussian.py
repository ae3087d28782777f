"""The normal distribution N(0, q): probabilities, truncated moments and their limits, on the standard library alone."""

from __future__ import annotations

from collections.abc import Iterable
from math import erfc, exp, inf, pi, sqrt

from actinit_lint.reference.nonlinearity import Interval

ROOT_TWO_PI = sqrt(2 * pi)
_ROOT_HALF = sqrt(1 / 2)


def density(x: float) -> float:
    """Density of N(0, 1) at x, written pdf in the formulas; 0 at infinity."""
    return exp(-0.5 * x * x) / ROOT_TWO_PI


def below(x: float) -> float:
    """Φ(x) = P(N(0, 1) <= x), with full relative precision in the left tail."""
    return 0.5 * erfc(-_ROOT_HALF * x)


def between(a: float, b: float) -> float:
    """P(a < N(0, 1) < b) for a <= b, without cancellation where both lie in one tail."""
    if a > 0:
        return 0.5 * (erfc(_ROOT_HALF * a) - erfc(_ROOT_HALF * b))
    return 0.5 * (erfc(-_ROOT_HALF * b) - erfc(-_ROOT_HALF * a))


def probability(intervals: Iterable[Interval], q: float, mean: float = 0.0) -> float:
    """P(z lies in one of the disjoint `intervals`) for z ~ N(mean, q); q = 0 is the point `mean`."""
    if q <= 0:
        return float(any(low <= mean <= high for low, high in intervals))
    root = sqrt(q)
    return sum(between((low - mean) / root, (high - mean) / root) for low, high in intervals)


def scaled_tail(y: float) -> float:
    """e^(y²/2)·Φ(-y) for y >= 0: no overflow, no underflow. Between 1/2 at 0 and 1/(y·√(2π)) far out."""
    if y < 12:
        return exp(0.5 * y * y) * below(-y)
    fraction = y  # Laplace's continued fraction of Mills' ratio: 1/(y + 1/(y + 2/(y + ...)))
    for k in range(24, 0, -1):
        fraction = y + k / fraction
    return 1 / (fraction * ROOT_TWO_PI)


def power_moments(a: float, b: float, highest: int) -> list[float]:
    """[∫ x^n pdf(x) dx from a to b for n = 0 .. highest], highest >= 1. Integration by parts, upwards from n = 0."""
    at_a, at_b = density(a), density(b)
    moments = [between(a, b), at_a - at_b]
    power_a = a * at_a if a > -inf else 0.0
    power_b = b * at_b if b < inf else 0.0
    for n in range(2, highest + 1):
        moments.append((n - 1) * moments[n - 2] + power_a - power_b)
        power_a, power_b = (p * x if abs(x) < inf else 0.0 for p, x in ((power_a, a), (power_b, b)))
    return moments


def truncated_normal(mean: float, std: float, low: float, high: float) -> tuple[float, float]:
    """Mean and variance of N(mean, std²) redrawn until low <= w <= high; the cuts are absolute, not multiples of std.

    With α = (low - μ)/σ, β = (high - μ)/σ, Z = Φ(β) - Φ(α) and pdf the density of N(0, 1), the mean is
    μ + σ(pdf(α) - pdf(β))/Z and the variance σ²[1 + (α·pdf(α) - β·pdf(β))/Z - ((pdf(α) - pdf(β))/Z)²].
    Johnson, Kotz & Balakrishnan 1994, section 13.10.1. Cuts so far out in one tail that Z underflows give the nearer
    cut and variance 0. Raises ValueError unless std > 0 and low < high.
    """
    if not (std > 0 and low < high):
        raise ValueError(f"truncated normal needs std > 0 and low < high; got std {std}, cuts {low} and {high}")
    alpha, beta = (low - mean) / std, (high - mean) / std
    mass, first, second = power_moments(alpha, beta, 2)
    if mass < 1e-280:
        return (low if alpha > 0 else high), 0.0
    shift = first / mass
    return mean + std * shift, max(0.0, std * std * (second / mass - shift * shift))
