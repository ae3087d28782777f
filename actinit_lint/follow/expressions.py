"""Expressions: what a piece of code evaluates to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actinit_lint.follow import calls, operators
from actinit_lint.follow.attributes import get_attribute
from actinit_lint.follow.builtin import BUILTINS
from actinit_lint.follow.iteration import iterate
from actinit_lint.follow.keys import key_of
from actinit_lint.follow.namespaces import as_dict, holds_options
from actinit_lint.follow.state import MISSING, Run
from actinit_lint.follow.subscripts import get_item, note_use
from actinit_lint.follow.values import (
    Args,
    Deferred,
    DictValue,
    External,
    Flow,
    Func,
    ListValue,
    Obj,
    Scope,
    Tensor,
    Unknown,
    Value,
    is_known,
    options,
)
from actinit_lint.program import language as la


def evaluate(run: Run, node: la.Expr) -> Value:
    run.spend()
    return EVALUATORS[node.__class__](run, node)


def _const(run: Run, node: la.Const) -> Value:
    return node.value


def lookup(run: Run, name: str) -> Value:
    scope: Scope | None = run.frames[-1].scope
    globals_ = scope.globals  # type: ignore[union-attr]
    while scope is not None:
        value = scope.vars.get(name, MISSING)
        if value is not MISSING:
            return value.resolve() if value.__class__ is Deferred else value
        scope = scope.parent
    value = globals_.scope.vars.get(name, MISSING)
    if value is not MISSING:
        return value.resolve() if value.__class__ is Deferred else value
    if name in BUILTINS:
        return External(f"builtins.{name}")
    if globals_.stars:
        return _from_star(globals_.stars, name)
    if name == "__name__":
        return "__main__"
    return Unknown(f"name {name} is not defined here")


def _from_star(libraries: list[str], name: str) -> Value:
    """A name that only a `from library import *` can have brought."""
    from actinit_lint.follow.library import knows

    for library in libraries:
        if knows(f"{library}.{name}"):
            return External(f"{library}.{name}")
    return Unknown(f"name {name} comes from a star import")


def _name(run: Run, node: la.Name) -> Value:
    return lookup(run, node.id)


def _attr(run: Run, node: la.Attr) -> Value:
    owner = evaluate(run, node.value)
    if owner is None:
        owner = _given(run, node.value)
    return get_attribute(run, owner, node.name, run.place(node.at))


def _given(run: Run, node: la.Expr) -> Value:
    """What stands for a default of None where the code uses it as an object: something unknown, from here on."""
    if isinstance(node, la.Attr) and isinstance(node.value, (la.Name, la.Attr)):
        owner = evaluate(run, node.value)
        if isinstance(owner, Obj) and owner.cls is not None:
            something = Unknown(f"{node.name} is None by default", symbol=f"{node.name}#{run.next()}")
            run.store(owner.attrs, node.name, something)
            return something
    elif isinstance(node, la.Name):
        variables = run.frame.scope.vars
        if variables.get(node.id, MISSING) is None:
            something = Unknown(f"{node.id} is None by default", symbol=f"{node.id}#{run.next()}")
            run.store(variables, node.id, something)
            return something
    return None


def arguments(run: Run, args: tuple[la.Arg, ...]) -> Args:
    out = Args()
    for arg in args:
        value = evaluate(run, arg.value)
        note_use(run, value)
        place = run.place(arg.value.at)
        if arg.star == 1:
            _spread(run, out, value, place)
        elif arg.star == 2:
            _spread_keywords(out, value, place)
        elif arg.name is not None:
            out.set(arg.name, value, place)
        else:
            out.add(value, place)
    return out


def _spread(run: Run, out: Args, value: Value, place: Any) -> None:
    if isinstance(value, (tuple, ListValue)):
        items = list(value) if isinstance(value, tuple) else value.items
        for item in items:
            out.add(item, place)
        if isinstance(value, ListValue) and value.open:
            out.open = True
        return
    elements, exact = iterate(run, value, place)
    for item in elements:
        out.add(item, place)
    if not exact:
        out.open = True


def _spread_keywords(out: Args, value: Value, place: Any) -> None:
    for option in options(value):
        if holds_options(option):
            option = as_dict(option)
        if isinstance(option, DictValue):
            for key, item in option.items.items():
                if isinstance(key, str):
                    out.set(key, item, option.places.get(key, place))
            if option.open:
                out.open = True
        elif option is not None:
            out.open = True


def _call(run: Run, node: la.Call) -> Value:
    func = node.func
    place = run.place(node.at)
    if isinstance(func, la.Name) and func.id == "super":
        return calls.make_super(run, arguments(run, node.args), place)
    target = evaluate(run, func)
    args = arguments(run, node.args)
    if target.__class__ is Unknown:
        name = func.name if isinstance(func, la.Attr) else func.id if isinstance(func, la.Name) else ""
        return calls.call_unknown(run, name, args, place)
    return calls.call(run, target, args, place)


def _subscript(run: Run, node: la.Subscript) -> Value:
    return get_item(run, evaluate(run, node.value), evaluate(run, node.index), run.place(node.at))


def _slice(run: Run, node: la.Slice) -> Value:
    bounds = [None if part is None else evaluate(run, part) for part in (node.lower, node.upper, node.step)]
    if all(bound is None or isinstance(bound, int) for bound in bounds) and bounds[2] != 0:
        return slice(*bounds)
    return Unknown("slice with unknown bounds")


def _seq(run: Run, node: la.Seq) -> Value:
    items: list[Value] = []
    open_ = False
    for item in node.items:
        if isinstance(item, la.Star):
            elements, exact = iterate(run, evaluate(run, item.value), run.place(item.at))
            items.extend(elements)
            open_ = open_ or not exact
        else:
            items.append(evaluate(run, item))
            note_use(run, items[-1])
    if node.kind == "tuple" and not open_:
        return tuple(items)
    return ListValue(items, node.kind, open_)


def _dict(run: Run, node: la.Dict) -> Value:
    result = DictValue({})
    for key, value in node.items:
        if key is None:
            for option in options(evaluate(run, value)):
                if isinstance(option, DictValue):
                    result.items.update(option.items)
                    result.places.update(option.places)
                    result.open = result.open or option.open
                else:
                    result.open = True
            continue
        k = evaluate(run, key)
        v = evaluate(run, value)
        note_use(run, v)
        at = key_of(k)
        if at is MISSING:
            result.open = True
            continue
        result.items[at] = v
        result.places[at] = run.place(value.at)
    return result


def _binary(run: Run, node: la.Binary) -> Value:
    left, right = evaluate(run, node.left), evaluate(run, node.right)
    return operators.binary(run, node.op, left, right, run.place(node.at))


def _unary(run: Run, node: la.Unary) -> Value:
    value = evaluate(run, node.value)
    return operators.unary(run, node.op, value, run.place(node.at))


def _compare(run: Run, node: la.Compare) -> Value:
    left = evaluate(run, node.left)
    result: Value = True
    for op, right_node in node.rest:
        right = evaluate(run, right_node)
        answer = operators.compare(op, left, right)
        if answer is False:
            return False
        if answer is not True:
            result = Unknown("comparison of unknown values")
        left = right
    return result


def _bool(run: Run, node: la.Bool) -> Value:
    left = evaluate(run, node.left)
    decided = operators.truth(left)
    if decided is True:
        return left if node.op == "or" else evaluate(run, node.right)
    if decided is False:
        return evaluate(run, node.right) if node.op == "or" else left
    right = evaluate(run, node.right)
    if node.op == "and":
        if operators.truth(right) is False:
            return False if right is False else right
        return run.join([left, right]) if is_known(left) and is_known(right) else Unknown("undecided condition")
    known = [option for option in options(left) if operators.truth(option) is not False]
    return run.join([*known, right])


def _if_exp(run: Run, node: la.IfExp) -> Value:
    decided = operators.truth(evaluate(run, node.test))
    if decided is True:
        return evaluate(run, node.body)
    if decided is False:
        return evaluate(run, node.orelse)
    ways = (lambda: evaluate(run, node.body), lambda: evaluate(run, node.orelse))
    outcomes = run.branch([lambda way=way: run.end(way, MISSING) for way in ways])  # type: ignore[misc]
    outcomes = [(value, changes) for value, changes in outcomes if value is not MISSING]
    if not outcomes:
        return Unknown("a recursion without an end")
    run.merge([changes for _, changes in outcomes])
    return run.join([value for value, _ in outcomes])


def _walrus(run: Run, node: la.Walrus) -> Value:
    value = evaluate(run, node.value)
    run.store(run.frame.scope.vars, node.name, value)
    return value


def _lambda(run: Run, node: la.Lambda) -> Value:
    defaults = {p.name: evaluate(run, p.default) for p in node.params if p.default is not None}
    return Func(node, run.frame.scope, defaults)


def _comprehension(run: Run, node: la.Comprehension) -> Value:
    scope = Scope(run.frame.scope, run.frame.scope.globals)
    frame = run.frame
    outer, frame.scope = frame.scope, scope
    items: list[Value] = []
    keyed = DictValue({})
    open_ = False

    def emit() -> None:
        if node.kind == "dict":
            key = key_of(evaluate(run, node.key))  # type: ignore[arg-type]
            value = evaluate(run, node.value)
            if key is not MISSING:
                keyed.items[key] = value
                keyed.places[key] = run.place(node.value.at)
            else:
                keyed.open = True
        else:
            items.append(evaluate(run, node.value))

    def nest(level: int) -> None:
        nonlocal open_
        if level == len(node.loops):
            emit()
            return
        loop = node.loops[level]
        frame.scope = outer if level == 0 else scope
        iterable = evaluate(run, loop.iter)
        frame.scope = scope
        elements, exact = iterate(run, iterable, run.place(loop.iter.at))
        if not exact:
            open_ = True
            run.repeat += 1
        try:
            for element in elements:
                assign_target(run, loop.target, element)
                verdicts = [operators.truth(evaluate(run, test)) for test in loop.tests]
                if any(v is False for v in verdicts):
                    continue
                if any(v is None for v in verdicts):
                    open_ = True
                nest(level + 1)
        finally:
            if not exact:
                run.repeat -= 1

    try:
        nest(0)
    finally:
        frame.scope = outer
    if node.kind == "dict":
        keyed.open = keyed.open or open_
        return keyed
    return ListValue(items, "list" if node.kind == "generator" else node.kind, open_)


def _fstring(run: Run, node: la.FString) -> Value:
    parts = []
    for part in node.parts:
        value = evaluate(run, part)
        if not isinstance(value, (str, int, float, bool, type(None))):
            return Unknown("text with unknown parts")
        parts.append(str(value))
    return "".join(parts)


def _opaque(run: Run, node: la.Opaque) -> Value:
    return Unknown(f"{node.what} is not followed")


def _star(run: Run, node: la.Star) -> Value:
    return evaluate(run, node.value)


EVALUATORS: dict[type, Callable[[Run, Any], Value]] = {
    la.Const: _const,
    la.Name: _name,
    la.Attr: _attr,
    la.Call: _call,
    la.Subscript: _subscript,
    la.Slice: _slice,
    la.Seq: _seq,
    la.Star: _star,
    la.Dict: _dict,
    la.Binary: _binary,
    la.Unary: _unary,
    la.Compare: _compare,
    la.Bool: _bool,
    la.IfExp: _if_exp,
    la.Walrus: _walrus,
    la.Lambda: _lambda,
    la.Comprehension: _comprehension,
    la.FString: _fstring,
    la.Opaque: _opaque,
}


def assign_target(run: Run, target: la.Expr, value: Value) -> None:
    """Bind a value to a name, attribute, item, or a pattern of these."""
    node: Any = target
    kind = node.__class__
    if kind is la.Name:
        frame = run.frame
        scope = frame.scope
        if scope.shared is not None and node.id in scope.shared:
            outer = scope.parent
            while outer is not None and node.id not in outer.vars:
                outer = outer.parent
            scope = outer if outer is not None else scope.globals.scope
        run.store(scope.vars, node.id, value)
    elif kind is la.Attr:
        from actinit_lint.follow.attributes import set_attribute

        note_use(run, value)

        owner = evaluate(run, node.value)
        set_attribute(run, owner, node.name, value, run.place(node.at))
    elif kind is la.Subscript:
        from actinit_lint.follow.subscripts import set_item

        owner = evaluate(run, node.value)
        if isinstance(owner, (Flow, Tensor)) and isinstance(value, Flow) and isinstance(node.value, (la.Name, la.Attr)):
            assign_target(run, node.value, _written_into(run, owner, value, run.place(node.at)))
            return
        note_use(run, value)
        set_item(run, owner, evaluate(run, node.index), value, run.place(node.at))
    elif kind is la.Seq:
        _unpack(run, node.items, value, run.place(node.at))
    elif kind is la.Star:
        assign_target(run, node.value, value)


def _written_into(run: Run, owner: Value, value: Flow, place: Any) -> Flow:
    """Data written to some places of a tensor: what the tensor holds from then on."""
    held = [owner] if isinstance(owner, Flow) else []
    shape = owner.shape if isinstance(owner, Flow) else owner.shape[1:] if owner.shape else None
    return run.flow(Flow("concat", [*held, value], place, name="written into", shape=shape))


def _unpack(run: Run, targets: tuple[la.Expr, ...], value: Value, place: Any) -> None:
    pieces = unpack(run, value, len(targets), place, any(t.__class__ is la.Star for t in targets))
    if isinstance(value, Flow) and value.info.get("pieces") is None:  # the pieces were made for these names
        for target, piece in zip(targets, pieces):
            piece.dead = isinstance(target, la.Name) and target.id == "_"  # dropped: no output
    star = next((i for i, t in enumerate(targets) if t.__class__ is la.Star), None)
    if star is None:
        exact = len(pieces) == len(targets)
        lost = Unknown("unpacking of an unknown number of values")
        for target, piece in zip(targets, pieces if exact else [lost] * len(targets)):
            assign_target(run, target, piece)
        return
    after = len(targets) - star - 1
    middle = pieces[star : len(pieces) - after]
    values = [*pieces[:star], ListValue(list(middle)), *pieces[len(pieces) - after :]]
    for target, piece in zip(targets, values):
        assign_target(run, target, piece)


def unpack(run: Run, value: Value, count: int, place: Any, starred: bool = False) -> list[Value]:
    """The pieces of a value that is unpacked into `count` names."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, ListValue) and not value.open:
        return list(value.items)
    if isinstance(value, Flow):
        pieces = value.info.get("pieces")
        if pieces is not None and len(pieces) == count:
            return list(pieces)
        return [run.flow(Flow("select", [value], place, name=str(i))) for i in range(count)]
    if isinstance(value, ListValue) and len(value.items) == 1:  # a repeated element
        return value.items * count
    if isinstance(value, External) or value is None or isinstance(value, Unknown):
        return [Unknown("piece of an unknown value") for _ in range(count)]
    elements, exact = iterate(run, value, place)
    if exact and (len(elements) == count or starred):
        return elements
    fitting = [option for option in options(value) if starred or not _cannot_be_unpacked(option, count)]
    columns = [unpack(run, option, count, place) for option in fitting] if not is_known(value) else []
    if columns and all(len(c) == count for c in columns):
        return [run.join(column) for column in zip(*columns)]
    return [Unknown("piece of an unknown value") for _ in range(count)]


def _cannot_be_unpacked(value: Value, count: int) -> bool:
    """Whether unpacking raises, so that a run in which the value is this one does not get past it."""
    if isinstance(value, tuple):
        return len(value) != count
    return value is None or isinstance(value, (bool, int, float))
