"""Keys of dictionaries: what a followed value is known by as a key."""

from __future__ import annotations

from typing import Any

from actinit_lint.follow.enumerations import plain
from actinit_lint.follow.state import MISSING
from actinit_lint.follow.values import MEMBER, ClassValue, External, Func, Obj, Value


def key_of(value: Value) -> Any:
    """The key that a value is in a followed dictionary; MISSING for one that is not known well enough."""
    value = plain(value)
    if isinstance(value, External):
        return value.name
    if isinstance(value, (ClassValue, Func)) or (isinstance(value, Obj) and MEMBER in value.flags):
        return value  # by its identity
    if not isinstance(value, (str, int, float, bool, type(None), tuple)):
        return MISSING
    try:
        hash(value)
    except TypeError:
        return MISSING
    return value
