"""Gains: the exact one that keeps the signal, and the ones that torch's `calculate_gain` answers."""

from __future__ import annotations

from math import inf, sqrt

from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity


def forward_gain(activation: Nonlinearity, q: float = 1.0) -> float:
    """√(q/E φ²): weights of std gain/√fan_in keep the second moment of the pre-activations at q, z ~ N(0, q).

    √2 for ReLU at any q (He et al. 2015, eq. 10); tanh 1.592537, GELU 1.533530 and sigmoid 1.846229 at q = 1.
    Infinite where φ vanishes on all of N(0, q). Raises ValueError unless q is positive and finite.
    """
    if q <= 0:
        raise ValueError(f"q is {q}; expected a positive second moment")
    second = moments(activation, q).second
    return sqrt(q / second) if second > 0 else inf


def stationary_gain(activation: Nonlinearity) -> float | None:
    """σ with E φ(z)² = 1 for z ~ N(0, σ²): weights of std σ/√fan_in hand a second moment of 1 on from layer to layer.

    √2 for ReLU, 1 for SELU. None where the outputs cannot get there (tanh), or are beyond it whatever goes in.
    """
    low, high = _SMALLEST, _LARGEST
    if not moments(activation, low).second < 1 <= moments(activation, high).second:
        return None
    while high > low * (1 + 1e-9):
        middle = sqrt(low * high)
        low, high = (middle, high) if moments(activation, middle).second < 1 else (low, middle)
    return sqrt(high)


#: Second moments of pre-activations between which a stationary one is looked for.
_SMALLEST, _LARGEST = 1e-3, 1e3


def backward_gain(activation: Nonlinearity, q: float = 1.0) -> float:
    """1/√(E φ'²): weights of std gain/√fan_out keep the gradient's second moment, at pre-activations z ~ N(0, q)."""
    second = moments(activation, q).slope_second
    return 1 / sqrt(second) if second > 0 else inf


_LINEAR = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
)

#: nonlinearity -> gain, torch/nn/init.py `calculate_gain`, 2.13 (the same names since 1.9, which added selu).
TORCH_GAINS: dict[str, float] = {
    **dict.fromkeys((*_LINEAR, "sigmoid"), 1.0),
    "tanh": 5 / 3,
    "relu": sqrt(2),
    "selu": 3 / 4,  # found empirically: github.com/pytorch/pytorch/pull/50664
}
#: Slope that leaky_relu has in `calculate_gain` when `param` is None; `kaiming_*_` pass their own default a = 0.
LEAKY_SLOPE = 0.01
#: Every name that `calculate_gain` and the `nonlinearity` of `kaiming_*_` accept; any other raises ValueError.
ACCEPTED = frozenset({*TORCH_GAINS, "leaky_relu"})


def calculate_gain(nonlinearity: str, param: object = None) -> float:
    """What `torch.nn.init.calculate_gain(nonlinearity, param)` returns; `param` counts for leaky_relu only.

    Raises ValueError exactly where torch does: for a name outside `ACCEPTED`, and for a leaky_relu slope that is
    neither a float nor an int (a bool is neither).
    """
    if nonlinearity == "leaky_relu":
        slope = LEAKY_SLOPE if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"the negative slope of leaky_relu is {param!r}, expected a number")
        return sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in TORCH_GAINS:
        raise ValueError(f"unsupported nonlinearity {nonlinearity!r}; torch knows {', '.join(sorted(ACCEPTED))}")
    return TORCH_GAINS[nonlinearity]
