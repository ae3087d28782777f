"""Operators on followed values: arithmetic, comparison, truth."""

from __future__ import annotations

import operator as op
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from actinit_lint.follow.enumerations import plain
from actinit_lint.follow.fans import FANS, arithmetic, by_fans, computed, is_made_of_sizes, negative
from actinit_lint.follow.iteration import Range
from actinit_lint.follow.keys import key_of
from actinit_lint.follow.state import MISSING, Run
from actinit_lint.follow.values import (
    Bound,
    ClassValue,
    DictValue,
    External,
    Flow,
    Func,
    Given,
    ListValue,
    Method,
    Obj,
    OneOf,
    Parameter,
    Partial,
    Tensor,
    Unknown,
    Value,
    View,
    is_number,
    same,
)
from actinit_lint.model import Place
from actinit_lint.reference.normal_form import OPAQUE, Initializer, constant

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": op.add,
    "-": op.sub,
    "*": op.mul,
    "/": op.truediv,
    "//": op.floordiv,
    "%": op.mod,
    "**": op.pow,
    "<<": op.lshift,
    ">>": op.rshift,
    "&": op.and_,
    "|": op.or_,
    "^": op.xor,
}
ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge}
PLAIN = (int, float, str, bool, type(None))
LONGEST = 2000


def truth(value: Value) -> bool | None:
    """Whether a condition holds; None when the code does not say."""
    if isinstance(value, (PLAIN, tuple)):
        return bool(value)
    if isinstance(value, OneOf):
        answers = {truth(option) for option in value.options}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(value, ListValue):
        return True if value.items else (None if value.open else False)
    if isinstance(value, DictValue):
        return True if value.items else (None if value.open else False)
    if isinstance(value, Obj):
        return truth(value.items) if value.items is not None else True
    if isinstance(value, (Func, ClassValue, Bound, Partial, External, Method, Given)):
        return True
    return None


def unary(run: Run, sign: str, value: Value, place: Place) -> Value:
    if sign == "not":
        decided = truth(value)
        return Unknown("undecided condition") if decided is None else not decided
    if isinstance(value, FANS) and sign == "-":
        return negative(value)
    if is_number(value):
        return -value if sign == "-" else (~value if sign == "~" and isinstance(value, int) else value)
    if isinstance(value, Flow):
        return run.flow(Flow("pass", [value], place, name=sign, shape=value.shape))
    if isinstance(value, Tensor) and sign == "-":
        return scaled(value, -1.0)
    if isinstance(value, OneOf):
        return run.join([unary(run, sign, option, place) for option in value.options])
    return Unknown("operation on an unknown value")


def binary(run: Run, sign: str, left: Value, right: Value, place: Place, in_place: bool = False) -> Value:
    from actinit_lint.follow import dataflow

    if isinstance(left, PLAIN) and isinstance(right, PLAIN):
        plain = _plain(sign, left, right)
        if isinstance(left, FANS) or isinstance(right, FANS):
            return arithmetic(sign, left, right, plain)
        return computed(plain) if sign in ("/", "**") else plain
    if is_made_of_sizes(left) or is_made_of_sizes(right):
        if all(isinstance(v, (int, float)) or is_made_of_sizes(v) for v in (left, right)):
            unknown = Unknown("operation on an unknown value", symbol=_symbol(sign, left, right))
            return arithmetic(sign, left, right, unknown)
    if isinstance(left, OneOf) or isinstance(right, OneOf):
        return _options(run, sign, left, right, place, in_place)
    if sign == "@":
        left, right = dataflow.data(run, left, right, place), dataflow.data(run, right, left, place)
    if isinstance(left, Flow) or isinstance(right, Flow):
        return dataflow.combine(run, sign, left, right, place)
    if isinstance(left, (tuple, ListValue)) or isinstance(right, (tuple, ListValue)):
        return _sequences(sign, left, right)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return _tensors(run, sign, left, right, place)
    if isinstance(left, (Parameter, View)) or isinstance(right, (Parameter, View)):
        return _derived(run, sign, left, right, place, in_place)
    if sign == "|" and isinstance(left, DictValue) and isinstance(right, DictValue):
        merged = {**left.items, **right.items}
        return DictValue(merged, {**left.places, **right.places}, left.open or right.open)
    if sign == "|" and isinstance(left, (ClassValue, External, tuple)):  # a union of types in isinstance
        return (*(left if isinstance(left, tuple) else (left,)), right)
    if isinstance(left, Obj) and left.kind is not None and left.kind.role == "container" and sign == "+":
        if isinstance(right, Obj) and left.items is not None and right.items is not None:
            return ListValue([*left.items.items, *right.items.items], "list", left.items.open or right.items.open)
    if isinstance(left, Obj) and left.cls is not None:
        return _overloaded(run, sign, left, right, place)
    return Unknown("operation on an unknown value", symbol=_symbol(sign, left, right))


def _symbol(sign: str, left: Value, right: Value) -> str | None:
    """`4 * dim` is as much one thing, unknown but the same everywhere, as `dim` is."""
    names = [v.symbol if isinstance(v, Unknown) else repr(v) if isinstance(v, int) else None for v in (left, right)]
    return None if None in names or sign not in "+-*//" else f"({names[0]} {sign} {names[1]})"


METHODS = {"+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "@": "__matmul__", "//": "__floordiv__"}


def _overloaded(run: Run, sign: str, left: Obj, right: Value, place: Place) -> Value:
    name = METHODS.get(sign)
    if name is not None and left.cls is not None and left.cls.find(name):
        from actinit_lint.follow.calls import call_method

        return call_method(run, left, name, [right], place)
    return Unknown("operation on an object")


def _plain(sign: str, left: Any, right: Any) -> Value:
    if sign == "%" and isinstance(left, str):
        try:
            return left % (right,)
        except (TypeError, ValueError):
            return Unknown("text with unknown parts")
    function = ARITHMETIC.get(sign)
    if function is None:
        return Unknown("operation on plain values")
    if sign == "**" and isinstance(right, (int, float)) and abs(right) > 64:
        return Unknown("a very large number")
    if sign == "*" and isinstance(left, str) and isinstance(right, int) and right * len(left) > LONGEST:
        return Unknown("a very long text")
    if sign == "<<" and isinstance(right, int) and right > 64:
        return Unknown("a very large number")
    try:
        result = function(left, right)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return Unknown("operation that fails")
    return result if isinstance(result, PLAIN) else Unknown("a complex number")


def _options(run: Run, sign: str, left: Value, right: Value, place: Place, in_place: bool) -> Value:
    lefts = left.options if isinstance(left, OneOf) else (left,)
    rights = right.options if isinstance(right, OneOf) else (right,)
    if len(lefts) * len(rights) > 6:
        return Unknown("one of many values")
    results = [
        binary(run, sign, a, b, place, in_place) for a in lefts for b in rights if a is not None and b is not None
    ]
    return run.join(results) if results else Unknown("operation on None")


def _sequences(sign: str, left: Value, right: Value) -> Value:
    if sign == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if sign == "+" and isinstance(left, (tuple, ListValue)) and isinstance(right, (tuple, ListValue)):
        a, b = _items(left), _items(right)
        return ListValue([*a, *b], "list", _is_open(left) or _is_open(right))
    if sign == "+" and isinstance(left, (tuple, ListValue)):
        return ListValue([*_items(left), Unknown("elements of an unknown list")], "list", True)
    if sign == "+" and isinstance(right, (tuple, ListValue)):
        return ListValue([Unknown("elements of an unknown list"), *_items(right)], "list", True)
    if sign == "*":
        sequence, count = (left, right) if isinstance(left, (tuple, ListValue)) else (right, left)
        if isinstance(count, int) and len(_items(sequence)) * count <= LONGEST:
            if isinstance(sequence, tuple):
                return sequence * count
            return ListValue(list(sequence.items) * count, sequence.kind, sequence.open)
        if isinstance(sequence, ListValue):
            return ListValue(list(sequence.items), sequence.kind, True)
        return ListValue(list(sequence), "list", True) if isinstance(sequence, tuple) else Unknown("repeated sequence")
    if sign == "%" and isinstance(left, str):
        return Unknown("text with unknown parts")
    return Unknown("operation on a sequence")


def _items(value: Value) -> list[Value]:
    return list(value) if isinstance(value, tuple) else value.items


def _is_open(value: Value) -> bool:
    return isinstance(value, ListValue) and value.open


# Tensors that are being made ----------------------------------------------------------------------


def scaled(tensor: Tensor, factor: float | None) -> Tensor:
    """A fresh tensor times a number."""
    return Tensor(scaled_by(tensor.initializer, factor), tensor.shape, tensor.place, tensor.also)


def scaled_by(i: Initializer, factor: float | None) -> Initializer:
    """An initialiser whose draws are multiplied by a number; None: by one that is not known."""
    if factor is None:
        if i.is_zero:
            return i
        return constant(None) if i.is_constant else OPAQUE
    size = abs(factor)
    if i.family == "constant":
        return constant(None if i.value is None else i.value * factor)
    if i.family in ("variance_scaling", "orthogonal", "identity"):
        return replace(i, gain=None if i.gain is None else i.gain * size, is_default=False)
    if i.family in ("normal", "sparse"):
        mean = None if i.mean is None else i.mean * factor
        return replace(i, mean=mean, std=None if i.std is None else i.std * size, is_default=False)
    if i.family == "uniform":
        low = None if i.low is None else i.low * factor
        high = None if i.high is None else i.high * factor
        if low is not None and high is not None and low > high:
            low, high = high, low
        mean = (low + high) / 2 if low is not None and high is not None else None
        return replace(i, low=low, high=high, mean=mean, is_default=False)
    return i


def _shifted(i: Initializer, by: float | None) -> Initializer:
    if by is None or i.family in ("variance_scaling", "orthogonal", "identity", "sparse"):
        return i if i.family == "uninitialised" else OPAQUE
    if i.family == "constant":
        return constant(None if i.value is None else i.value + by)
    if i.family == "normal":
        return replace(i, mean=None if i.mean is None else i.mean + by)
    if i.family == "uniform":
        low = None if i.low is None else i.low + by
        high = None if i.high is None else i.high + by
        mean = (low + high) / 2 if low is not None and high is not None else None
        return replace(i, low=low, high=high, mean=mean)
    return i


def _tensors(run: Run, sign: str, left: Value, right: Value, place: Place) -> Value:
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return _two_tensors(sign, left, right, place)
    tensor, other, first = (left, right, True) if isinstance(left, Tensor) else (right, left, False)
    number = float(other) if is_number(other) else None
    if isinstance(other, (Parameter, View, Obj)):
        return Unknown("tensor computed from others")
    if sign == "*" or (sign == "/" and first):
        factor = number if sign == "*" else 1 / number if number else None
        drawn = tensor.initializer
        width = drawn.std if drawn.family == "normal" else drawn.high if drawn.family == "uniform" else None
        spread = None if width is None else binary(run, sign, width, other, place)
        by_size = by_fans(drawn, spread, None)  # where the factor was computed from fans
        made = by_size if by_size.family == "variance_scaling" else scaled_by(drawn, factor)
        return Tensor(made, tensor.shape, tensor.place, tensor.also)
    if sign in "+-":
        by = number if sign == "+" or number is None else -number
        if sign == "-" and not first:
            flipped = scaled_by(tensor.initializer, -1.0)
            return Tensor(_shifted(flipped, number), tensor.shape, tensor.place, tensor.also)
        return Tensor(_shifted(tensor.initializer, by), tensor.shape, tensor.place, tensor.also)
    return Tensor(OPAQUE, tensor.shape, tensor.place, tensor.also)


def _two_tensors(sign: str, left: Tensor, right: Tensor, place: Place) -> Tensor:
    a, b = left.initializer.constant_value, right.initializer.constant_value
    shape = left.shape if left.shape == right.shape else (left.shape if (right.shape or ()) == () else None)
    if sign == "*" and b is not None:
        return Tensor(scaled_by(left.initializer, b), shape, left.place, left.also)
    if sign == "*" and a is not None:
        return Tensor(scaled_by(right.initializer, a), shape, right.place, right.also)
    if sign in "+-" and b is not None:
        return Tensor(_shifted(left.initializer, b if sign == "+" else -b), shape, left.place, left.also)
    return Tensor(OPAQUE, shape, place)


def _derived(run: Run, sign: str, left: Value, right: Value, place: Place, in_place: bool) -> Value:
    """Something computed from a parameter: still that parameter to whoever multiplies the data with it."""
    owner = left if isinstance(left, (Parameter, View)) else right
    parameter = owner.parameter if isinstance(owner, View) else owner
    factor = _factor(sign, left, right)
    if in_place and owner is left:
        from actinit_lint.follow.writes import changed_by, overwrite

        overwrite(run, owner, changed_by(factor), place)
        return owner
    whole = not isinstance(owner, View) or not (owner.copy or owner.part or owner.transposed)
    return View(parameter, copy=True, factor=factor if whole else None)


def _factor(sign: str, left: Value, right: Value) -> float | None:
    """The number that a parameter is multiplied with, where it is one."""
    if sign == "*":
        number = left if is_number(left) else right
        return float(number) if is_number(number) else None
    return 1 / float(right) if sign == "/" and is_number(right) and right else None


# Comparison ---------------------------------------------------------------------------------------


def compare(sign: str, left: Value, right: Value) -> bool | None:
    """The answer of a comparison; None when it is not known."""
    if sign in ("is", "is not") and isinstance(left, Parameter) and isinstance(right, Parameter):
        return (left is right) == (sign == "is")
    if sign in ("is", "=="):
        return _equal(left, right)
    if sign in ("is not", "!="):
        answer = _equal(left, right)
        return None if answer is None else not answer
    if sign in ("in", "not in"):
        inside = _contains(left, right)
        return None if inside is None else inside == (sign == "in")
    if sign in ORDER and isinstance(left, PLAIN) and isinstance(right, PLAIN):
        try:
            return ORDER[sign](left, right)
        except TypeError:
            return None
    if sign in ORDER and isinstance(left, tuple) and isinstance(right, tuple):
        try:
            return ORDER[sign](left, right) if all(isinstance(v, PLAIN) for v in left + right) else None
        except TypeError:
            return None
    return None


def _equal(left: Value, right: Value) -> bool | None:
    left, right = plain(left), plain(right)
    if isinstance(left, PLAIN) and isinstance(right, PLAIN):
        return bool(left == right)
    if isinstance(left, OneOf) or isinstance(right, OneOf):
        lefts = left.options if isinstance(left, OneOf) else (left,)
        rights = right.options if isinstance(right, OneOf) else (right,)
        answers = {_equal(a, b) for a in lefts for b in rights}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        chosen = isinstance(left, Given) or isinstance(right, Given)
        return False if chosen and (left is None or right is None) else None
    if left is right:
        return True
    if isinstance(left, External) and isinstance(right, External):
        return left.name == right.name
    if isinstance(left, tuple) and isinstance(right, tuple):
        if len(left) != len(right):
            return False
        answers = {_equal(a, b) for a, b in zip(left, right)}
        return False if False in answers else (None if None in answers else True)
    if isinstance(left, ListValue) and isinstance(right, ListValue) and not left.open and not right.open:
        return _equal(tuple(left.items), tuple(right.items))
    if left is None or right is None:
        other = right if left is None else left
        return None if isinstance(other, (Unknown, External)) and _may_be_none(other) else False
    if isinstance(left, (Flow, Tensor, Parameter, View)) or isinstance(right, (Flow, Tensor, Parameter, View)):
        return None
    if type(left) is not type(right):
        return False
    return same(left, right) or None if isinstance(left, (DictValue, Range)) else same(left, right)


def _may_be_none(value: Value) -> bool:
    return isinstance(value, Unknown)


def _contains(item: Value, container: Value) -> bool | None:
    if isinstance(container, str):
        return item in container if isinstance(item, str) else None
    if isinstance(container, (tuple, ListValue)):
        elements = _items(container)
        if item.__class__ is Unknown and elements:
            return None
        if item.__class__ in PLAIN:  # a list may hold thousands of words
            if item in elements:
                return True
            elements = [element for element in elements if element.__class__ not in PLAIN]
        answers = [_equal(item, element) for element in elements]
        if any(answer is True for answer in answers):
            return True
        return None if any(answer is None for answer in answers) or _is_open(container) else False
    if isinstance(container, DictValue):
        key = key_of(item)
        if key is MISSING:
            return None
        return True if key in container.items else (None if container.open else False)
    if isinstance(container, Range) and container.values is not None and isinstance(item, int):
        return item in container.values
    if isinstance(container, Obj) and container.keys is not None:
        return True if item in container.keys else None
    return None
