"""Mean and variance of what an initialiser draws, from its normal form alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, inf, prod, sqrt
from typing import Literal, NamedTuple

from actinit_lint.reference.fans import Fans, keras_fans, torch_fans
from actinit_lint.reference.gaussian import truncated_normal
from actinit_lint.reference.normal_form import Initializer

#: Where a kernel keeps its axes: torch [out, in, *kernel], Keras [*kernel, in, out].
Layout = Literal["torch", "keras"]

#: Std of N(0, 1) cut at ±2. Variance scaling divides by it so that what is left after the cut has the variance it
#: promises: keras/src/initializers/random_initializers.py `VarianceScaling`, 3.15.
TRUNCATED_STD = 0.87962566103423978
CUT = 2.0


class Weights(NamedTuple):
    """Mean and variance over the elements of a weight."""

    mean: float
    variance: float


def fans_of(shape: Sequence[int], layout: Layout) -> Fans:
    return torch_fans(shape) if layout == "torch" else keras_fans(shape)


def matrix_of(shape: Sequence[int], layout: Layout) -> tuple[int, int]:
    """(rows, columns) of the matrix that a weight is flattened to: torch keeps the first axis, Keras the last."""
    if layout == "torch":
        return shape[0], prod(shape[1:])
    return prod(shape[:-1]), shape[-1]


def weight_moments(
    init: Initializer,
    fan_in: float | None = None,
    fan_out: float | None = None,
    shape: Sequence[int] | None = None,
    layout: Layout = "torch",
) -> Weights | None:
    """Mean and variance of one element, or None where a number is unknown.

    Fans are those of the initialiser (`fans.torch_fans`, `fans.keras_fans`), not of the operation; with a shape of at
    least two dimensions they may be left out. Orthogonal, sparse and identity weights need the shape; without one, they
    are taken as a fan_out × fan_in matrix. Formulas:

    variance scaling  0, gain²/fan; fan_avg is the mean of both. Glorot & Bengio 2010, eq. 12 and 16; He 2015, eq. 10
    normal            mean, std²; truncated: `gaussian.truncated_normal`
    uniform           (low + high)/2, (high - low)²/12
    constant          value, 0
    orthogonal        0, gain²/max(rows, columns). Saxe et al. 2014
    sparse            0, std²·(1 - ⌈sparsity·rows⌉/rows). Martens 2010
    identity          the share of ones times gain; over all elements, although nothing is drawn
    """
    if shape is not None and len(shape) >= 2:
        default = fans_of(shape, layout)
        fan_in = default.fan_in if fan_in is None else fan_in
        fan_out = default.fan_out if fan_out is None else fan_out
    elif fan_in is not None and fan_out is not None:
        shape, layout = (ceil(fan_out), ceil(fan_in)), "torch"
    rule = _RULES.get(init.family)
    return rule(init, fan_in, fan_out, shape, layout) if rule else None


def scaling_std(init: Initializer, fan_in: float | None, fan_out: float | None) -> float | None:
    """gain/√fan of a variance scaling initialiser, the fan chosen by its mode and at least 1."""
    sides = {"fan_in": (fan_in,), "fan_out": (fan_out,), "fan_avg": (fan_in, fan_out)}.get(init.mode or "", (None,))
    known = [side for side in sides if side is not None]
    if init.gain is None or len(known) < len(sides):
        return None
    return init.gain / sqrt(max(1.0, sum(known) / len(known)))


def _scaling(init: Initializer, fan_in: float | None, fan_out: float | None, *_: object) -> Weights | None:
    std = scaling_std(init, fan_in, fan_out)
    return None if std is None else Weights(0.0, std * std)


def _normal(init: Initializer, *_: object) -> Weights | None:
    if init.mean is None or init.std is None:
        return None
    if init.distribution != "truncated_normal" or init.std == 0:
        return Weights(init.mean, init.std**2)
    if init.low is None or init.high is None:
        return None
    return Weights(*truncated_normal(init.mean, init.std, init.low, init.high))


def _uniform(init: Initializer, *_: object) -> Weights | None:
    if init.low is None or init.high is None:
        return None
    return Weights((init.low + init.high) / 2, (init.high - init.low) ** 2 / 12)


def _constant(init: Initializer, *_: object) -> Weights | None:
    return None if init.value is None else Weights(init.value, 0.0)


def _orthogonal(
    init: Initializer, fan_in: float | None, fan_out: float | None, shape: Sequence[int] | None, layout: Layout
) -> Weights | None:
    if init.gain is None or shape is None:
        return None
    return Weights(0.0, init.gain**2 / max(matrix_of(shape, layout)))


def _sparse(
    init: Initializer, fan_in: float | None, fan_out: float | None, shape: Sequence[int] | None, layout: Layout
) -> Weights | None:
    if init.std is None or init.sparsity is None or shape is None:
        return None
    rows = shape[0]
    return Weights(0.0, init.std**2 * max(0.0, 1 - ceil(init.sparsity * rows) / rows))


def _identity(
    init: Initializer, fan_in: float | None, fan_out: float | None, shape: Sequence[int] | None, layout: Layout
) -> Weights | None:
    if init.gain is None or shape is None or init.groups is None:
        return None
    share = identity_ones(shape, init.groups) / prod(shape)
    return Weights(init.gain * share, init.gain**2 * share * (1 - share))


def identity_ones(shape: Sequence[int], groups: int = 1) -> int:
    """How many elements eye_ and dirac_ set: every group copies min(out/groups, in) channels."""
    return groups * min(shape[0] // groups, shape[1])


_Rule = Callable[[Initializer, float | None, float | None, Sequence[int] | None, Layout], Weights | None]
_RULES: dict[str, _Rule] = {
    "variance_scaling": _scaling,
    "normal": _normal,
    "uniform": _uniform,
    "constant": _constant,
    "orthogonal": _orthogonal,
    "sparse": _sparse,
    "identity": _identity,
}


def operation_gain(
    init: Initializer,
    operation: Fans,
    fan_in: float | None = None,
    fan_out: float | None = None,
    shape: Sequence[int] | None = None,
    layout: Layout = "torch",
) -> Fans | None:
    """σw² of the operation, forward and backward: (fan_in·Var W, fan_out·Var W) with the fans of the *operation*.

    The first multiplies E φ² on the way forward, the second E φ'² on the way back. An identity
    copies: with at most one element in a row, both are the ones per row and per column. None: a number is unknown.
    """
    weights = weight_moments(init, fan_in, fan_out, shape, layout)
    if weights is None:
        return None
    second = weights.variance + (weights.mean**2 if init.family == "identity" else 0.0)
    return Fans(operation.fan_in * second, operation.fan_out * second)


def support(init: Initializer, fan_in: float | None = None, fan_out: float | None = None) -> tuple[float, float] | None:
    """Bounds that no element exceeds, (-inf, inf) for normals, None where unknown. √3·std for uniform scaling.

    A truncated normal of the Keras torch backend keeps the fourth redraw even when it lies outside: a few in 1e6.
    """
    if init.family == "uniform" or (init.family == "normal" and init.distribution == "truncated_normal"):
        return None if init.low is None or init.high is None else (init.low, init.high)
    if init.family == "constant":
        return None if init.value is None else (init.value, init.value)
    if init.family == "variance_scaling" and init.distribution != "normal":
        std = scaling_std(init, fan_in, fan_out)
        if std is None or init.distribution is None:
            return None
        half = sqrt(3) * std if init.distribution == "uniform" else CUT * std / TRUNCATED_STD
        return -half, half
    return -inf, inf
