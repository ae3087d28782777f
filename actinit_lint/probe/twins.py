"""Units of a layer that are equal: the same weights, or the same weights and gradients."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import torch


def twins(weight: torch.Tensor, gradient: torch.Tensor | None, axis: int) -> tuple[float, float | None]:
    """(share of units with the weights of another, share of units with its gradient too).

    Both tensors have their units at `axis`. Gradients are compared to five digits of the largest, among the units that
    have one; None without a gradient, or where twins have none that is finite and not zero.
    """
    units = weight.shape[axis]
    equal = _equal_units(weight, axis)
    share = equal.shape[0] / max(1, units)
    if gradient is None or gradient.is_sparse:
        return share, None
    if not equal.shape[0]:
        return share, 0.0
    moves = gradient.detach().movedim(axis, 0).flatten(1)
    largest = float(moves.abs().max()) if moves.numel() else 0.0
    if not 0 < largest < float("inf"):
        return share, None
    equal = equal[moves[equal].abs().amax(dim=1) > 0]
    both = _fingerprints(weight.detach().movedim(axis, 0)[equal].flatten(1))
    both = both + 1000 * _fingerprints((moves[equal] / largest * 1e5).round())
    return share, _repeated(both).shape[0] / units


def _equal_units(weight: torch.Tensor, axis: int) -> torch.Tensor:
    """Indices of the units that equal another: of those, first, that share one weight from the middle."""
    weight = weight.detach()
    if weight.numel() == 0:
        return torch.empty(0, dtype=torch.long)
    candidates = _repeated(weight[tuple(slice(None) if i == axis else n // 2 for i, n in enumerate(weight.shape))])
    if not candidates.shape[0]:
        return candidates
    return candidates[_repeated(_fingerprints(weight.movedim(axis, 0)[candidates].flatten(1)))]


def _fingerprints(matrix: torch.Tensor) -> torch.Tensor:
    """One number for each row, the same for equal rows and, but for a chance of 1e-10, for no others."""
    return (matrix.to(torch.float64) * _projection(matrix.shape[1]).to(matrix.device)).sum(dim=1)


@lru_cache(maxsize=16)
def _projection(columns: int) -> torch.Tensor:
    return torch.rand(columns, generator=torch.Generator().manual_seed(columns), dtype=torch.float64)


def _repeated(numbers: torch.Tensor) -> torch.Tensor:
    """Indices of those that occur more than once."""
    if _all_differ(numbers):
        return torch.empty(0, dtype=torch.long)
    ordered, order = numbers.sort()
    same = ordered[1:] == ordered[:-1]
    if not bool(same.any()):
        return order[:0]
    return torch.cat((order[1:][same], order[:-1][same])).unique()


def _all_differ(numbers: torch.Tensor) -> bool:
    """Whether that is so, where numpy can tell: it sorts a layer's worth of numbers in a third of the time."""
    numpy = _numpy()
    if numpy is None or numbers.dtype not in (torch.float32, torch.float64) or not numbers.is_cpu:
        return False
    ordered = numpy.sort(numbers.numpy())
    return bool((ordered[1:] != ordered[:-1]).all())


@lru_cache(maxsize=1)
def _numpy() -> Any:
    """The numpy that torch works with, if any."""
    try:
        torch.empty(0).numpy()
    except RuntimeError:
        return None
    return sys.modules.get("numpy")
