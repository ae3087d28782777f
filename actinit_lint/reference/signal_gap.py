"""G(q, s): how much of the batch signal an activation lets through.

The batch signal of a layer is the part of its pre-activations that differs between inputs: s = q·(1 - c), with c the
correlation of the pre-activations u, v of one unit for two inputs. G is the same part of the outputs,

    G(q, s) = E φ² - E φ(u)φ(v) = ½·E[(φ(u) - φ(v))²],   u, v ~ N(0, q), E uv = q - s.

With a_k = E[φ(√q·x)·h_k(x)], h_k the orthonormal Hermite polynomials, G = Σ a_k²·(1 - c^k) (Mehler's formula; Daniely,
Frostig & Singer 2016). It is never computed as a difference of two second moments: after some tens of layers s is
smaller than the rounding of q.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import asin, cos, erfc, exp, expm1, inf, log1p, pi, sin, sqrt
from operator import mul

from actinit_lint.reference.gaussian import below, density
from actinit_lint.reference.moments import moments, rounded
from actinit_lint.reference.nonlinearity import Nonlinearity, Pieces, Smooth
from actinit_lint.reference.operations import MATH
from actinit_lint.reference.quadrature import normal_rule

#: Below this share s/q the map is linear in s, G = s·E φ'², to the accuracy of a kink (a third of √(s/q)).
LINEAR = 1e-4
#: Terms by quadrature (each costs a pass over the nodes) and by recurrence at the kinks.
SMOOTH_TERMS, PIECEWISE_TERMS = 80, 256
#: A remainder of E φ² below this share is rounding, and so is a jump of φ below this height.
ROUNDING = 1e-13


def signal_gap(activation: Nonlinearity, q: float, s: float) -> float:
    """G(q, s) for 0 <= s <= q: the variance of the outputs across the batch, averaged over units.

    q: second moment of the pre-activations; s: their variance across the batch, more than q counts as q. Exact for
    ReLU, leaky ReLU, squared ReLU, identity, sin and exp, and to 1e-9 for smooth activations up to q = 1. Where kinks
    or a large q leave a tail of the expansion to be estimated, the error stays below 1 % up to q = 4, 10 % at q = 400;
    where φ itself jumps (hardshrink), it is a few per cent.
    Raises ValueError for a negative or infinite q.
    """
    if not s > 0 or q <= 0:
        moments(activation, q)  # raises for a q out of bounds
        return 0.0
    share = min(1.0, s / q)
    form = activation.form
    if isinstance(form, Pieces) and form.rays is not None:
        return _two_rays(*form.rays, q, share)
    known = moments(activation, q)
    if share >= 1:
        return known.variance
    jumps = isinstance(form, Pieces) and any(abs(jump.value) > ROUNDING for jump in form.jumps)
    linear = inf if jumps else s * known.slope_second
    closed = CLOSED.get(activation.name)
    if closed is not None and (share > LINEAR or activation.name != "relu2"):
        return closed(q, share)
    if not jumps and share < LINEAR and s < LINEAR * activation.width**2:
        return linear
    return min(linear, _expansion(activation, q, share, known.second, linear / share, jumps))


def _two_rays(left: float, right: float, q: float, share: float) -> float:
    """Slope `left` below 0, `right` above: φ(z) = l·z + (r - l)·max(z, 0), so G = q(l·r·e + (r - l)²·g), e = s/q, with
    g = e/2 + (t·cos t - sin t)/2π and cos t = c (Cho & Saul 2009, order 1); g = e/2 - t³/6π for small angles t."""
    t = 2 * asin(sqrt(share / 2))
    g = share / 2 - t**3 / (6 * pi) if t < 1e-3 else share / 2 + (t * cos(t) - sin(t)) / (2 * pi)
    return q * (left * right * share + (right - left) ** 2 * g)


def _square_of_relu(q: float, share: float) -> float:
    """3q²/2 - q²(3·sin t·cos t + (π - t)(1 + 2cos²t))/2π, cos t = 1 - share. Cho & Saul 2009, order 2."""
    t = 2 * asin(sqrt(share / 2))
    c = 1 - share
    return q * q * (1.5 - (3 * sin(t) * c + (pi - t) * (1 + 2 * c * c)) / (2 * pi))


#: From E e^u e^v = e^(q(1+c)) and E sin u·sin v = e^(-q)·sinh(qc).
CLOSED: dict[str, Callable[[float, float], float]] = {
    "relu2": _square_of_relu,
    "exp": lambda q, share: -MATH.exp(2 * q) * expm1(-q * share),
    "sin": lambda q, share: 0.5 * -expm1(-q * share) * (1 + exp(-q * (2 - share))),
}


def _expansion(activation: Nonlinearity, q: float, share: float, second: float, slope: float, jumps: bool) -> float:
    """Σ a_k²(1 - c^k) and an estimate of the terms left out, whose squares add up to E φ² - Σ a_k².

    Two estimates bound those terms: squares that fall as k^(-3/2), as behind a jump of φ, and, by concavity, all weight
    at the mean degree, which E φ'² = Σ k·a_k²/q fixes (`slope` is q·E φ'²). The smaller one is taken.
    """
    coefficients = hermite_coefficients(activation, rounded(q))
    decay = log1p(-share)  # log c
    total, left, left_degrees = 0.0, second, slope
    for k, a in enumerate(coefficients):
        square = a * a
        total -= square * expm1(k * decay)
        left -= square
        left_degrees -= k * square
    if left <= ROUNDING * second:
        return total
    first, rate = float(len(coefficients)), -decay
    by_jump = 1 - exp(-rate * first) + sqrt(pi * rate * first) * erfc(sqrt(rate * first))
    by_degree = 1.0 if jumps else -expm1(decay * max(first, left_degrees / left))
    return total + left * min(1.0, by_jump, by_degree)


@lru_cache(maxsize=256)
def hermite_coefficients(activation: Nonlinearity, q: float) -> tuple[float, ...]:
    """a_k = E[φ(√q·x)·h_k(x)] for k = 0, 1, ... up to `SMOOTH_TERMS` or `PIECEWISE_TERMS`, as many as carry weight."""
    if isinstance(activation.form, Pieces):
        return _of_pieces(activation.form, q, moments(activation, q).mean)
    return _of_formula(activation.form, q)


def _of_formula(form: Smooth, q: float) -> tuple[float, ...]:
    root, rule = sqrt(q), normal_rule(form.width, form.kinks, q)
    values = [form.value(MATH, root * x) for x in rule.nodes]
    left = sum(map(mul, rule.weights, map(mul, values, values)))
    enough = ROUNDING * left
    coefficients = []
    for k in range(SMOOTH_TERMS + 1):
        a = sum(map(mul, values, rule.hermite(k)))
        coefficients.append(a)
        left -= a * a
        if left < enough:
            break
    return tuple(coefficients)


def _of_pieces(form: Pieces, q: float, mean: float) -> tuple[float, ...]:
    """By parts, (h_{k-1}·pdf)' = -√k·h_k·pdf, until only the jumps of φ, φ' and φ'' at the kinks are left."""
    root = sqrt(q)
    coefficients = [0.0] * (PIECEWISE_TERMS + 1)
    coefficients[0] = mean
    for low, high, (_, *rest) in form.intervals():  # what is left of φ' and φ'' between the kinks
        c1, c2 = (*rest, 0.0, 0.0)[:2]
        a, b = low / root, high / root
        inside = below(b) - below(a)
        coefficients[1] += root * (c1 * inside + 2 * c2 * root * (density(a) - density(b)))
        coefficients[2] += q * 2 * c2 * inside / sqrt(2)
    for jump in form.jumps:
        x = jump.at / root
        heights = (jump.value, root * jump.slope, q * jump.curvature)
        third = second = 0.0  # h_{k-3}·pdf, h_{k-2}·pdf
        first = density(x)  # h_{k-1}·pdf
        for k in range(1, PIECEWISE_TERMS + 1):
            term = heights[0] * first
            if k > 1:
                term += heights[1] * second / sqrt(k - 1)
            if k > 2:
                term += heights[2] * third / sqrt((k - 1) * (k - 2))
            coefficients[k] += term / sqrt(k)
            third, second, first = second, first, (x * first - sqrt(k - 1) * second) / sqrt(k)
    return tuple(coefficients)
