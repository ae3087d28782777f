"""Numbers that code computes from a layer's fans: `math.sqrt(2 / fan_in)` is He's rule, whatever fan_in is.

A number read from a layer's sizes remembers what it is as coefficient * fan ** power, through products, quotients,
powers and square roots, also where its value is not known. A spread that comes out as coefficient * fan ** -0.5 is read
as variance scaling. So is one computed from other numbers, where it is just that for the layer it fills, and one
computed from an unknown size that the layer has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isclose, sqrt
from typing import Any

from actinit_lint.follow.values import Obj, Parameter, Unknown, Value, View
from actinit_lint.reference.normal_form import TORCH_DEFAULT, Initializer, Mode, variance_scaling


@dataclass(frozen=True, slots=True)
class Fan:
    """coefficient * fan ** power. Kind "mixed": made of channels and kernel sizes, judged by its value alone.

    Kind "of NAME": made of the unknown size of that name.
    """

    kind: str  # "in", "out", "sum" (of both), "mixed", "of ..."
    coefficient: float = 1.0
    power: float = 1.0


class FanInt(int):
    fan: Fan


class FanFloat(float):
    fan: Fan


class FanUnknown(Unknown):
    fan: Fan


def fan(value: Value, kind: str) -> Value:
    """A size read from a layer, marked as what it is."""
    return _with(value, Fan(kind))


def _with(value: Value, what: Fan) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        marked: Any = FanInt(value)
    elif isinstance(value, float):
        marked = FanFloat(value)
    elif isinstance(value, Unknown) and what.kind != "mixed":
        marked = FanUnknown(value.reason, value.place, value.symbol)
    else:
        return value
    marked.fan = what
    return marked


FANS = (FanInt, FanFloat, FanUnknown)


def arithmetic(sign: str, left: Value, right: Value, plain: Value) -> Value:
    """The result of an operation with a marked number; `plain` is its value, marked where that makes sense."""
    a, b = _fan(left), _fan(right)
    what: Fan | None = None
    if a is not None and b is not None:
        what = _two(sign, a, b)
    elif a is not None and isinstance(right, (int, float)):
        what = _one(sign, a, float(right))
    elif b is not None and isinstance(left, (int, float)) and a is None:
        what = _reversed(sign, float(left), b)
    return _with(plain, what) if what is not None else plain


def is_made_of_sizes(value: Value) -> bool:
    """Whether the number remembers what it is: a fan, or something unknown that has a name."""
    return isinstance(value, FANS) or (isinstance(value, Unknown) and value.symbol is not None)


def is_size(value: Value) -> bool:
    return isinstance(value, FANS)


def as_float(value: Value) -> Value:
    """`float(fan_in + fan_out)` is what it was made from."""
    return _with(float(value), value.fan) if isinstance(value, (FanInt, FanFloat)) else value


def computed(value: Value) -> Value:
    """A fraction that code computes, not one that it spells: it may be a rule of initialisation."""
    return _with(value, Fan("mixed")) if isinstance(value, float) and 0 < value < 1 else value


def _fan(value: Value) -> Fan | None:
    if isinstance(value, FANS):
        return value.fan
    return Fan(f"of {value.symbol}") if isinstance(value, Unknown) and value.symbol is not None else None


def _two(sign: str, a: Fan, b: Fan) -> Fan | None:
    if "mixed" in (a.kind, b.kind):
        return Fan("mixed")
    if sign == "+" and {a.kind, b.kind} == {"in", "out"} and a.power == b.power == 1 and a.coefficient == b.coefficient:
        return Fan("sum", a.coefficient)
    if sign == "*" and a.kind == b.kind:
        return Fan(a.kind, a.coefficient * b.coefficient, a.power + b.power)
    return None


def _one(sign: str, a: Fan, number: float) -> Fan | None:
    if a.kind == "mixed":
        return a
    if sign == "*":
        return replace(a, coefficient=a.coefficient * number)
    if sign in ("/", "//") and number:
        return replace(a, coefficient=a.coefficient / number)
    if sign == "**" and a.coefficient > 0:
        return Fan(a.kind, a.coefficient**number, a.power * number)
    return None


def _reversed(sign: str, number: float, b: Fan) -> Fan | None:
    if b.kind == "mixed":
        return b
    if sign == "*":
        return replace(b, coefficient=b.coefficient * number)
    if sign == "/" and b.coefficient:
        return Fan(b.kind, number / b.coefficient, -b.power)
    return None


def square_root(value: Value) -> Value:
    """sqrt of a marked number."""
    what = _fan(value)
    plain: Value = Unknown("a number computed from unknown values")
    if isinstance(value, (int, float)) and value >= 0:
        plain = sqrt(value)
    if what is None:
        return computed(plain)
    if what.kind == "mixed":
        return _with(plain, what)
    if what.coefficient < 0:
        return plain
    return _with(plain, Fan(what.kind, sqrt(what.coefficient), what.power / 2))


def negative(value: Value) -> Value:
    what = _fan(value)
    plain = -value if isinstance(value, (int, float)) else value
    return plain if what is None else _with(plain, replace(what, coefficient=-what.coefficient))


# From a spread to its normal form -----------------------------------------------------------------

#: Gains that rules of initialisation use.
GAINS = (sqrt(2.0), 1.0, sqrt(1 / 3), 5 / 3, 0.75)


def by_fans(initializer: Initializer, spread: Value, target: Value) -> Initializer:
    """Read a normal or uniform draw whose spread was computed from fans as variance scaling."""
    what = _fan(spread)
    if what is None or initializer.family not in ("normal", "uniform") or initializer.mean not in (0.0, None):
        return initializer
    shrink = 1 / sqrt(3) if initializer.family == "uniform" else 1.0
    if what.kind.startswith("of "):
        what = _of_layer(what, target)
        if what is None:
            return initializer
    if what.kind != "mixed":
        if not isclose(what.power, -0.5, rel_tol=1e-9):
            return initializer
        gain = abs(what.coefficient) * shrink
        mode: Mode = {"in": "fan_in", "out": "fan_out"}.get(what.kind, "fan_avg")  # type: ignore[assignment]
        return _scaling(initializer, gain / sqrt(2) if what.kind == "sum" else gain, mode)
    if not isinstance(spread, (int, float)):
        return initializer
    shape = target.shape if isinstance(target, Parameter) else None
    if shape is None or len(shape) < 2 or any(s is None for s in shape):
        return initializer
    field = 1
    for s in shape[2:]:
        field *= s or 1
    fan_in, fan_out = (shape[1] or 0) * field, (shape[0] or 0) * field
    std = abs(float(spread)) * shrink
    modes: tuple[tuple[float, Mode], ...] = (
        (fan_in, "fan_in"),
        (fan_out, "fan_out"),
        ((fan_in + fan_out) / 2, "fan_avg"),
    )
    for gain in GAINS:
        for size, mode in modes:
            if isclose(std * sqrt(size), gain, rel_tol=1e-6):
                return _scaling(initializer, gain, mode)
    return initializer


def _of_layer(what: Fan, target: Value) -> Fan | None:
    """An unknown size as a fan of the linear map that has it."""
    owner = target.parameter.owner if isinstance(target, View) else getattr(target, "owner", None)
    if not isinstance(owner, Obj) or owner.kind is None or owner.kind.name != "Linear":
        return None
    for name, kind in (("in_features", "in"), ("out_features", "out")):
        size = _fan(owner.args.get(name))
        if size is not None and size.kind == what.kind and size.power == 1 and size.coefficient > 0:
            return replace(what, kind=kind, coefficient=what.coefficient * size.coefficient**-what.power)
    return None


def _scaling(initializer: Initializer, gain: float, mode: Mode) -> Initializer:
    distribution = initializer.distribution
    word = "uniform" if distribution == "uniform" else "normal"
    if distribution == "uniform" and mode != "fan_avg" and isclose(gain, sqrt(1 / 3), rel_tol=1e-6):
        return replace(TORCH_DEFAULT, mode=mode)  # of square layers both fans are one
    family = (
        "xavier"
        if mode == "fan_avg"
        else "lecun"
        if isclose(gain, 1.0, rel_tol=1e-6) and mode == "fan_in"
        else "kaiming"
    )
    return variance_scaling(f"{family}_{word}", gain, mode, distribution)
