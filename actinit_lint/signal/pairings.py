"""Every initialiser in front of every activation: the factor per layer, and the depth at which nothing is left."""

from __future__ import annotations

from dataclasses import dataclass

from actinit_lint.reference.activations import activation
from actinit_lint.reference.initializers import weight_moments
from actinit_lint.reference.normal_form import TORCH_DEFAULT, Initializer, variance_scaling
from actinit_lint.reference.torch_initializers import normal_
from actinit_lint.signal.course import Block, Course, course
from actinit_lint.signal.maps import Map

#: As in plain networks of one width without normalisation; torch's default has its random biases, the others none.
WIDTH, DEPTH = 256, 50
#: Depths that are tried one after the other: most pairs fail early, and a deep course costs its depth.
DEPTHS = (10, 25, DEPTH)
#: A signal or a gradient that leaves 10^±3 is lost.
LOST = 3.0

ACTIVATIONS = (
    *("relu", "leaky_relu", "prelu", "relu6", "gelu", "silu", "mish", "hardswish", "elu", "selu"),
    *("tanh", "softsign", "hardtanh", "sigmoid", "hardsigmoid", "softplus"),
)


def _scaling(name: str, gain: float) -> Initializer:
    return variance_scaling(name, gain, "fan_in", "normal")


#: Name as the matrix shows it -> initialiser. With equal fans Xavier, LeCun and orthogonal matrices of gain 1 agree.
INITIALIZERS: dict[str, Initializer] = {
    "torch default": TORCH_DEFAULT,
    "xavier": _scaling("xavier_normal", 1.0),
    "xavier 5/3": _scaling("xavier_normal", 5 / 3),
    "he": _scaling("kaiming_normal", 2**0.5),
    "std 0.01": normal_(std=0.01),
    "std 0.02": normal_(std=0.02),
    "std 0.05": normal_(std=0.05),
    "std 0.1": normal_(std=0.1),
    "std 1": normal_(std=1.0),
}


@dataclass(frozen=True, slots=True)
class Pairing:
    """One cell of the matrix."""

    initializer: str
    activation: str
    gradient: float  # geometric mean of the factor on the gradient's std, per layer
    signal: float  # the same for the spread across the batch
    lost_at: int | None  # first depth at which one of both has left 10^±3; None: not within DEPTH


def pairings() -> list[Pairing]:
    """The whole matrix, activation by activation."""
    return [_pairing(name, initializer, phi) for phi in ACTIVATIONS for name, initializer in INITIALIZERS.items()]


def _pairing(name: str, initializer: Initializer, phi: str) -> Pairing:
    drawn = weight_moments(initializer, WIDTH, WIDTH)
    assert drawn is not None
    bias = 1 / (3 * WIDTH) if initializer.is_default else 0.0
    block = Block(Map(drawn.mean, drawn.variance, WIDTH, WIDTH, WIDTH, 0.0, bias), activation(phi))
    for depth in DEPTHS:
        found = course((block,) * depth)
        lost = _lost_at(found)
        if lost is not None or depth == DEPTH:
            break
    steps = len(found.points) - 1
    return Pairing(name, phi, 10 ** (found.gradient / steps), 10 ** (found.signal / steps), lost)


def _lost_at(found: Course) -> int | None:
    signal = gradient = 0.0
    for depth, point in enumerate(found.points, 1):
        signal, gradient = signal + point.forward, gradient + point.backward
        if max(abs(signal), abs(gradient)) >= LOST:
            return depth
    return None
