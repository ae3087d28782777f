"""Streaming statistics of tensors: what is kept of an activation is a handful of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from actinit_lint.reference.dead_units import ACTIVE
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.zones import SATURATED, dead_zone

#: Elements of a tensor beyond which rows are sampled.
MOST = 1 << 18


def by_unit(tensor: torch.Tensor, axis: int) -> torch.Tensor:
    """A detached [rows, units] view or copy in float64, rows evenly sampled where there are too many."""
    moved = tensor.detach().movedim(axis, -1) if tensor.dim() > 1 else tensor.detach().reshape(-1, 1)
    flat = moved.reshape(-1, moved.shape[-1])
    if flat.numel() > MOST and flat.shape[0] > 64:
        flat = flat[:: max(1, min(flat.numel() // MOST, flat.shape[0] // 64))]
    return flat.to(torch.float64)


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
        self.second += float(values.square().mean())
        self.signal += float(values.var(dim=0, correction=0).mean())
        self.finite = self.finite and bool(torch.isfinite(values).all())

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


def twins(matrix: torch.Tensor) -> float:
    """Share of rows that equal another row."""
    rows = matrix.shape[0]
    if rows < 2:
        return 0.0
    _, counts = torch.unique(matrix, dim=0, return_counts=True)
    return float(counts[counts > 1].sum()) / rows
