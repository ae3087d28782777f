"""The one normal form of an initialiser: what is drawn, how wide, and scaled by which fan."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

Family = Literal[
    "variance_scaling",  # std = gain / sqrt(fan), fan chosen by `mode`
    "normal",  # fixed mean and std
    "uniform",  # fixed bounds low, high
    "constant",  # every element `value`
    "orthogonal",  # (semi-)orthogonal times gain
    "identity",  # eye_, dirac_, Identity: times gain
    "sparse",  # normal with a fixed std, most entries zero
    "uninitialised",  # memory that nobody wrote: torch.empty
    "opaque",  # written, but what is written cannot be told (loaded, copied, unknown arguments)
]
Distribution = Literal["uniform", "normal", "truncated_normal"]
Mode = Literal["fan_in", "fan_out", "fan_avg"]


@dataclass(frozen=True, slots=True)
class Initializer:
    """What one write puts into a parameter.

    `None` in a number means *unknown* (the code does not say), never *default*: defaults are filled in where the
    initialiser is built. `name` is the normal-form name that reports and JSON show (`xavier_uniform`, `kaiming_normal`,
    `lecun_normal`, `normal`, `zeros`, `constant`, `torch_default`, `keras_default` ...).
    """

    name: str
    family: Family
    distribution: Distribution | None = None
    gain: float | None = None  # sqrt(scale): variance_scaling, orthogonal, identity
    mode: Mode | None = None
    mean: float | None = 0.0
    std: float | None = None  # normal, sparse
    low: float | None = None  # bounds of uniform, cuts of truncated_normal (absolute, not multiples of std)
    high: float | None = None
    value: float | None = None  # constant
    nonlinearity: str | None = None  # the name that was spelled out in the call, if any
    is_default: bool = False  # the framework's own default, left alone or written out
    sparsity: float | None = None  # sparse: the share of each column that is set to zero
    groups: int | None = 1  # identity of a convolution (dirac_): its groups

    @property
    def is_zero(self) -> bool:
        """True when every element is certainly zero, in whatever spelling."""
        return (
            (self.family == "constant" and self.value == 0)
            or (self.family == "normal" and self.std == 0 and self.mean == 0)
            or (self.family == "uniform" and self.low == 0 and self.high == 0)
            or (self.family in ("variance_scaling", "orthogonal", "identity") and self.gain == 0)
        )

    @property
    def constant_value(self) -> float | None:
        """The one value that every element has, or None when elements differ or the value is unknown."""
        if self.is_zero:
            return 0.0
        if self.family == "constant":
            return self.value
        if self.family == "normal" and self.std == 0:
            return self.mean
        if self.family == "uniform" and self.low is not None and self.low == self.high:
            return self.low
        return None

    @property
    def is_constant(self) -> bool:
        """True when all elements are certainly equal, even where the value itself is unknown."""
        return self.family == "constant" or self.constant_value is not None

    @property
    def is_told(self) -> bool:
        """Whether every number that makes the spread is known."""
        if self.family == "uniform":
            return self.is_default or (self.low is not None and self.high is not None)
        needed = {
            "variance_scaling": (self.gain, self.mode),
            "orthogonal": (self.gain,),
            "normal": (self.mean, self.std),
            "sparse": (self.std, self.sparsity),
            "constant": (self.value,),
        }
        return None not in needed.get(self.family, (None,))

    @property
    def is_xavier(self) -> bool:
        """Xavier/Glorot: variance scaling over the mean of both fans."""
        return self.family == "variance_scaling" and self.mode == "fan_avg"

    @property
    def is_kaiming(self) -> bool:
        """He/Kaiming form: a rectifier's gain over one fan, not a framework default written out."""
        return (
            self.family == "variance_scaling"
            and self.mode in ("fan_in", "fan_out")
            and not self.is_default
            and self.gain is not None
            and 1.15 < self.gain < 1.6
        )

    @property
    def scale(self) -> float | None:
        """gain squared, as variance scaling spells it."""
        return None if self.gain is None else self.gain**2


def variance_scaling(
    name: str,
    gain: float | None,
    mode: Mode | None,
    distribution: Distribution | None,
    *,
    nonlinearity: str | None = None,
    is_default: bool = False,
) -> Initializer:
    """Var(W) = gain^2 / fan(mode). Glorot & Bengio 2010, eq. 12; He et al. 2015, eq. 10."""
    return Initializer(
        name, "variance_scaling", distribution, gain, mode, nonlinearity=nonlinearity, is_default=is_default
    )


def constant(value: float | None) -> Initializer:
    """Every element is `value` (None: equal, but unknown which)."""
    name = {0.0: "zeros", 1.0: "ones"}.get(value, "constant") if value is not None else "constant"
    return Initializer(name, "constant", value=value)


#: torch's Linear and ConvNd default, U(+-1/sqrt(fan_in)): torch/nn/modules/linear.py, `reset_parameters`.
TORCH_DEFAULT = variance_scaling("torch_default", sqrt(1 / 3), "fan_in", "uniform", is_default=True)
#: Keras' kernel default, glorot_uniform: keras/src/layers/core/dense.py.
KERAS_DEFAULT = variance_scaling("keras_default", 1.0, "fan_avg", "uniform", is_default=True)
OPAQUE = Initializer("unknown", "opaque")
#: Weights from a file: unknown, and where loading is optional, not what a fresh model starts from.
LOADED = Initializer("loaded", "opaque")
UNINITIALISED = Initializer("uninitialised", "uninitialised")
