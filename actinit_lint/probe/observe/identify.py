"""Which activation a function is, from a few of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from actinit_lint.reference.activations import CATALOGUE, activation
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.operations import tensor_operations

#: Values compared, and how near they must be: single precision with the cancellations of hand-written formulas.
SAMPLE = 256
TOLERANCE = 2e-5  # of the largest output
#: Inputs nearer to zero than this do not tell one formula from its tangent.
LEAST = 1e-3
#: Of the formulas that agree on moderate inputs, the plainer comes first.
ORDER = (
    "relu", "leaky_relu", "tanh", "sigmoid", "gelu", "gelu_tanh", "quick_gelu", "silu", "mish", "elu", "selu",
    "softplus", "relu2", "relu6", "hardswish", "hardsigmoid", "hardsigmoid_keras2", "hardtanh", "softsign", "exp",
    "sin",
)  # fmt: skip
#: Recognised by name only: they equal others, or the identity, on most inputs.
UNLIKELY = frozenset({"identity", "rrelu", "prelu", "threshold", "clipped_relu"})


def sample_of(tensor: torch.Tensor) -> torch.Tensor:
    """Up to SAMPLE values, evenly spread, in float64: those of two tensors of one shape correspond."""
    flat = tensor.detach().reshape(-1)
    step = max(1, flat.numel() // SAMPLE)
    return flat[::step][:SAMPLE].to(torch.float64)


def is_straight(before: torch.Tensor, after: torch.Tensor) -> bool:
    """Whether `after` is a·before + b."""
    if before.numel() < 3 or float(before.std()) == 0:
        return True
    spread = before - before.mean()
    slope = float((spread * (after - after.mean())).sum() / spread.square().sum())
    return _close(after, slope * before + (after.mean() - slope * before.mean()))


def identify(before: torch.Tensor, after: torch.Tensor) -> Nonlinearity | None:
    """The activation φ with after = φ(before); None where there is none, or where the values do not tell.

    Values on one side of zero tell little, so that there must be some on both.
    """
    if before.numel() < 16 or not bool(torch.isfinite(before).all() and torch.isfinite(after).all()):
        return None
    margin = max(LEAST, 0.05 * float(before.abs().max()))
    if not (bool((before > margin).any()) and bool((before < -margin).any())):
        return None
    return next(
        (one for one in _candidates(before, after) if _close(after, one.value(before, tensor_operations()))), None
    )


def _candidates(before: torch.Tensor, after: torch.Tensor) -> Iterator[Nonlinearity]:
    yield from (activation(name) for name in ORDER)
    yield from (activation(name) for name in CATALOGUE if name not in UNLIKELY and name not in ORDER)
    lowest = int(before.argmin())
    slope = float(after[lowest] / before[lowest])
    if 0 < abs(slope) < 1:
        yield activation("leaky_relu", slope)
    negative = float(torch.expm1(before[lowest]))
    alpha = float(after[lowest]) / negative if negative else 0.0
    if alpha > 0:
        yield activation("elu", alpha)


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool(((one - other).abs() <= TOLERANCE * float(one.abs().max())).all())
