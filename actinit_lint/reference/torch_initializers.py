"""Every function of torch.nn.init by name: its arguments in, its normal form out (torch/nn/init.py, 2.13).

Arguments are the function's own, in its order, without the tensor and the generator. None stands for a value that is
unknown, never for the default, and makes what depends on it unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isclose

from actinit_lint.reference.gains import calculate_gain
from actinit_lint.reference.normal_form import (
    TORCH_DEFAULT,
    Distribution,
    Initializer,
    Mode,
    constant,
    variance_scaling,
)

#: Stands for a `nonlinearity` that the call leaves out: torch's default, "leaky_relu".
NOT_SPELLED = ""
_MODES: dict[str, Mode] = {"fan_in": "fan_in", "fan_out": "fan_out"}


def uniform_(a: float | None = 0.0, b: float | None = 1.0) -> Initializer:
    """U(a, b)."""
    return Initializer("uniform", "uniform", "uniform", mean=None, low=a, high=b)


def normal_(mean: float | None = 0.0, std: float | None = 1.0) -> Initializer:
    """N(mean, std²)."""
    return Initializer("normal", "normal", "normal", mean=mean, std=std)


def trunc_normal_(
    mean: float | None = 0.0, std: float | None = 1.0, a: float | None = -2.0, b: float | None = 2.0
) -> Initializer:
    """N(mean, std²) redrawn until a <= w <= b. The cuts are absolute: std 0.02 with the default ±2 cuts nothing."""
    return Initializer("truncated_normal", "normal", "truncated_normal", mean=mean, std=std, low=a, high=b)


def constant_(val: float | None) -> Initializer:
    """Every element is `val`."""
    return constant(val)


def ones_() -> Initializer:
    return constant(1.0)


def zeros_() -> Initializer:
    return constant(0.0)


def eye_() -> Initializer:
    """The identity matrix; two dimensions only."""
    return Initializer("identity", "identity", gain=1.0)


def dirac_(groups: int | None = 1) -> Initializer:
    """Channel i of every group copied to channel i, at the kernel's centre; three to five dimensions."""
    return Initializer("dirac", "identity", gain=1.0, groups=groups)


def xavier_uniform_(gain: float | None = 1.0) -> Initializer:
    """U(±gain·√(6/(fan_in + fan_out))). Glorot & Bengio 2010, eq. 16."""
    return variance_scaling("xavier_uniform", gain, "fan_avg", "uniform")


def xavier_normal_(gain: float | None = 1.0) -> Initializer:
    """N(0, gain²·2/(fan_in + fan_out)). Glorot & Bengio 2010, eq. 12."""
    return variance_scaling("xavier_normal", gain, "fan_avg", "normal")


def kaiming_gain(a: float | None, nonlinearity: str | None) -> float | None:
    """`calculate_gain(nonlinearity, a)`; `a` counts for leaky_relu only. None where the answer is unknown."""
    if nonlinearity is None:
        return None
    name = nonlinearity or "leaky_relu"
    return None if name == "leaky_relu" and a is None else calculate_gain(name, a)


def _kaiming(
    name: str, distribution: Distribution, a: float | None, mode: str | None, nonlinearity: str | None
) -> Initializer:
    gain = kaiming_gain(a, nonlinearity)
    if mode is not None and mode.lower() not in _MODES:
        raise ValueError(f"mode is {mode!r}, expected fan_in or fan_out")
    side = None if mode is None else _MODES[mode.lower()]
    spelled = nonlinearity or None
    assert TORCH_DEFAULT.gain is not None
    if distribution == "uniform" and side == "fan_in" and gain and isclose(gain, TORCH_DEFAULT.gain, rel_tol=1e-3):
        return replace(TORCH_DEFAULT, nonlinearity=spelled)
    return variance_scaling(name, gain, side, distribution, nonlinearity=spelled)


def kaiming_uniform_(
    a: float | None = 0.0, mode: str | None = "fan_in", nonlinearity: str | None = NOT_SPELLED
) -> Initializer:
    """U(±gain·√(3/fan)). He et al. 2015, eq. 10 and 15. `a=sqrt(5)` is what Linear and Conv layers do by default.

    Raises ValueError for a nonlinearity or mode that torch rejects.
    """
    return _kaiming("kaiming_uniform", "uniform", a, mode, nonlinearity)


def kaiming_normal_(
    a: float | None = 0.0, mode: str | None = "fan_in", nonlinearity: str | None = NOT_SPELLED
) -> Initializer:
    """N(0, gain²/fan). He et al. 2015, eq. 10 and 15. Raises ValueError as `kaiming_uniform_`."""
    return _kaiming("kaiming_normal", "normal", a, mode, nonlinearity)


def orthogonal_(gain: float | None = 1.0) -> Initializer:
    """gain times a matrix with orthonormal rows or columns. Saxe et al. 2014."""
    return Initializer("orthogonal", "orthogonal", gain=gain)


def sparse_(sparsity: float | None, std: float | None = 0.01) -> Initializer:
    """N(0, std²) with ⌈sparsity·rows⌉ zeros in every column; two dimensions only. Martens 2010."""
    return Initializer("sparse", "sparse", "normal", std=std, sparsity=sparsity)


#: torch.nn.init, every public initialiser; the names without underscore are its deprecated aliases.
TORCH_INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "uniform_": uniform_,
    "normal_": normal_,
    "trunc_normal_": trunc_normal_,
    "constant_": constant_,
    "ones_": ones_,
    "zeros_": zeros_,
    "eye_": eye_,
    "dirac_": dirac_,
    "xavier_uniform_": xavier_uniform_,
    "xavier_normal_": xavier_normal_,
    "kaiming_uniform_": kaiming_uniform_,
    "kaiming_normal_": kaiming_normal_,
    "orthogonal_": orthogonal_,
    "sparse_": sparse_,
}
#: Deprecated since torch 0.4, still there in 2.13.
DEPRECATED_ALIASES: dict[str, str] = {
    name[:-1]: name for name in TORCH_INITIALIZERS if name not in ("trunc_normal_", "ones_", "zeros_")
}
