"""How many ReLU units are dead before the first step: in narrow networks, under a bias, on a finite batch."""

from __future__ import annotations

from collections.abc import Iterable
from math import expm1, inf, log1p, sqrt

from actinit_lint.reference.gaussian import below
from actinit_lint.reference.quadrature import normal_rule

#: A unit that fewer inputs than this share switch on counts as dead.
ACTIVE = 0.01


def born_dead(widths: Iterable[float]) -> float:
    """P(some hidden layer of a plain ReLU chain has no active unit) = 1 - Π(1 - 2^-n), over the hidden widths n.

    Exact for one input with zero or symmetric biases, an upper bound over many inputs. Lu et al. 2020.
    """
    return -expm1(sum(log1p(-(2.0**-n)) if n > 0 else -inf for n in widths))


def born_dead_bound(width: int, hidden: int) -> float:
    """A lower bound of the same over all scalar inputs: zero biases, one input, `hidden` layers of equal `width`.

    1 - a1^k + (1 - 2^(1-n))(1 - 2^-n)/(1 + (n-1)2^-n)·(a2^k - a1^k), k = hidden - 1, a1 = 1 - 2^-n,
    a2 = 1 - 2^(1-n) - (n-1)2^(-2n). Lu et al. 2020; agrees with simulation (tests/test_reference_propagation.py).
    """
    n, k, half = width, hidden - 1, 2.0**-width
    a1, a2 = 1 - half, 1 - 2 * half - (n - 1) * half * half
    return 1 - a1**k + (1 - 2 * half) * (1 - half) / (1 + (n - 1) * half) * (a2**k - a1**k)


def active_probability(q: float, bias_mean: float = 0.0, bias_variance: float = 0.0) -> float:
    """P(z + b > 0) for z ~ N(0, q) and a bias b ~ N(mean, variance): Φ(mean/√(q + variance))."""
    spread = sqrt(q + bias_variance)
    if spread == 0:
        return float(bias_mean > 0)
    return below(bias_mean / spread)


def dead_bias_probability(q: float, bias_mean: float, bias_variance: float = 0.0, active: float = ACTIVE) -> float:
    """P(a unit's own bias leaves it active on less than the share `active` of its inputs).

    Without the bias z ~ N(0, q); that is P(b < -t·√q) with Φ(-t) = active: 1 or 0 for a constant bias.
    """
    limit = bias_limit(q, active)
    if bias_variance <= 0:
        return float(bias_mean < limit)
    return below((limit - bias_mean) / sqrt(bias_variance))


def bias_limit(q: float, active: float = ACTIVE) -> float:
    """The constant bias that leaves a unit active on the share `active` of its inputs: -t·√q, Φ(-t) = active."""
    return -_upper_quantile(active) * sqrt(q)


def dead_on_batch(q: float, s: float, batch: int) -> float:
    """P(a ReLU unit is at most 0 on all of `batch` inputs), pre-activations ~ N(0, q) with correlation c = 1 - s/q.

    E Φ(-√(c/(1-c))·T)^batch over T ~ N(0, 1): deep healthy networks reach a half of their units.
    """
    if s <= 0 or q <= 0:
        return 0.5
    if s >= q:
        return float(0.5**batch)
    ratio = sqrt(q / s - 1)
    rule = normal_rule(1 / max(1.0, ratio), (), 1.0)
    return sum(w * below(-ratio * t) ** batch for t, w in zip(rule.nodes, rule.weights, strict=True))


def _upper_quantile(p: float) -> float:
    """t with Φ(-t) = p, by bisection."""
    low, high = -40.0, 40.0
    while high - low > 1e-13:
        middle = (low + high) / 2
        if below(-middle) > p:
            low = middle
        else:
            high = middle
    return (low + high) / 2
