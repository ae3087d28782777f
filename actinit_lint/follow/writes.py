"""Writes to parameters: which initialiser really reaches which tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from actinit_lint.follow.state import MISSING, Frame, Run
from actinit_lint.follow.values import (
    ABSENT,
    ClassValue,
    DictValue,
    Flow,
    Obj,
    OneOf,
    Parameter,
    Scope,
    Tensor,
    Unknown,
    Value,
    View,
    is_number,
    is_plain,
)
from actinit_lint.model import Place, Write
from actinit_lint.program import language as la
from actinit_lint.reference.normal_form import OPAQUE, Initializer, constant


def write(
    run: Run,
    target: Value,
    initializer: Initializer,
    place: Place,
    also: tuple[tuple[Place, str], ...] = (),
    kind: str = "statement",
) -> None:
    """An initialiser fills a tensor. Slices leave the rest as it is, copies are lost, unknown targets stay."""
    if isinstance(target, OneOf):
        for option in target.options:
            if option is not None and option is not ABSENT:
                write(run, option, initializer, place, also, kind)
        return
    if isinstance(target, View):
        if target.copy:
            if target.clone:
                target.lost = (initializer, place)
            return
        if target.part:
            touched(run, target.parameter, place)
            return
        target = target.parameter
    if not isinstance(target, Parameter):
        return
    if target.parametrized:
        run.record("parametrized_write", place, parameter=target, initializer=initializer)
        return
    _add(run, target, initializer, place, also, kind)


def _add(
    run: Run, target: Parameter, initializer: Initializer, place: Place, also: tuple[tuple[Place, str], ...], kind: str
) -> None:
    entry = Write(
        initializer,
        place,
        (*also, *helper_calls(run), *run.via),
        kind,  # type: ignore[arg-type]
        run.frame.maker,
        run.sweep > 0 or bool(run.via),
        run.uses,
        run.sweeps,
        under=_conditions(run),
    )
    run.assign(target, "writes", (*target.writes, entry))


def _conditions(run: Run) -> frozenset[Place]:
    """The conditions that the code stands under and that settings decide (`if zero_init`), or that nobody knows."""
    return frozenset(
        Place(frame.scope.globals.path, test.at)
        for frame in run.frames
        for test in (*frame.open, *(test for test in frame.taken if _asks_settings(frame, test)))
    )


def _asks_settings(frame: Frame, test: la.Expr) -> bool:
    """Whether all that a test reads are settings: plain values that somebody may choose differently.

    They are the function's own parameters, constants of the file, and attributes and entries of `self` and of objects
    that hold settings: `cfg.orthogonal`, `self.args["init"]`.
    """
    if isinstance(test, la.Name):
        scope = frame.scope
        own = frame.func is not None and any(p.name == test.id for p in frame.func.node.params)
        return (own or test.id not in scope.vars) and is_plain(_read(frame, test))
    if isinstance(test, (la.Attr, la.Subscript)):
        owner = _read(frame, test.value)
        holds = isinstance(owner, (ClassValue, DictValue)) or (
            isinstance(owner, Obj) and (owner is frame.self_value or owner.kind is None)
        )
        value = _read(frame, test)
        return holds and value is not MISSING and is_plain(value)
    if isinstance(test, la.Unary):
        return _asks_settings(frame, test.value)
    parts: Iterable[la.Expr] = ()
    if isinstance(test, la.Bool):
        parts = (test.left, test.right)
    elif isinstance(test, la.Compare):
        parts = (test.left, *(right for _, right in test.rest))
    parts = [part for part in parts if not isinstance(part, la.Const)]
    return bool(parts) and all(_asks_settings(frame, part) for part in parts)


def _read(frame: Frame, node: la.Expr) -> Value:
    """What a name, attribute or entry holds, without running anything for it; MISSING where that is not written."""
    if isinstance(node, la.Name):
        scope: Scope | None = frame.scope
        while scope is not None and node.id not in scope.vars:
            scope = scope.parent
        return (scope or frame.scope.globals.scope).vars.get(node.id, MISSING)
    if isinstance(node, la.Attr):
        owner = _read(frame, node.value)
        if isinstance(owner, Obj) and node.name in owner.attrs:
            return owner.attrs[node.name]
        cls = owner.cls if isinstance(owner, Obj) else owner
        found = cls.find(node.name) if isinstance(cls, ClassValue) else None
        return found[0] if found is not None else MISSING
    if isinstance(node, la.Subscript) and isinstance(node.index, la.Const):
        owner = _read(frame, node.value)
        return owner.items.get(node.index.value, MISSING) if isinstance(owner, DictValue) else MISSING
    return MISSING


def touched(run: Run, parameter: Parameter, place: Place) -> None:
    """Some elements were written: what was uninitialised or all one value is so no longer."""
    last = parameter.writes[-1].initializer if parameter.writes else None
    if last is not None and (last.family == "uninitialised" or last.is_constant):
        run.assign(parameter, "writes", (*parameter.writes, Write(OPAQUE, place)))


def helper_calls(run: Run) -> tuple[tuple[Place, str], ...]:
    """Where the helper function that writes was called, and the helper that called it: plain functions only."""
    calls: list[tuple[Place, str]] = []
    for frame in reversed(run.frames):
        if frame.func is None or frame.func.owner is not None or frame.place is None or len(calls) == 2:
            break
        if not any(frame.place == place for place, _ in run.via):
            calls.append((frame.place, "through this call"))
    return tuple(calls)


def overwrite(run: Run, target: Value, change: Callable[[Initializer], Initializer], place: Place) -> None:
    """An in-place change of what is there: `weight.mul_(0.1)`, `weight *= 2`.

    It is the initialisation of a parameter that was left to its default, and belongs to one that was made before it.
    After a backward pass it is a step of training: `weight -= rate * weight.grad`.
    """
    if isinstance(target, View):
        if target.copy or target.part:
            return
        target = target.parameter
    if isinstance(target, Parameter) and target.writes:
        last = target.writes[-1]
        if run.uses > max(last.uses, run.session.uses):
            return
        if last.kind == "default" and not target.parametrized:
            _add(run, target, change(last.initializer), place, (), "statement")
            return
        also = (*last.also, (place, "changed here"))
        new = Write(change(last.initializer), last.place, also, last.kind, uses=last.uses)
        run.assign(target, "writes", (*target.writes, new))


def changed_by(factor: float | None) -> Callable[[Initializer], Initializer]:
    """What a multiplication makes of an initialiser; None: a number that is not known, or another change."""
    from actinit_lint.follow.operators import scaled_by

    return lambda i: OPAQUE if factor is None else scaled_by(i, factor)


def initializer_of(value: Value) -> Initializer:
    """What a tensor that is put in place of another one holds."""
    if isinstance(value, View):
        value.used = True
        if value.factor is not None and value.parameter.writes:
            return changed_by(value.factor)(value.parameter.writes[-1].initializer)
    if isinstance(value, Tensor):
        return value.initializer
    if isinstance(value, Parameter) and value.writes:
        return value.writes[-1].initializer
    if is_number(value):
        return constant(float(value))
    return OPAQUE


def replace_data(run: Run, owner: Value, value: Value, place: Place) -> None:
    """`weight.data = value`, `layer.weight = value`."""
    parameter = owner.parameter if isinstance(owner, View) else owner
    if not isinstance(parameter, Parameter):
        return
    if isinstance(value, View) and value.parameter is parameter:
        # `w.data = w.data * 0.1`: something made from itself
        if value.copy:
            overwrite(run, parameter, changed_by(value.factor), place)
        return
    if isinstance(value, Tensor):
        write(run, parameter, value.initializer, value.place, ((place, "written here"), *value.also))
        return
    if isinstance(value, (Flow, Unknown, OneOf)):
        write(run, parameter, OPAQUE, place)
        return
    write(run, parameter, initializer_of(value), place)


def set_part(run: Run, owner: Parameter | View, index: Value, value: Value, place: Place) -> None:
    """`weight[...] = value`: all of it only for `[...]` and `[:]`."""
    if (isinstance(index, slice) and index == slice(None, None, None)) or (
        isinstance(index, Unknown) and "Ellipsis" in index.reason
    ):
        replace_data(run, owner, value, place)
    else:
        touched(run, owner.parameter if isinstance(owner, View) else owner, place)


def set_trainable(run: Run, owner: Value, value: Value) -> None:
    parameter = owner.parameter if isinstance(owner, View) else owner
    if isinstance(parameter, Parameter):
        run.assign(parameter, "trainable", value is not False)


def freeze(run: Run, obj: Obj, trainable: bool) -> None:
    from actinit_lint.follow.modules import parameters

    for _, parameter in parameters(obj):
        run.assign(parameter, "trainable", trainable)
