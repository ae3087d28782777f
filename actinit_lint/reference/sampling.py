"""Weights drawn from a normal form: plain Python lists, or torch tensors on request, from one definition."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod, sqrt
from typing import Any

from actinit_lint.reference.gaussian import below
from actinit_lint.reference.initializers import CUT, TRUNCATED_STD, Layout, fans_of, matrix_of, scaling_std
from actinit_lint.reference.normal_form import Initializer


@dataclass(frozen=True, slots=True)
class Source:
    """Where random numbers come from, and the few operations on them that samplers need.

    A vector is whatever the source makes: a list of floats, or a tensor.
    """

    uniform: Callable[[int, float, float], Any]  # (count, low, high) -> vector
    normal: Callable[[int], Any]  # (count) -> vector of N(0, 1)
    quantile: Callable[[Any], Any]  # Φ⁻¹, elementwise
    affine: Callable[[Any, float, float], Any]  # (vector, scale, shift) -> scale·vector + shift
    permutation: Callable[[int], list[int]]
    orthonormal: Callable[[int, int], Any]  # (rows, columns), rows >= columns: Haar columns, flattened by rows
    transposed: Callable[[Any, int, int], Any]  # flattened (rows, columns) -> flattened (columns, rows)
    placed: Callable[[Any, Sequence[int], float], Any]  # (vector, positions, value): a copy with value there
    shaped: Callable[[Any, Sequence[int]], Any]  # flat vector -> what the caller gets


def python_source(seed: int | None = None) -> Source:
    """Lists of floats from `random.Random(seed)`; `sample` returns them flat, in row-major order."""
    from statistics import NormalDist

    rng = random.Random(seed)
    inverse = NormalDist().inv_cdf
    smallest = 2.0**-1074

    def quantile(values: list[float]) -> list[float]:
        return [inverse(min(max(p, smallest), 1 - 2.0**-53)) for p in values]

    def normal(count: int) -> list[float]:
        return [rng.gauss(0.0, 1.0) for _ in range(count)]

    def permutation(count: int) -> list[int]:
        order = list(range(count))
        rng.shuffle(order)
        return order

    def orthonormal(rows: int, columns: int) -> list[float]:
        """Gram-Schmidt, twice for every column, on Gaussian columns: Haar, as the first entry of R is positive."""
        basis: list[list[float]] = []
        while len(basis) < columns:
            column = normal(rows)
            for _ in range(2):
                for other in basis:
                    overlap = sum(a * b for a, b in zip(column, other, strict=True))
                    column = [a - overlap * b for a, b in zip(column, other, strict=True)]
            length = sqrt(sum(a * a for a in column))
            basis.append([a / length for a in column])
        return [column[row] for row in range(rows) for column in basis]

    def placed(vector: list[float], positions: Sequence[int], value: float) -> list[float]:
        copy = list(vector)
        for position in positions:
            copy[position] = value
        return copy

    return Source(
        uniform=lambda count, low, high: [low + (high - low) * rng.random() for _ in range(count)],
        normal=normal,
        quantile=quantile,
        affine=lambda vector, scale, shift: [scale * x + shift for x in vector],
        permutation=permutation,
        orthonormal=orthonormal,
        transposed=lambda v, rows, columns: [v[r * columns + c] for c in range(columns) for r in range(rows)],
        placed=placed,
        shaped=lambda vector, shape: vector,
    )


def torch_source(seed: int | None = None, dtype: Any = None) -> Source:
    """Tensors of `dtype` (float64 when None), drawn from a generator of its own; `sample` returns them in shape.

    Imports torch; raises ImportError where it is not installed.
    """
    import torch

    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    exact = torch.float64

    def normal(count: int) -> Any:
        return torch.randn(count, generator=generator, dtype=exact)

    def orthonormal(rows: int, columns: int) -> Any:
        q, r = torch.linalg.qr(normal(rows * columns).reshape(rows, columns))
        return (q * r.diagonal().sign()).reshape(-1)  # the signs make Q Haar: Mezzadri 2007

    def placed(vector: Any, positions: Sequence[int], value: float) -> Any:
        copy = vector.clone()
        copy[torch.tensor(positions, dtype=torch.long)] = value
        return copy

    return Source(
        uniform=lambda count, low, high: low + (high - low) * torch.rand(count, generator=generator, dtype=exact),
        normal=normal,
        quantile=torch.special.ndtri,
        affine=lambda vector, scale, shift: scale * vector + shift,
        permutation=lambda count: torch.randperm(count, generator=generator).tolist(),
        orthonormal=orthonormal,
        transposed=lambda vector, rows, columns: vector.reshape(rows, columns).T.reshape(-1),
        placed=placed,
        shaped=lambda vector, shape: vector.reshape(tuple(shape)).to(dtype or exact),
    )


def sample(init: Initializer, shape: Sequence[int], source: Source, layout: Layout = "torch") -> Any:
    """A weight of `shape` as `init` draws it; fans and the matrix of orthogonal weights follow from shape and layout.

    Raises ValueError where a number of the initialiser is unknown, and for families that draw nothing known (opaque,
    uninitialised). Truncated normals are drawn through their quantile function, so cuts hold exactly.
    """
    sampler = _SAMPLERS.get(init.family)
    if sampler is None:
        raise ValueError(f"{init.name} ({init.family}) cannot be sampled: what it writes is unknown")
    return source.shaped(sampler(init, shape, source, layout), shape)


def _known(init: Initializer, value: float | None) -> float:
    if value is None:
        raise ValueError(f"{init.name} cannot be sampled: one of its numbers is unknown")
    return value


def _truncated(source: Source, count: int, mean: float, std: float, low: float, high: float) -> Any:
    bounds = below((low - mean) / std), below((high - mean) / std)
    return source.affine(source.quantile(source.uniform(count, *bounds)), std, mean)


def _scaling(init: Initializer, shape: Sequence[int], source: Source, layout: Layout) -> Any:
    std, count = _known(init, scaling_std(init, *fans_of(shape, layout))), prod(shape)
    if init.distribution == "uniform":
        return source.uniform(count, -sqrt(3) * std, sqrt(3) * std)
    if init.distribution == "normal":
        return source.affine(source.normal(count), std, 0.0)
    if init.distribution is None:
        raise ValueError(f"{init.name} cannot be sampled: its distribution is unknown")
    wide = std / TRUNCATED_STD
    return (
        source.uniform(count, 0.0, 0.0) if std == 0 else _truncated(source, count, 0.0, wide, -CUT * wide, CUT * wide)
    )


def _normal(init: Initializer, shape: Sequence[int], source: Source, _: Layout) -> Any:
    mean, std, count = _known(init, init.mean), _known(init, init.std), prod(shape)
    if init.distribution == "truncated_normal" and std > 0:
        return _truncated(source, count, mean, std, _known(init, init.low), _known(init, init.high))
    return source.affine(source.normal(count), std, mean)


def _uniform(init: Initializer, shape: Sequence[int], source: Source, _: Layout) -> Any:
    return source.uniform(prod(shape), _known(init, init.low), _known(init, init.high))


def _constant(init: Initializer, shape: Sequence[int], source: Source, _: Layout) -> Any:
    value = _known(init, init.value)
    return source.uniform(prod(shape), value, value)


def _orthogonal(init: Initializer, shape: Sequence[int], source: Source, layout: Layout) -> Any:
    rows, columns = matrix_of(shape, layout)
    flat = source.orthonormal(max(rows, columns), min(rows, columns))
    if rows < columns:
        flat = source.transposed(flat, columns, rows)
    return source.affine(flat, _known(init, init.gain), 0.0)


def _sparse(init: Initializer, shape: Sequence[int], source: Source, _: Layout) -> Any:
    rows, columns = shape
    zeros = ceil(_known(init, init.sparsity) * rows)
    positions = [row * columns + column for column in range(columns) for row in source.permutation(rows)[:zeros]]
    return source.placed(source.affine(source.normal(rows * columns), _known(init, init.std), 0.0), positions, 0.0)


def _identity(init: Initializer, shape: Sequence[int], source: Source, _: Layout) -> Any:
    """Ones at (i, i), of every group for dirac_, at the kernel's centre."""
    groups = int(_known(init, init.groups))
    outputs, kernel = shape[0] // groups, shape[2:]
    centre = 0
    for length in kernel:
        centre = centre * length + length // 2
    positions = [
        ((group * outputs + channel) * shape[1] + channel) * prod(kernel) + centre
        for group, channel in product(range(groups), range(min(outputs, shape[1])))
    ]
    return source.placed(source.uniform(prod(shape), 0.0, 0.0), positions, _known(init, init.gain))


_SAMPLERS: dict[str, Callable[[Initializer, Sequence[int], Source, Layout], Any]] = {
    "variance_scaling": _scaling,
    "normal": _normal,
    "uniform": _uniform,
    "constant": _constant,
    "orthogonal": _orthogonal,
    "sparse": _sparse,
    "identity": _identity,
}
