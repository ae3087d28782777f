"""Where an activation is dead (φ' = 0) or saturated (|φ'| < 0.05), and how many pre-activations land there."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import asin, inf, pi

from actinit_lint.reference.gaussian import probability
from actinit_lint.reference.nonlinearity import Interval, Nonlinearity, Pieces, Smooth, differentiate

#: A unit counts as saturated where less than this share of the gradient comes back. For sigmoid that is |z| > 2.887,
#: outputs beyond 0.0528 and 0.9472; for tanh |z| > 2.178, outputs beyond 0.9747.
SATURATED = 0.05
#: Half-width and step, in units of the activation's width, of the search for the ends of a saturated zone; the
#: narrowest zone in the catalogue, GELU's around its minimum, is 0.24 wide.
REACH, STEP = 64.0, 1 / 32
#: Periods of sin' listed as zones, each side of 0.
PERIODS = 64


@lru_cache(maxsize=256)
def dead_zone(activation: Nonlinearity) -> tuple[Interval, ...]:
    """Intervals of z in which φ is constant, so that nothing comes back. Empty for every smooth activation."""
    form = activation.form
    if not isinstance(form, Pieces):
        return ()
    return _joined([(low, high) for low, high, coefficients in form.intervals() if not any(coefficients[1:])])


@lru_cache(maxsize=256)
def saturated_zone(activation: Nonlinearity) -> tuple[Interval, ...]:
    """Intervals of z with |φ'(z)| < 0.05.

    For rectifiers that is the side that is switched off: speak of saturation only where `family` is "saturating".
    """
    form = activation.form
    if isinstance(form, Pieces):
        return _joined([zone for piece in form.intervals() for zone in _of_piece(*piece)])
    if activation.name == "sin":
        half = asin(SATURATED)
        return tuple(((k + 0.5) * pi - half, (k + 0.5) * pi + half) for k in range(-PERIODS, PERIODS))
    return _of_formula(activation, form)


def dead_probability(activation: Nonlinearity, q: float, mean: float = 0.0) -> float:
    """P(φ'(z) = 0) for z ~ N(mean, q)."""
    return probability(dead_zone(activation), q, mean)


def saturated_probability(activation: Nonlinearity, q: float, mean: float = 0.0) -> float:
    """P(|φ'(z)| < 0.05) for z ~ N(mean, q)."""
    return probability(saturated_zone(activation), q, mean)


def _joined(zones: list[Interval]) -> tuple[Interval, ...]:
    joined: list[Interval] = []
    for low, high in zones:
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


def _of_piece(low: float, high: float, coefficients: tuple[float, ...]) -> list[Interval]:
    """The part of a piece with |c1 + 2·c2·z| < 0.05."""
    c1, c2 = (*differentiate(coefficients), 0.0)[:2]
    if c2 == 0:
        return [(low, high)] if abs(c1) < SATURATED else []
    ends = sorted(((-SATURATED - c1) / c2, (SATURATED - c1) / c2))
    low, high = max(low, ends[0]), min(high, ends[1])
    return [(low, high)] if low < high else []


def _of_formula(activation: Nonlinearity, form: Smooth) -> tuple[Interval, ...]:
    def flat(z: float) -> bool:
        return bool(abs(activation.derivative(z)) < SATURATED)

    step = STEP * form.width
    start = -REACH * form.width
    zones: list[Interval] = []
    opened = -inf if flat(start) else None
    here = start
    while here < -start:
        there = here + step
        if flat(there) != flat(here):
            end = _switch(flat, here, there)
            if opened is None:
                opened = end
            else:
                zones.append((opened, end))
                opened = None
        here = there
    if opened is not None:
        zones.append((opened, inf))
    return tuple(zones)


def _switch(flat: Callable[[float], bool], low: float, high: float) -> float:
    """Where `flat` changes between low and high, to the last bit."""
    before = flat(low)
    while low < (middle := (low + high) / 2) < high:
        if flat(middle) == before:
            low = middle
        else:
            high = middle
    return high
