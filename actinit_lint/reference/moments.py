"""Moments of an activation's output for a normal pre-activation z ~ N(0, q): mean, second moment, derivative."""

from __future__ import annotations

from functools import lru_cache
from math import inf, sqrt
from operator import mul

from actinit_lint.reference import closed_forms
from actinit_lint.reference.closed_forms import Moments, two_lines
from actinit_lint.reference.nonlinearity import Nonlinearity, Smooth
from actinit_lint.reference.operations import MATH
from actinit_lint.reference.quadrature import normal_rule

__all__ = ["Moments", "by_quadrature", "moments", "rounded", "stability"]

#: Above this q (in units of the activation's width squared) the limit of large q takes over.
LARGE = 1e12
#: Stands for q = 0: z is so small that φ is its value at 0 and its two slopes there.
TINY = 1e-280


def rounded(q: float) -> float:
    """q to 10 significant digits: the key that quadratures are cached under."""
    return float(f"{q:.10g}")


def moments(activation: Nonlinearity, q: float) -> Moments:
    """E φ, E φ², E φ' and E φ'² for z ~ N(0, q), where q = E z² is the second moment of the pre-activations.

    Closed forms where there are any, quadrature with a relative error below 1e-13 elsewhere (cached on q to 10
    digits, which moves the result by less than 1e-10). Jumps of φ itself (hardshrink) are no part of φ'. At q = 0 the
    derivative counts as the mean of both sides.
    Poole et al. 2016; Schoenholz et al. 2017. Raises ValueError for a negative or infinite q.
    """
    if not 0 <= q < inf:
        raise ValueError(f"q is {q}; expected the second moment of a pre-activation, finite and not negative")
    closed = closed_forms.moments(activation, q)
    return closed if closed is not None else _cached(activation, rounded(q))


@lru_cache(maxsize=4096)
def _cached(activation: Nonlinearity, q: float) -> Moments:
    form = activation.form
    if isinstance(form, Smooth) and form.asymptotes is not None and q > LARGE * form.width**2:
        return _far_limit(activation, q)
    return by_quadrature(activation, q)


def by_quadrature(activation: Nonlinearity, q: float) -> Moments:
    """`moments` by quadrature for any q >= 0, closed form or not."""
    form = activation.form
    q = max(q, TINY)
    root, rule = sqrt(q), normal_rule(form.width, form.kinks, q)
    points = [root * x for x in rule.nodes]
    values = [form.value(MATH, z) for z in points]
    slopes = [form.derivative(MATH, z) for z in points]
    return Moments(
        sum(map(mul, rule.weights, values)),
        sum(map(mul, rule.weights, map(mul, values, values))),
        sum(map(mul, rule.weights, slopes)),
        sum(map(mul, rule.weights, map(mul, slopes, slopes))),
    )


def _far_limit(activation: Nonlinearity, q: float) -> Moments:
    """The asymptotes' moments; what the activation differs by near 0 falls as 1/√q, since the density there does."""
    form = activation.form
    assert isinstance(form, Smooth)
    assert form.asymptotes is not None
    at = LARGE * form.width**2
    share = sqrt(at / q)
    known, there, here = _cached(activation, at), two_lines(*form.asymptotes, at), two_lines(*form.asymptotes, q)
    return Moments(*(h + (k - t) * share for h, k, t in zip(here, known, there, strict=True)))


def stability(activation: Nonlinearity, q: float) -> float:
    """d log M/d log q at q > 0, M(q) = E φ². Below 1 the forward map is self-stabilising, at 1 scale-invariant, above 1
    any mis-scaling grows with depth. Computed as (E[x²φ²]/E[φ²] - 1)/2, x = z/√q, which holds with jumps too."""
    form, root = activation.form, sqrt(q)
    rule = normal_rule(form.width, form.kinks, q)
    squares = [w * form.value(MATH, root * x) ** 2 for x, w in zip(rule.nodes, rule.weights, strict=True)]
    return (sum(x * x * y for x, y in zip(rule.nodes, squares, strict=True)) / sum(squares) - 1) / 2
