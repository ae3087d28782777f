"""The catalogue of activations: every name with its formula, parameters, family and reference gain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt

from actinit_lint.reference import piecewise, smooth
from actinit_lint.reference.nonlinearity import Family, Nonlinearity, Pieces, Smooth


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the catalogue."""

    form: Callable[..., Pieces | Smooth]  # takes the parameters in order
    parameters: tuple[tuple[str, float], ...] = ()  # name and default, torch's where the frameworks differ
    family: Family = "none"
    gain: float | Callable[..., float] | None = None  # reference gain; takes the parameters in order
    zero_centred: bool = False


def _leaky_gain(slope: float, *_: float) -> float:
    """√(2/(1 + slope²)). He et al. 2015, eq. 15."""
    return sqrt(2 / (1 + slope * slope))


def _rrelu_gain(lower: float, upper: float, *_: float) -> float:
    return _leaky_gain((lower + upper) / 2)


_ROOT_TWO = sqrt(2)  # rectifiers: He et al. 2015, eq. 10

#: Normal-form name -> entry. Library spellings are in `spellings`.
CATALOGUE: dict[str, Entry] = {
    "identity": Entry(piecewise.identity, gain=1.0, zero_centred=True),
    "relu": Entry(piecewise.relu, family="rectifier", gain=_ROOT_TWO),
    "leaky_relu": Entry(piecewise.leaky_relu, (("slope", 0.01),), "rectifier", _leaky_gain),
    "prelu": Entry(piecewise.leaky_relu, (("slope", 0.25),), "rectifier", _leaky_gain),
    "rrelu": Entry(piecewise.rrelu, (("lower", 1 / 8), ("upper", 1 / 3), ("training", 0.0)), "rectifier", _rrelu_gain),
    "relu6": Entry(piecewise.relu6, family="rectifier", gain=_ROOT_TWO),
    "clipped_relu": Entry(
        piecewise.clipped_relu, (("slope", 0.0), ("max_value", inf), ("threshold", 0.0)), "rectifier", _leaky_gain
    ),
    "threshold": Entry(piecewise.threshold, (("threshold", 0.0), ("value", 0.0))),
    "elu": Entry(smooth.elu, (("alpha", 1.0),)),
    "celu": Entry(smooth.celu, (("alpha", 1.0),)),
    # Klambauer et al. 2017: weights of variance 1/fan_in; torch's calculate_gain answers 3/4 instead
    "selu": Entry(smooth.selu, family="self-normalising", gain=1.0, zero_centred=True),
    "gelu": Entry(smooth.gelu, family="rectifier", gain=_ROOT_TWO),
    "gelu_tanh": Entry(smooth.gelu_tanh, family="rectifier", gain=_ROOT_TWO),
    "quick_gelu": Entry(smooth.quick_gelu, family="rectifier", gain=_ROOT_TWO),
    "silu": Entry(smooth.silu, family="rectifier", gain=_ROOT_TWO),
    "mish": Entry(smooth.mish, family="rectifier", gain=_ROOT_TWO),
    "softplus": Entry(smooth.softplus, (("beta", 1.0), ("threshold", 20.0))),
    "softsign": Entry(smooth.softsign, family="saturating", gain=1.0, zero_centred=True),
    "sigmoid": Entry(smooth.sigmoid, family="saturating", gain=1.0),
    "tanh": Entry(smooth.tanh, family="saturating", gain=5 / 3, zero_centred=True),  # torch.nn.init.calculate_gain
    "hardtanh": Entry(piecewise.hardtanh, (("low", -1.0), ("high", 1.0)), "saturating", zero_centred=True),
    "hardsigmoid": Entry(piecewise.hardsigmoid, family="saturating"),
    "hardsigmoid_keras2": Entry(piecewise.hardsigmoid_keras2, family="saturating"),
    "hardswish": Entry(piecewise.hardswish, family="rectifier", gain=_ROOT_TWO),
    "tanhshrink": Entry(smooth.tanhshrink, zero_centred=True),
    "softshrink": Entry(piecewise.softshrink, (("width", 0.5),), zero_centred=True),
    "hardshrink": Entry(piecewise.hardshrink, (("width", 0.5),), zero_centred=True),
    "logsigmoid": Entry(smooth.logsigmoid),
    "squareplus": Entry(smooth.squareplus, (("b", 4.0),)),
    "sparse_plus": Entry(piecewise.sparse_plus),
    "sparse_sigmoid": Entry(piecewise.sparse_sigmoid),
    "relu2": Entry(piecewise.relu2, family="rectifier", gain=_ROOT_TWO),
    "exp": Entry(smooth.exp),
    "sin": Entry(smooth.sin, zero_centred=True),
}


@lru_cache(maxsize=1024)
def activation(name: str, *values: float | None, **named: float | None) -> Nonlinearity:
    """The activation `name` (a key of `CATALOGUE`) with its parameters, in order or by name; None takes the default.

    `activation("leaky_relu", 0.2)`, `activation("softplus", beta=2)`. Raises ValueError for an unknown name or
    parameter, or a parameter outside its domain. Calls with the same arguments give the same object.
    """
    entry = CATALOGUE.get(name)
    if entry is None:
        raise ValueError(f"unknown activation {name!r}; known are {', '.join(sorted(CATALOGUE))}")
    filled = dict(entry.parameters)
    if len(values) > len(filled):
        raise ValueError(f"{name} takes {len(filled)} parameters, {len(values)} were given")
    for key, value in (*zip(filled, values, strict=False), *named.items()):
        if key not in filled:
            raise ValueError(f"{name} has no parameter {key!r}; it takes {', '.join(filled) or 'none'}")
        if value is not None:
            filled[key] = float(value)
    form = entry.form(*filled.values())
    gain = entry.gain(*filled.values()) if callable(entry.gain) else entry.gain
    bounds = piecewise.range_of(form) if isinstance(form, Pieces) else (form.low, form.high)
    zero_centred = entry.zero_centred and (name != "hardtanh" or filled["low"] == -filled["high"])
    return Nonlinearity(name, tuple(filled.items()), form, entry.family, gain, bounds, zero_centred)
