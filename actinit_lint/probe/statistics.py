"""Streaming statistics of tensors: what is kept of an activation is a handful of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch

from actinit_lint.reference.dead_units import ACTIVE
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.zones import SATURATED, dead_zone

#: Elements of a tensor beyond which rows are sampled.
MOST = 1 << 16


def by_unit(tensor: torch.Tensor, axis: int) -> torch.Tensor:
    """A detached [rows, units] view or copy in float64, rows evenly sampled where there are too many."""
    moved = tensor.detach().movedim(axis, -1) if tensor.dim() > 1 else tensor.detach().reshape(-1, 1)
    flat = moved.reshape(-1, moved.shape[-1])
    if flat.numel() > MOST and flat.shape[0] > 64:
        flat = flat[:: max(1, min(flat.numel() // MOST, flat.shape[0] // 64))]
    return flat.to(torch.float64)


def second_moment(tensor: torch.Tensor) -> float:
    """E x², exact for values whose squares single precision could not hold."""
    if tensor.numel() == 0:
        return 0.0
    return float(torch.linalg.vector_norm(tensor.detach(), dtype=torch.float64)) ** 2 / tensor.numel()


@dataclass(slots=True)
class Moments:
    """Sums over the calls of one site in one run."""

    rows: int = 0
    units: int = 0
    calls: int = 0
    second: float = 0.0
    signal: float = 0.0
    finite: bool = True

    def add(self, values: torch.Tensor) -> None:
        """Take in [rows, units]."""
        if values.numel() == 0:
            return
        self.rows += values.shape[0]
        self.units = values.shape[1]
        self.calls += 1
        second = second_moment(values)
        self.second += second
        self.signal += float(values.var(dim=0, correction=0).mean())
        self.finite = self.finite and isfinite(second)  # one NaN or infinity among the values is enough

    def mean(self) -> tuple[float, float]:
        """(second moment, batch signal), averaged over the calls."""
        calls = max(1, self.calls)
        return self.second / calls, self.signal / calls


@dataclass(slots=True)
class Response:
    """How much of the gradient an activation's pre-activations let through, over the calls of one run."""

    calls: int = 0
    slope: float = 0.0
    saturated: float = 0.0
    active: float = 0.0
    on: Any = None  # rows on which each unit was active
    rows: int = 0
    silent: Any = None  # per row: no unit active; only where every call has the same rows

    def add(self, values: torch.Tensor, activation: Nonlinearity) -> None:
        """Take in pre-activations [rows, units]."""
        slopes = activation.derivative(values, tensor_operations())
        self.calls += 1
        self.slope += float(slopes.square().mean())
        self.saturated += float((slopes.abs() < SATURATED).to(torch.float64).mean())
        if not dead_zone(activation):
            return
        on = slopes != 0
        self.active += float(on.to(torch.float64).mean())
        counts = on.sum(dim=0)
        self.on = counts if self.on is None or self.on.shape != counts.shape else self.on + counts
        self.rows += values.shape[0]
        silent = ~on.any(dim=1)
        self.silent = silent if self.silent is None or self.silent.shape != silent.shape else self.silent | silent

    def dead(self) -> tuple[float, float, float] | None:
        """(dead units, quiet units, active entries), or None for an activation that is nowhere flat."""
        if self.on is None:
            return None
        share = self.on.to(torch.float64) / max(1, self.rows)
        dead = float((self.on == 0).to(torch.float64).mean())
        return dead, float((share < ACTIVE).to(torch.float64).mean()), self.active / max(1, self.calls)


def fingerprints(matrix: torch.Tensor) -> torch.Tensor:
    """One number for each row, the same for equal rows and, but for a chance of 1e-10, for no others."""
    generator = torch.Generator().manual_seed(matrix.shape[1])
    weights = torch.rand(matrix.shape[1], generator=generator, dtype=torch.float64)
    return (matrix.to(torch.float64) * weights).sum(dim=1)


def twins(fingerprint: torch.Tensor) -> float:
    """Share of rows that equal another row."""
    if fingerprint.shape[0] < 2:
        return 0.0
    _, counts = torch.unique(fingerprint, return_counts=True)
    return float(counts[counts > 1].sum()) / fingerprint.shape[0]
