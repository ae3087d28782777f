"""The few operations that activations are written in, for floats and, on request, for torch tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Operations:
    """Elementary functions over one kind of number: a float (`MATH`) or a tensor (`tensor_operations`).

    Every function is elementwise and total over the finite numbers: an overflow gives infinity, never an error.
    `where(condition, a, b)` sees both branches evaluated, so a branch must stay harmless where it is not chosen.
    """

    absolute: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    expm1: Callable[[Any], Any]
    log1p: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    erfc: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    at_most: Callable[[Any, float], Any]  # min(z, bound)
    at_least: Callable[[Any, float], Any]  # max(z, bound)
    where: Callable[[Any, Any, Any], Any]
    constant: Callable[[Any, float], Any]  # (like, number): that number in the shape and dtype of `like`


def _exp(z: float) -> float:
    try:
        return math.exp(z)
    except OverflowError:
        return math.inf


def _expm1(z: float) -> float:
    try:
        return math.expm1(z)
    except OverflowError:
        return math.inf


def _sigmoid(z: float) -> float:
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    tail = math.exp(z)
    return tail / (1 + tail)


#: Plain floats, standard library only.
MATH = Operations(
    absolute=abs,
    exp=_exp,
    expm1=_expm1,
    log1p=math.log1p,
    sqrt=math.sqrt,
    sin=math.sin,
    cos=math.cos,
    tanh=math.tanh,
    erfc=math.erfc,
    sigmoid=_sigmoid,
    at_most=lambda z, bound: z if z < bound else bound,
    at_least=lambda z, bound: z if z > bound else bound,
    where=lambda condition, a, b: a if condition else b,
    constant=lambda like, number: number,
)


@lru_cache(maxsize=1)
def tensor_operations() -> Operations:
    """The same operations on torch tensors of any floating dtype and device.

    Imports torch when it is first called and not before; raises ImportError where torch is not installed.
    """
    import torch

    return Operations(
        absolute=torch.abs,
        exp=torch.exp,
        expm1=torch.expm1,
        log1p=torch.log1p,
        sqrt=torch.sqrt,
        sin=torch.sin,
        cos=torch.cos,
        tanh=torch.tanh,
        erfc=torch.erfc,
        sigmoid=torch.sigmoid,
        at_most=lambda z, bound: torch.clamp(z, max=bound),
        at_least=lambda z, bound: torch.clamp(z, min=bound),
        where=torch.where,
        constant=torch.full_like,
    )
