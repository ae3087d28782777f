"""Streaming statistics of tensors: what is kept of an activation is a handful of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import pairwise
from math import gcd, isfinite, prod
from typing import Any

import torch

from actinit_lint.reference.dead_units import ACTIVE
from actinit_lint.reference.nonlinearity import Nonlinearity, Piece, Pieces, differentiate
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.zones import SATURATED, dead_zone

#: Elements of a tensor beyond which rows are sampled, and rows that are taken all the same.
MOST, LEAST_ROWS = 1 << 16, 64
#: Mean squares that single precision sums up as exactly as double: no square among them is lost that would count.
SINGLE = (1e-30, 1e30)
#: Share of a second moment below which a difference of two has lost digits that are needed, by the numbers' precision.
CANCELLED = {torch.float32: 1e-2, torch.float64: 1e-6}


@dataclass(slots=True)
class Sample:
    """Rows of a tensor with their moments."""

    values: torch.Tensor  # [rows, units], a view of the tensor or a copy, in single or double precision
    second: float  # E x²
    signal: float  # variance across rows, mean over units

    def keep(self) -> None:
        """Called before the tensor is written to."""
        self.values = self.values.clone()


def by_unit(tensor: torch.Tensor, axis: int, most: int = MOST, least_rows: int = LEAST_ROWS) -> torch.Tensor:
    """A detached [rows, units] view or copy, rows evenly sampled where there are more than `most` elements.

    Single precision stays: what is compared and counted is as exact, and half as much to move. All else gets double.
    The stride has no factor in common with the number of rows: it goes through all positions of a map and not down one
    column. Of independent entries a sample of 2^16 gives a share to 0.2 % and a mean square to 0.6 % (one deviation).
    """
    tensor = tensor.detach()
    if tensor.dim() > 1:
        moved = tensor if axis in (-1, tensor.dim() - 1) else tensor.movedim(axis, -1)
    else:
        moved = tensor.reshape(-1, 1)
    units = moved.shape[-1]
    rows = tensor.numel() // max(1, units)
    step = _stride(rows, tensor.numel() // most, rows // least_rows)
    if step == 1:
        taken = moved if moved.dim() == 2 else moved.reshape(-1, units)
    elif moved.is_contiguous():
        taken = moved.view(-1, units)[::step]
    else:  # only what is taken is copied
        taken = moved[_coordinates(tuple(moved.shape[:-1]), step)]
    return taken if taken.dtype in CANCELLED else taken.to(torch.float64)


@lru_cache(maxsize=1024)
def _stride(rows: int, wanted: int, largest: int) -> int:
    """A number without a common factor with `rows`, the next after the wanted one, or before it where that is large."""
    after = range(max(1, wanted), largest + 1)
    before = range(max(1, min(wanted, largest)), 0, -1)
    return next((step for step in (*after[:32], *before) if gcd(step, rows) == 1), 1)


@lru_cache(maxsize=256)
def _coordinates(shape: tuple[int, ...], step: int) -> tuple[torch.Tensor, ...]:
    """Where every `step`-th element of a tensor of this shape is."""
    return torch.unravel_index(torch.arange(0, prod(shape), step), shape)


def second_moment(tensor: torch.Tensor) -> float:
    """E x², exact for values whose squares single precision could not hold."""
    if tensor.numel() == 0:
        return 0.0
    if tensor.dtype in CANCELLED:
        flat = tensor.detach().reshape(-1)
        mean = float(torch.dot(flat, flat)) / flat.numel()  # many times as fast as a norm in double precision
        if tensor.dtype == torch.float64 or SINGLE[0] < mean < SINGLE[1]:
            return mean
    return float(torch.linalg.vector_norm(tensor.detach(), dtype=torch.float64)) ** 2 / tensor.numel()


def sample_by_unit(tensor: torch.Tensor, axis: int) -> Sample:
    """The sample that `by_unit` takes; the signal of equal rows is exactly 0."""
    values = by_unit(tensor, axis)
    if values.numel() == 0:
        return Sample(values, 0.0, 0.0)
    second = second_moment(values)
    signal = second - second_moment(values.mean(dim=0))
    if not signal > CANCELLED[values.dtype] * second:
        exact = values.to(torch.float64)
        signal = second_moment(exact - exact.mean(dim=0))
    return Sample(values, second, signal)


@dataclass(slots=True)
class Moments:
    """Sums over the calls of one site in one run."""

    rows: int = 0
    units: int = 0
    calls: int = 0
    second: float = 0.0
    signal: float = 0.0
    finite: bool = True

    def add(self, sample: Sample) -> None:
        if sample.values.numel() == 0:
            return
        self.rows += sample.values.shape[0]
        self.units = sample.values.shape[1]
        self.calls += 1
        self.second += sample.second
        self.signal += sample.signal
        self.finite = self.finite and isfinite(sample.second)  # one NaN or infinity among the values is enough

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
    off: Any = None  # rows on which each unit was flat; None for an activation that is nowhere flat
    flat: float = 0.0  # entries that were
    rows: int = 0
    silent: Any = None  # per row, 1 for no unit active and else 0; only where every call has the same rows

    def join(self, other: Response) -> None:
        """Take in more calls."""
        self.calls += other.calls
        self.slope += other.slope
        self.saturated += other.saturated
        if other.off is None:
            return
        if self.off is None or self.off.shape != other.off.shape:
            self.off, self.flat = other.off, other.flat
        else:
            self.off, self.flat = self.off.to(torch.float64) + other.off, self.flat + other.flat
        self.rows += other.rows
        self.silent = either(self.silent, other.silent)

    def dead(self) -> tuple[float, float, float] | None:
        """(dead units, quiet units, active entries), or None for an activation that is nowhere flat."""
        if self.off is None:
            return None
        units = self.off.numel()
        entries = units * self.rows
        if not entries:
            return 0.0, 0.0, 0.0
        dead = quiet = 0
        if self.rows - float(self.off.max()) < ACTIVE * self.rows:  # else there is none to count
            active = self.rows - self.off
            dead, quiet = (int(torch.count_nonzero(one)) for one in (active == 0, active < ACTIVE * self.rows))
        return dead / units, quiet / units, (entries - self.flat) / entries


def either(one: torch.Tensor | None, other: torch.Tensor) -> torch.Tensor:
    """1 where one or the other of two tensors of ones and zeros is 1; the other alone where they do not fit."""
    return other if one is None or one.shape != other.shape else torch.maximum(one, other)


def response_to(values: torch.Tensor, activation: Nonlinearity) -> Response:
    """The response of one call with pre-activations [rows, units]."""
    slopes = _constant_slopes(activation)
    if slopes is not None:
        return _response_of_pieces(values, activation, slopes)
    derivative = activation.derivative(values.to(torch.float64), tensor_operations())
    saturated = int(torch.count_nonzero(derivative.abs() < SATURATED)) / max(1, values.numel())
    response = Response(1, second_moment(derivative), saturated)
    if dead_zone(activation):
        flat = torch.eq(derivative, 0.0, out=torch.empty_like(derivative))
        _add_flat(response, flat, float(flat.sum()))
    return response


def is_quick(activation: Nonlinearity) -> bool:
    """Whether the response costs a few comparisons only."""
    return _constant_slopes(activation) is not None


def _response_of_pieces(values: torch.Tensor, activation: Nonlinearity, slopes: tuple[float, ...]) -> Response:
    """The same by counting how many values each piece gets, without a tensor of slopes."""
    assert isinstance(activation.form, Pieces)
    response = Response(1)
    below = [_below(values, end) for end in activation.form.rows[:-1]]
    counts = [0.0, *(float(one.sum()) for one in below), float(values.numel())]
    flat, entries = [], 0.0
    for place, (slope, (less, more)) in enumerate(zip(slopes, pairwise(counts), strict=True)):
        share = (more - less) / max(1, values.numel())
        response.slope += slope**2 * share
        response.saturated += share * (abs(slope) < SATURATED)
        if slope == 0:
            flat.append(_between(below, place, values))
            entries += more - less
    if flat:
        _add_flat(response, reduce(torch.add, flat), entries)
    return response


def _add_flat(response: Response, flat: torch.Tensor, entries: float) -> None:
    """Note where the activation is flat, ones there and else zeros, and how many entries that are."""
    response.off, response.flat, response.rows = flat.sum(dim=0), entries, flat.shape[0]
    response.silent = flat.amin(dim=1) if flat.shape[1] else flat.new_zeros(flat.shape[0])


def _below(values: torch.Tensor, end: Piece) -> torch.Tensor:
    """Ones where the values lie below a piece's end, else zeros: as numbers many times as fast as as truth values."""
    return (torch.le if end.closed else torch.lt)(values, end.upper, out=torch.empty_like(values))


def _between(below: Sequence[torch.Tensor], place: int, values: torch.Tensor) -> torch.Tensor:
    """Ones where the values are of one piece, by what is below the ends of all pieces but the last."""
    upper = below[place] if place < len(below) else torch.ones_like(values)
    return upper - below[place - 1] if place else upper


@lru_cache(maxsize=256)
def _constant_slopes(activation: Nonlinearity) -> tuple[float, ...] | None:
    """The slope of every piece, where the activation is piecewise linear."""
    form = activation.form
    if not isinstance(form, Pieces):
        return None
    slopes = [differentiate(row.coefficients) for row in form.rows]
    return tuple(one[0] for one in slopes) if all(len(one) == 1 for one in slopes) else None
