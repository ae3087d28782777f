"""Enumerations: the members of a class of names for options, and their values."""

from __future__ import annotations

from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    MEMBER,
    Args,
    ClassValue,
    External,
    Func,
    Method,
    Obj,
    Unknown,
    Value,
    is_number,
)
from actinit_lint.model import Place
from actinit_lint.program import language as la

BASES = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})
#: Bases whose members are equal to their values.
PLAIN = frozenset({"enum.IntEnum", "enum.StrEnum", "enum.IntFlag", "builtins.str", "builtins.int"})


def is_enumeration(cls: ClassValue) -> bool:
    return not BASES.isdisjoint(cls.externals())


def make_members(run: Run, cls: ClassValue) -> None:
    """Make each name that the body of an enumeration sets one of its members."""
    count = 0
    for statement in cls.node.body:
        if not isinstance(statement, la.Assign) or statement.value is None:
            continue
        for target in statement.targets:
            if isinstance(target, la.Name) and not target.id.startswith("_"):
                count += 1
                value = _automatic(cls, target.id, count, cls.attrs[target.id])
                cls.attrs[target.id] = _member(run, cls, target.id, value, run.place(statement.at))


def _automatic(cls: ClassValue, name: str, count: int, value: Value) -> Value:
    """`auto()` counts; in an enumeration of texts it gives the name in small letters."""
    if not isinstance(value, External) or value.name != "enum.auto()":
        return value
    return name.lower() if "enum.StrEnum" in cls.externals() else count


def _member(run: Run, cls: ClassValue, name: str, value: Value, place: Place) -> Value:
    if isinstance(value, (Func, Method)):
        return value
    same = next((m for m in members(cls) if m.attrs["value"] is value), None)
    if same is not None and (isinstance(value, str) or is_number(value)):
        return same  # an alias
    attributes: dict[str, Value] = {"name": name, "value": value, "_name_": name, "_value_": value}
    member = Obj(cls, None, attributes, place, run.next())
    member.flags.add(MEMBER)
    return member


def members(cls: ClassValue) -> list[Obj]:
    found: list[Obj] = []
    for value in cls.attrs.values():
        if isinstance(value, Obj) and MEMBER in value.flags and not any(m is value for m in found):
            found.append(value)
    return found


def plain(value: Value) -> Value:
    """The text or number that a member is equal to; other values as they are."""
    if isinstance(value, Obj) and MEMBER in value.flags and value.cls is not None:
        return value.attrs["value"] if not PLAIN.isdisjoint(value.cls.externals()) else value
    return value


def look_up(cls: ClassValue, args: Args) -> Value:
    """`Activation("relu")`: the member with this value."""
    value = args.pos[0] if args.pos else None
    for member in members(cls):
        held = member.attrs["value"]
        if member is value or (isinstance(value, (str, int, float)) and type(held) is type(value) and held == value):
            return member
    return Unknown(f"a member of {cls.name}")
