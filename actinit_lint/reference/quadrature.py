"""Gauss-Legendre quadrature against the density of N(0, 1), on panels that follow the integrand."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import cos, floor, log2, pi, sqrt

from actinit_lint.reference.gaussian import density

#: Points a panel. With panels of half a unit, closed forms are met to 1e-15 (tests/test_reference_moments.py).
POINTS = 20
#: Beyond 12 standard deviations lies 4e-33 of the probability. (e^z moves its mass by 2√q, but has closed forms.)
REACH = 12.0
#: Largest panel: half a standard deviation, or half of the integrand's own unit, whichever is smaller.
PANEL = 0.5
#: Away from 0 an activation flattens out, so panels may grow with the distance from it: width <= distance/4.
GROWTH = 0.25


@lru_cache(maxsize=8)
def legendre(points: int) -> tuple[tuple[float, float], ...]:
    """(node, weight) of the Gauss-Legendre rule on [-1, 1], by Newton's method on the Legendre polynomial."""
    rule = []
    for i in range(points):
        x = cos(pi * (i + 0.75) / (points + 0.5))
        for _ in range(100):
            before, here = 1.0, x
            for k in range(2, points + 1):
                before, here = here, ((2 * k - 1) * x * here - (k - 1) * before) / k
            slope = points * (x * here - before) / (x * x - 1)
            step = here / slope
            x -= step
            if abs(step) < 1e-16:
                break
        rule.append((x, 2 / ((1 - x * x) * slope * slope)))
    return tuple(rule)


def edges(unit: float, kinks: Sequence[float], reach: float = REACH) -> list[float]:
    """Panel edges from -reach to reach, symmetric about 0 but for the kinks, which are edges too.

    `unit` is the length over which the integrand changes near 0, in standard deviations.
    """
    right, x = [], 0.0
    smallest = PANEL * min(1.0, unit)
    while x < reach:
        right.append(x)
        x += min(PANEL, max(smallest, GROWTH * x))
    right.append(reach)
    inside = {k for k in kinks if -reach < k < reach}
    return sorted({*right, *(-x for x in right), *inside})


class NormalRule:
    """Nodes x and weights w such that Σ w·f(x) = E f(X) for X ~ N(0, 1), f smooth between the kinks.

    Weights include the density. A unit of 1 makes 48 panels of 20 points, each halving of it adds a few panels.
    """

    def __init__(self, unit: float, kinks: tuple[float, ...]) -> None:
        rule = legendre(POINTS)
        self.nodes: list[float] = []
        weights = []
        bounds = edges(unit, kinks)
        for low, high in pairwise(bounds):
            middle, half = 0.5 * (low + high), 0.5 * (high - low)
            for t, w in rule:
                x = middle + half * t
                self.nodes.append(x)
                weights.append(w * half * density(x))
        self._hermite = [array("d", weights)]

    @property
    def weights(self) -> array[float]:
        return self._hermite[0]

    def hermite(self, k: int) -> array[float]:
        """w·h_k(x) at every node, h_k the orthonormal Hermite polynomial: h_0 = 1, h_1 = x,
        √(k+1)·h_{k+1} = x·h_k - √k·h_{k-1}. Computed when first asked for."""
        rows = self._hermite
        while len(rows) <= k:
            n = len(rows) - 1
            up, down = 1 / sqrt(n + 1), sqrt(n)
            before = rows[n - 1] if n else rows[0]
            rows.append(
                array("d", [(x * h - down * b) * up for x, h, b in zip(self.nodes, rows[n], before, strict=True)])
            )
        return rows[k]


@lru_cache(maxsize=16)
def _shared_rule(unit: float, kinks: tuple[float, ...]) -> NormalRule:
    return NormalRule(unit, kinks)


def normal_rule(width: float, kinks: Sequence[float], q: float) -> NormalRule:
    """The rule for a function of z = √q·x that bends over `width` near 0 and has `kinks`, both in units of z.

    The unit is rounded down to a power of two, so that nearby q share a rule; 0 is an edge in any case.
    """
    root = sqrt(q)
    unit = 1.0 if width >= root else 2.0 ** floor(log2(width / root))
    return _shared_rule(unit, tuple(k / root for k in kinks if 0 < abs(k) < REACH * root))
