"""What an activation is, mathematically: a value, a derivative, its kinks and what it tends to far out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any, ClassVar, Literal, NamedTuple

from actinit_lint.reference.operations import MATH, Operations

Family = Literal["rectifier", "saturating", "self-normalising", "none"]
#: A closed interval of pre-activations.
Interval = tuple[float, float]


class Asymptote(NamedTuple):
    """φ(z) -> slope·z + offset as z runs off to one side."""

    slope: float
    offset: float


class Piece(NamedTuple):
    """φ(z) = c0 + c1·z + c2·z² for z below `upper` (and at it, when `closed`), down to where the piece before ends."""

    upper: float
    closed: bool
    coefficients: tuple[float, ...]  # c0, c1, c2: at most degree 2


class Jump(NamedTuple):
    """By how much φ, φ' and φ'' jump at a kink."""

    at: float
    value: float
    slope: float
    curvature: float


def _polynomial(coefficients: tuple[float, ...], z: float) -> float:
    total = 0.0
    for c in reversed(coefficients):
        total = total * z + c
    return total


def differentiate(coefficients: tuple[float, ...]) -> tuple[float, ...]:
    """Ascending coefficients of the derivative; `(0.0,)` for a constant."""
    return tuple(n * c for n, c in enumerate(coefficients))[1:] or (0.0,)


@dataclass(frozen=True)
class Pieces:
    """A piecewise polynomial. At a kink the derivative is the one of the piece that owns the point."""

    rows: tuple[Piece, ...]  # ascending; the last one reaches to infinity
    width: ClassVar[float] = 1.0

    def value(self, ops: Operations, z: Any) -> Any:
        return self._evaluate(ops, z, self._values)

    def derivative(self, ops: Operations, z: Any) -> Any:
        return self._evaluate(ops, z, self._slopes)

    def _evaluate(self, ops: Operations, z: Any, polynomials: tuple[tuple[float, ...], ...]) -> Any:
        result: Any = None
        for row, coefficients in zip(reversed(self.rows), reversed(polynomials), strict=True):
            here = ops.constant(z, coefficients[-1])
            for c in reversed(coefficients[:-1]):
                here = here * z + c
            if result is None:
                result = here
            else:
                result = ops.where(z <= row.upper if row.closed else z < row.upper, here, result)
        return result

    @cached_property
    def _values(self) -> tuple[tuple[float, ...], ...]:
        return tuple(row.coefficients for row in self.rows)

    @cached_property
    def _slopes(self) -> tuple[tuple[float, ...], ...]:
        return tuple(differentiate(row.coefficients) for row in self.rows)

    @property
    def kinks(self) -> tuple[float, ...]:
        return tuple(row.upper for row in self.rows[:-1])

    @property
    def asymptotes(self) -> tuple[Asymptote, Asymptote]:
        first, last = ((*self.rows[end].coefficients, 0.0)[:2] for end in (0, -1))
        return Asymptote(first[1], first[0]), Asymptote(last[1], last[0])

    @property
    def grows_as_a_square(self) -> bool:
        return any(len(self.rows[end].coefficients) > 2 for end in (0, -1))

    def intervals(self) -> Iterator[tuple[float, float, tuple[float, ...]]]:
        """(lower, upper, coefficients) of every piece."""
        lower = -inf
        for row in self.rows:
            yield lower, row.upper, row.coefficients
            lower = row.upper

    @cached_property
    def jumps(self) -> tuple[Jump, ...]:
        """The kinks with the height of each jump of φ, φ' and φ''."""
        found = []
        for left, right in zip(self.rows, self.rows[1:], strict=False):
            before, after, heights = left.coefficients, right.coefficients, []
            for _ in range(3):
                heights.append(_polynomial(after, left.upper) - _polynomial(before, left.upper))
                before, after = differentiate(before), differentiate(after)
            found.append(Jump(left.upper, *heights))
        return tuple(found)

    @cached_property
    def rays(self) -> tuple[float, float] | None:
        """The slopes left and right of 0 when φ is linear on each side and 0 there: ReLU, leaky ReLU, the identity."""
        through_zero = all(len(row.coefficients) == 2 and row.coefficients[0] == 0 for row in self.rows)
        if not through_zero or self.kinks not in ((), (0.0,)):
            return None
        return self.rows[0].coefficients[1], self.rows[-1].coefficients[1]


@dataclass(frozen=True)
class Smooth:
    """A formula, with finitely many kinks where its pieces meet."""

    value: Callable[[Operations, Any], Any]
    derivative: Callable[[Operations, Any], Any]
    asymptotes: tuple[Asymptote, Asymptote] | None  # None: it has none (sin, exp)
    low: float
    high: float
    kinks: tuple[float, ...] = ()
    width: float = 1.0  # the distance over which it bends, as 1/beta for softplus


@dataclass(frozen=True, slots=True)
class Nonlinearity:
    """One activation with its parameters filled in, made by `activations.activation`.

    Two are equal when name and parameters are.
    `reference_gain` is the gain that initialisers are named for (√2 for rectifiers, 5/3 for tanh), None where there is
    no convention; the exact gain of the signal is `gains.forward_gain`.
    """

    name: str
    parameters: tuple[tuple[str, float], ...]
    form: Pieces | Smooth = field(compare=False, repr=False)
    family: Family = field(compare=False)
    reference_gain: float | None = field(compare=False)
    range: Interval = field(compare=False)
    zero_centred: bool = field(compare=False)  # mean output 0 for z ~ N(0, 1)

    def value(self, z: Any, ops: Operations = MATH) -> Any:
        """φ(z) for a float, or for a tensor with `tensor_operations()`."""
        return self.form.value(ops, z)

    def derivative(self, z: Any, ops: Operations = MATH) -> Any:
        """φ'(z). At a kink, the one-sided derivative that torch's autograd takes: relu'(0) = 0."""
        return self.form.derivative(ops, z)

    @property
    def kinks(self) -> tuple[float, ...]:
        """Points where φ, φ' or φ'' jumps, ascending."""
        return self.form.kinks

    @property
    def width(self) -> float:
        """The distance over which φ bends, in units of z."""
        return self.form.width
