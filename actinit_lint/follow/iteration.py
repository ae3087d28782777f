"""Iteration: the elements of a value, and whether these are all."""

from __future__ import annotations

from typing import Any

from actinit_lint.follow.enumerations import is_enumeration, members
from actinit_lint.follow.records import positions
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    ABSENT,
    ClassValue,
    DictValue,
    Flow,
    ListValue,
    Obj,
    OneOf,
    Unknown,
    Value,
    one_of,
    options,
)


class Range:
    """`range(...)` with a known or unknown length."""

    __slots__ = ("values",)

    def __init__(self, values: range | None) -> None:
        self.values = values


MOST_ELEMENTS = 256
FEW_ELEMENTS = 8  # of a longer loop, and of every loop of a root that is too large: the others count as more of these


def iterate(run: Run, value: Value, place: Any) -> tuple[list[Value], bool]:
    """The elements that a loop over `value` meets, and whether that is known exactly.

    Where it is not, one element stands for one or more: `for _ in range(n)` with an unknown n builds its layer once.
    """
    if isinstance(value, tuple):
        return list(value), True
    if isinstance(value, ListValue):
        items = [drop_absent(item) for item in value.items]
        items = [item for item in items if item is not ABSENT]
        if not items and value.open:
            return [Unknown("element of a list of unknown content", place)], False
        return items, not value.open
    if isinstance(value, Range):
        if value.values is None:
            return [Unknown("loop of unknown length", place)], False
        if len(value.values) > (FEW_ELEMENTS if run.session.abridged else MOST_ELEMENTS):
            return list(value.values[:FEW_ELEMENTS]), False
        return list(value.values), True
    if isinstance(value, str):
        return list(value), True
    if isinstance(value, DictValue):
        if not value.items and value.open:
            return [Unknown("key of a dictionary of unknown content", place)], False
        return list(value.items), not value.open
    if isinstance(value, Obj):
        return _object(run, value, place)
    if isinstance(value, ClassValue) and is_enumeration(value):
        return list(members(value)), True
    if isinstance(value, Flow):
        return [run.flow(Flow("select", [value], place, name="element"))], False
    if isinstance(value, OneOf):
        lists = [iterate(run, option, place) for option in value.options if option is not None]
        if lists and len({len(elements) for elements, _ in lists}) == 1:
            columns = zip(*(elements for elements, _ in lists))
            return [one_of(column) for column in columns], all(exact for _, exact in lists)
        longest = max((elements for elements, _ in lists), key=len, default=[])
        return longest or [Unknown("element of an unknown value", place)], False
    return [Unknown("element of an unknown value", place)], False


def _object(run: Run, value: Obj, place: Any) -> tuple[list[Value], bool]:
    if value.items is not None:
        if value.kind is not None and value.kind.name in ("ModuleDict", "ParameterDict") and value.keys is not None:
            return list(value.keys), not value.items.open
        return iterate(run, value.items, place)
    values = positions(value)
    if values is not None:
        return values, True
    if value.cls is not None and value.cls.find("__iter__"):
        from actinit_lint.follow.calls import call_method

        elements = call_method(run, value, "__iter__", [], place)
        if elements is not value:  # its own iterator gives what `__next__` does
            return iterate(run, elements, place)
    return [Unknown("element of an object", place)], False


def drop_absent(item: Value) -> Value:
    """An element that may be missing, seen where it is used: the element."""
    if isinstance(item, OneOf):
        rest = [option for option in options(item) if option is not ABSENT]
        if len(rest) < len(item.options):
            return one_of(rest) if rest else ABSENT
    return item
