"""What a finite number of units adds to the theory of infinitely many: chance, and inputs that differ in length.

Behind n units the mean of φ² is a sum of n draws, and its logarithm varies by V/n, V = E φ⁴/(E φ²)² - 1. Part of that
is common to all inputs: chance from one network to the next. The rest makes inputs differ in length. Where nothing
brings q back to a fixed point (ReLU) no later layer takes that away: inputs grow alike in direction, as the theory has
it, but not in length, and behind 50 layers of 256 ReLUs most of what differs between inputs is length.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import asin, exp, floor, log, pi, sin, sqrt
from operator import mul
from typing import NamedTuple

from actinit_lint.reference.moments import stability
from actinit_lint.reference.nonlinearity import Nonlinearity, Pieces
from actinit_lint.reference.operations import MATH
from actinit_lint.reference.quadrature import normal_rule

#: ln‖a_L‖² of a ReLU network of finite widths n_l has variance b and mean -b/2, b = 5·Σ1/n_l. Hanin & Rolnick 2018.
RELU_NOISE = 5.0
_DECADES = 0.4342944819032518  # log10 e
#: Points per factor of e in q at which exponent and noise are computed; beyond 1/FAR and FAR they change no more.
GRID, FAR = 4, 1e6
#: Below this share of the signal its square root is nothing beside 1.
SMALL = 1e-6


def decades(variance: float) -> float:
    """Two standard deviations of log10 of a std, from the variance of the logarithm of its square."""
    return 2 * sqrt(variance) / 2 * _DECADES


def finite_width_decades(widths: Iterable[float]) -> float:
    """Two standard deviations of log10 of a signal's std behind ReLU layers of these widths: less is chance."""
    return decades(RELU_NOISE * sum(1 / n for n in widths))


class Lengths(NamedTuple):
    """What an activation does to the lengths of its inputs."""

    kept: float  # κ = d log E φ²/d log q, the part of a difference in ln q that it hands on
    turned: float  # E z²φ'²/E φ² - κ² >= 0: what of the square of such a difference becomes one in direction
    noise: float  # V: n times the variance of ln(mean of φ² over n units)


def lengths(activation: Nonlinearity, q: float) -> Lengths:
    """For pre-activations ~ N(0, q); between the points of a grid of q, within 1 %. ReLU: (1, 0, 5)."""
    form = activation.form
    if isinstance(form, Pieces) and form.rays is not None:
        squares, fourths = (sum(slope**power for slope in form.rays) for power in (2, 4))
        return Lengths(1.0, 0.0, 6 * fourths / squares**2 - 1 if squares else 0.0)
    place = GRID * log(min(max(q, 1 / FAR), FAR))
    below = floor(place)
    part = place - below
    return Lengths(*((1 - part) * a + part * b for a, b in zip(_at(activation, below), _at(activation, below + 1))))


@lru_cache(maxsize=1024)
def _at(activation: Nonlinearity, point: int) -> Lengths:
    q = exp(point / GRID)
    form, root = activation.form, sqrt(q)
    rule = normal_rule(form.width, form.kinks, q)
    squares = [form.value(MATH, root * x) ** 2 for x in rule.nodes]
    second = sum(map(mul, rule.weights, squares))
    fourth = sum(map(mul, rule.weights, map(mul, squares, squares)))
    if second <= 0:
        return Lengths(0.0, 0.0, 0.0)
    kept = stability(activation, q)
    slopes = [(root * x * form.derivative(MATH, root * x)) ** 2 for x in rule.nodes]
    turned = sum(map(mul, rule.weights, slopes)) / second - kept**2
    return Lengths(kept, max(0.0, turned), max(0.0, fourth / second**2 - 1))


def own_share(share: float) -> float:
    """The part of V that two inputs do not have in common, `share` = s/q: (3/2 - J(c))/(5/4), c = cos t = 1 - share.

    J = (3·sin t·cos t + (π - t)(1 + 2cos²t))/2π = E max(u, 0)²·max(v, 0)² (Cho & Saul 2009, order 2), as for ReLU.
    Other activations are taken to be alike: where they bring q back to a fixed point, the number hardly matters.
    """
    if share < SMALL:
        return 1.6 * share
    t = 2 * asin(sqrt(min(1.0, share / 2)))
    c = 1 - min(2.0, share)
    return (1.5 - (3 * sin(t) * c + (pi - t) * (1 + 2 * c * c)) / (2 * pi)) / 1.25
