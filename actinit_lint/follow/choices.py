"""Options that nobody chose: the arguments under which a class or function builds a layer that no root built.

`if pool == "attn": self.proj = nn.Linear(...)` is not reached where `pool="avg"` is the default. The conditions on the
way to such a constructor are solved for the parameters that they ask for; what cannot be solved is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from actinit_lint.follow import operators
from actinit_lint.follow.values import Func, Given, Unknown, Value
from actinit_lint.program import language as la

Conditions = tuple[tuple[la.Expr, bool], ...]
Choice = dict[str, Value]
MOST_CHOICES = 4  # of one class: more combinations than these are rare, and each costs another run
DEEPEST = 3  # names that stand for names that stand for parameters


def choices(functions: Iterable[Func], wanted: set[int]) -> list[tuple[Choice, set[int]]]:
    """Arguments of the first function (a constructor, or a function that builds) that lead to `wanted` constructors.

    Later functions are methods, which ask for the same arguments through attributes of `self`. Each choice comes with
    the constructors that it is for.
    """
    functions = list(functions)
    first = functions[0]
    defaults = {
        p.name: first.defaults.get(p.name, Unknown("no default"))
        for p in first.node.params
        if p.kind not in ("*", "**")
    }
    found: list[tuple[Choice, set[int]]] = []
    for func in functions:
        meanings = {**_attributes(first), **(_meanings(func) if func is first else {})}
        for at, conditions in _ways(func.node.body, wanted):
            choice = _solve_all(conditions, meanings, defaults)
            if choice:
                _merge(found, choice, at)
    return found[:MOST_CHOICES]


def chooses(choice: Choice, given: Mapping[str, Value]) -> bool:
    """Whether something else comes of a choice than of what is `given` without it."""
    return any(name not in given or not _alike(given[name], value) for name, value in choice.items())


def _merge(found: list[tuple[Choice, set[int]]], choice: Choice, at: int) -> None:
    """Options that do not contradict each other are taken together."""
    for other, places in found:
        if all(_alike(other[name], value) for name, value in choice.items() if name in other):
            other.update(choice)
            places.add(at)
            return
    found.append((dict(choice), {at}))


def _alike(a: Value, b: Value) -> bool:
    return type(a) is type(b) and (isinstance(a, Given) or a == b)


# The way to a constructor -------------------------------------------------------------------------


def _ways(body: Any, wanted: set[int]) -> Iterator[tuple[int, Conditions]]:
    """The conditions under which each wanted call is reached."""
    stack: list[tuple[Any, Conditions]] = [(body, ())]
    while stack:
        node, way = stack.pop()
        kind = node.__class__
        if kind is tuple:
            stack.extend((part, way) for part in node)
        elif kind is la.If or kind is la.IfExp:
            stack.append((node.test, way))
            stack.append((node.body, (*way, (node.test, True))))
            stack.append((node.orelse, (*way, (node.test, False))))
        elif isinstance(node, Struct) and kind is not la.Class:
            if isinstance(node, la.Call) and node.at in wanted and way:
                yield node.at, way
            stack.extend((getattr(node, field), way) for field in node.__struct_fields__)


# What names stand for -----------------------------------------------------------------------------


def _meanings(func: Func) -> dict[str, la.Expr]:
    """Local names that are set once: `deep = "deep" in stem_type`."""
    return {name: value for name, value in _set_once(func) if "." not in name}


def _attributes(func: Func) -> dict[str, la.Expr]:
    """Attributes that the constructor sets once, as `self.name`."""
    return {name: value for name, value in _set_once(func) if "." in name}


def _set_once(func: Func) -> Iterator[tuple[str, la.Expr]]:
    seen: dict[str, list[la.Expr]] = {}
    stack: list[Any] = [func.node.body]
    while stack:
        node = stack.pop()
        if node.__class__ is tuple:
            stack.extend(node)
        elif isinstance(node, la.Assign):
            for target in node.targets:
                name = _name(target)
                if name is not None and node.value is not None:
                    seen.setdefault(name, []).append(node.value)
        elif isinstance(node, (la.If, la.For, la.With, la.Try, la.While)):
            stack.extend(getattr(node, field) for field in node.__struct_fields__ if field != "test")
    for name, values in seen.items():
        if len(values) == 1:
            yield name, values[0]


def _name(node: Any) -> str | None:
    if isinstance(node, la.Name):
        return node.id
    if isinstance(node, la.Attr) and isinstance(node.value, la.Name) and node.value.id == "self":
        return f"self.{node.name}"
    return None


# Solving ------------------------------------------------------------------------------------------


def _solve_all(conditions: Conditions, meanings: Mapping[str, la.Expr], defaults: Mapping[str, Value]) -> Choice:
    """For each parameter that is asked for a value that all conditions allow, where one of them names such a value.

    The innermost condition is asked first: the others often only say what is dealt with elsewhere.
    """
    asked: dict[str, list[Value]] = {}
    for test, want in reversed(conditions):
        for name, value in (solve(test, want, meanings, defaults) or {}).items():
            asked.setdefault(name, []).append(value)

    def allowed(name: str, value: Value) -> bool:
        answers = (solve(test, want, meanings, {**defaults, name: value}) or {} for test, want in conditions)
        return all(_alike(answer.get(name, value), value) for answer in answers)

    for values in asked.values():
        values.sort(key=lambda value: isinstance(value, Given))  # a value that is named says more
    return {
        name: next((value for value in values if allowed(name, value)), values[0]) for name, values in asked.items()
    }


def solve(
    test: Any, want: bool, meanings: Mapping[str, la.Expr], defaults: Mapping[str, Value], depth: int = 0
) -> Choice | None:
    """Arguments that make a condition hold (or not); None where it asks for something else."""
    if depth > DEEPEST:
        return None
    name = _name(test)
    if name is not None:
        if name in defaults:
            return {name: _truthy(defaults[name]) if want else _falsy(defaults[name])}
        meaning = meanings.get(name)
        return solve(meaning, want, meanings, defaults, depth + 1) if meaning is not None else None
    if isinstance(test, la.Unary) and test.op == "not":
        return solve(test.value, not want, meanings, defaults, depth)
    if isinstance(test, la.Bool):
        parts = [solve(part, want, meanings, defaults, depth) for part in (test.left, test.right)]
        if (test.op == "and") == want:  # both must hold, or neither
            merged = {name: value for part in reversed(parts) if part for name, value in part.items()}
            return merged or None
        return next((part for part in parts if part is not None), None)
    if isinstance(test, la.Compare) and len(test.rest) == 1:
        (sign, right), left = test.rest[0], test.left
        return _compare(sign, left, right, want, meanings, defaults, depth)
    if isinstance(test, la.Call) and len(test.args) == 1 and not test.args[0].star:  # `exists(dim)`, `bool(dim)`
        return solve(test.args[0].value, want, meanings, defaults, depth + 1)
    return None


def _compare(
    sign: str,
    left: Any,
    right: Any,
    want: bool,
    meanings: Mapping[str, la.Expr],
    defaults: Mapping[str, Value],
    depth: int,
) -> Choice | None:
    if sign in ("!=", "is not", "not in"):
        positive = {"!=": "==", "is not": "is", "not in": "in"}[sign]
        return _compare(positive, left, right, not want, meanings, defaults, depth)
    name = _parameter(left, meanings, defaults, depth)
    if name is None:
        if sign == "in" and isinstance(left, la.Const) and want:  # `"deep" in stem_type`
            name = _parameter(right, meanings, defaults, depth)
            return {name: left.value} if name is not None else None
        return None
    if sign == "in":
        constants = [i.value for i in getattr(right, "items", ()) if isinstance(i, la.Const)]
        if (defaults[name] in constants) is want and not isinstance(defaults[name], Unknown):
            return {name: defaults[name]}
        return {name: constants[0] if want else Given()} if constants else None
    if not isinstance(right, la.Const):
        return None
    value = right.value
    if operators.compare(sign, defaults[name], value) is want:
        return {name: defaults[name]}
    if sign in ("==", "is"):
        if want:
            return {name: value}
        return {name: not value if isinstance(value, bool) else Given()}
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    above = (sign in (">", ">=")) == want
    beyond = sign in (">", "<") if want else sign in (">=", "<=")
    return {name: value + (1 if above else -1) if beyond else value}


def _parameter(node: Any, meanings: Mapping[str, la.Expr], defaults: Mapping[str, Value], depth: int) -> str | None:
    """The parameter that an expression is, by its name or through a name that was set to it."""
    for _ in range(DEEPEST - depth + 1):
        if isinstance(node, la.Call):
            node = _handed_on(node)
        name = _name(node)
        if name is None or name in defaults:
            return name
        node = meanings.get(name)
    return None


def _handed_on(node: la.Call) -> Any:
    """What a call may well return in another spelling: `mode.lower()`, `check_option(mode, MODES)`."""
    if not node.args:
        return node.func.value if isinstance(node.func, la.Attr) else None
    return None if node.args[0].star else node.args[0].value


def _truthy(default: Value) -> Value:
    return True if isinstance(default, bool) else default if default and isinstance(default, (str, int)) else Given()


def _falsy(default: Value) -> Value:
    if isinstance(default, bool):
        return False
    return type(default)() if isinstance(default, (int, float, str)) else None
