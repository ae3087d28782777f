"""Activations and initialisers as a generator of code spells them, with what theory needs to know of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from actinit_lint.reference.activations import activation
from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity


@dataclass(frozen=True)
class Phi:
    """An activation in both frameworks."""

    name: str
    function: str  # torch, with {x}
    module: str  # torch
    keras: str  # the string or constructor of Keras; empty: not used there
    formula: Nonlinearity

    @property
    def gain(self) -> float:
        """The gain that keeps E z² = 1."""
        return 1 / sqrt(moments(self.formula, 1.0).second)


def _phi(name: str, function: str, module: str, keras: str, *values: float) -> Phi:
    return Phi(name, function, module, keras, activation(name, *values))


RELU = _phi("relu", "F.relu({x})", "nn.ReLU()", '"relu"')
LEAKY = _phi("leaky_relu", "F.leaky_relu({x}, 0.1)", "nn.LeakyReLU(0.1)", "layers.LeakyReLU(negative_slope=0.1)", 0.1)
TANH = _phi("tanh", "torch.tanh({x})", "nn.Tanh()", '"tanh"')
SIGMOID = _phi("sigmoid", "torch.sigmoid({x})", "nn.Sigmoid()", '"sigmoid"')
SELU = _phi("selu", "F.selu({x})", "nn.SELU()", '"selu"')
ELU = _phi("elu", "F.elu({x})", "nn.ELU()", '"elu"')
GELU = _phi("gelu", "F.gelu({x})", "nn.GELU()", '"gelu"')
SILU = _phi("silu", "F.silu({x})", "nn.SiLU()", '"silu"')
MISH = _phi("mish", "F.mish({x})", "nn.Mish()", '"mish"')
SOFTSIGN = _phi("softsign", "F.softsign({x})", "nn.Softsign()", '"softsign"')
RECTIFIERS = (RELU, RELU, LEAKY, GELU, SILU, MISH)


@dataclass(frozen=True)
class Init:
    """An initialiser: a torch statement with {w}, the argument of a Keras layer, the variance for (fan-in, fan-out)."""

    torch: str
    keras: str
    variance: Callable[[float, float], float]
    default: bool = False  # what a torch layer draws when nobody says, its bias included


def _over_in(square: float) -> Callable[[float, float], float]:
    return lambda fan_in, fan_out: square / fan_in


def _over_both(square: float) -> Callable[[float, float], float]:
    return lambda fan_in, fan_out: 2 * square / (fan_in + fan_out)


HE = (
    Init('nn.init.kaiming_normal_({w}, nonlinearity="relu")', '"he_normal"', _over_in(2)),
    Init('nn.init.kaiming_uniform_({w}, nonlinearity="relu")', '"he_uniform"', _over_in(2)),
)
LECUN = (Init('nn.init.kaiming_normal_({w}, nonlinearity="linear")', '"lecun_normal"', _over_in(1)),)
XAVIER = (
    Init("nn.init.xavier_uniform_({w})", '"glorot_uniform"', _over_both(1)),
    Init("nn.init.xavier_normal_({w})", '"glorot_normal"', _over_both(1)),
)
XAVIER_TANH = (
    Init('nn.init.xavier_uniform_({w}, gain=nn.init.calculate_gain("tanh"))', "", _over_both(25 / 9)),
    Init('nn.init.xavier_normal_({w}, gain=nn.init.calculate_gain("tanh"))', "", _over_both(25 / 9)),
)
#: Keras has none of its own: it draws Glorot's, which is `XAVIER`.
DEFAULT = Init("", "", _over_in(1 / 3), default=True)


def normal(std: float) -> Init:
    return Init(
        f"nn.init.normal_({{w}}, std={std:g})",
        f"keras.initializers.RandomNormal(stddev={std:g})",
        lambda fan_in, fan_out: std**2,
    )


def fitted(phi: Phi) -> Init:
    """Spelled as a formula: √(gain²/fan-in)."""
    gain = round(phi.gain, 3)
    return Init(
        f"nn.init.normal_({{w}}, std={gain:g} / {{w}}[0].numel() ** 0.5)",
        f'keras.initializers.VarianceScaling({gain**2:.4g}, mode="fan_in", distribution="untruncated_normal")',
        _over_in(gain**2),
    )


def orthogonal(gain: float) -> Init:
    """For square matrices, where its variance is that of 1/fan-in."""
    return Init(
        f"nn.init.orthogonal_({{w}}, gain={gain:.4g})",
        f"keras.initializers.Orthogonal(gain={gain:.4g})",
        lambda fan_in, fan_out: gain**2 / max(fan_in, fan_out),
    )


def matched(phi: Phi) -> tuple[Init, ...]:
    """Initialisers that fit an activation."""
    if phi in (RELU, LEAKY):
        return (*HE, *HE, orthogonal(sqrt(2)), fitted(phi))
    if phi is TANH:
        return (*XAVIER, *XAVIER_TANH)
    if phi in (SELU, SOFTSIGN):
        return LECUN if phi is SELU else XAVIER
    return (fitted(phi), *HE)
