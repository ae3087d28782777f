"""Statements: what running a block does to variables and objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actinit_lint.follow import operators
from actinit_lint.follow.calls import call
from actinit_lint.follow.cases import Cases
from actinit_lint.follow.enumerations import is_enumeration, make_members
from actinit_lint.follow.expressions import assign_target, evaluate
from actinit_lint.follow.imports import import_from, import_module
from actinit_lint.follow.iteration import iterate
from actinit_lint.follow.state import OutOfFuel, Run
from actinit_lint.follow.subscripts import note_use
from actinit_lint.follow.values import (
    Args,
    Bound,
    ClassValue,
    DictValue,
    External,
    Func,
    ListValue,
    Parameter,
    Partial,
    Scope,
    Tensor,
    Unknown,
    Value,
    View,
)
from actinit_lint.model import Place
from actinit_lint.program import language as la

#: Functions whose result is easily taken for an in-place fill.
DROPPED = frozenset(
    ["zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "full", "zeros", "ones", "randn"]
)
#: How a block ends, besides running through.
RETURN, BREAK, CONTINUE, RAISE = "return", "break", "continue", "raise"
Outcome = str | None
#: Methods that enumerate what a model consists of.
SWEEPS = frozenset(["modules", "named_modules", "children", "named_children", "parameters", "named_parameters"])
MOST_ROUNDS = 4000  # rounds of one loop that are followed; the fuel ends most others before


def execute(run: Run, body: tuple[la.Stmt, ...]) -> Outcome:
    for statement in body:
        run.spend()
        outcome = STATEMENTS[statement.__class__](run, statement)
        if outcome is not None:
            return outcome
    return None


def _do(run: Run, node: la.Do) -> Outcome:
    value = evaluate(run, node.value)
    if isinstance(value, Parameter) and isinstance(node.value, la.Call) and isinstance(node.value.func, la.Attr):
        target = node.value.func.value
        if isinstance(target, la.Name) and isinstance(evaluate(run, target), Tensor):
            assign_target(run, target, value)  # `w.requires_grad_()`: from here on a parameter
    if isinstance(value, View) and value.lost is not None and not value.used and _made_inline(node.value):
        initializer, place = value.lost
        run.record("lost_write", place, parameter=value.parameter, initializer=initializer, view=value)
    if isinstance(value, Tensor) and isinstance(node.value, la.Call) and isinstance(node.value.func, la.Attr):
        # `torch.zeros_like(w)` as a statement: made and thrown away
        if node.value.func.name in DROPPED and _is_about_a_weight(run, node.value):
            run.record("dropped", run.place(node.value.at), initializer=value.initializer)
    return None


def _is_about_a_weight(run: Run, node: la.Call) -> bool:
    """Whether a tensor is made after a parameter: `zeros_like(w)`, `randn(w.shape)`. Others may warm a device up."""
    for argument in node.args:
        source = argument.value
        if isinstance(source, la.Call):  # `w.size()`
            source = source.func
        if isinstance(source, la.Attr) and source.name in ("shape", "size"):
            source = source.value
        if isinstance(evaluate(run, source), (Parameter, View)):
            return True
    return False


def _made_inline(node: la.Expr) -> bool:
    """Whether what a call fills is itself the result of a call in the same expression: `zeros_(w.clone())`."""
    if not isinstance(node, la.Call):
        return False
    inside = [arg.value for arg in node.args[:1]]
    if isinstance(node.func, la.Attr):
        inside.append(node.func.value)
    return any(isinstance(part, la.Call) for part in inside)


def _check(run: Run, node: la.Check) -> Outcome:
    return None


def _assign(run: Run, node: la.Assign) -> Outcome:
    if node.value is None:
        return None
    value = evaluate(run, node.value)
    for target in node.targets:
        assign_target(run, target, value)
    return None


def _aug_assign(run: Run, node: la.AugAssign) -> Outcome:
    old, value = evaluate(run, node.target), evaluate(run, node.value)
    if node.op == "+" and isinstance(old, ListValue):
        elements, exact = iterate(run, value, run.place(node.at))
        run.assign(old, "items", [*old.items, *elements])
        if not exact:
            run.assign(old, "open", True)
        return None
    if node.op == "|" and isinstance(old, DictValue) and isinstance(value, DictValue):
        for key, item in value.items.items():
            run.store(old.items, key, item)
        return None
    assign_target(run, node.target, operators.binary(run, node.op, old, value, run.place(node.at), in_place=True))
    return None


def _return(run: Run, node: la.Return) -> Outcome:
    value = None if node.value is None else evaluate(run, node.value)
    note_use(run, value)
    run.frame.returns.append(value)
    return RETURN


def _leave(run: Run, node: la.Leave) -> Outcome:
    return node.how


def _if(run: Run, node: la.If) -> Outcome:
    decided = operators.truth(evaluate(run, node.test))
    if decided is not None:
        taken = run.frame.taken
        taken.append(node.test)
        try:
            return execute(run, node.body if decided else node.orelse)
        finally:
            taken.pop()
    undecided = run.frame.open
    outside = len(undecided)
    undecided.append(node.test)
    ways = (lambda: execute(run, node.body), lambda: execute(run, node.orelse))
    (first, changes), (second, other) = run.branch([lambda way=way: run.end(way, RAISE) for way in ways])  # type: ignore[misc]
    del undecided[outside:]
    if first is RAISE and second is not RAISE:
        run.apply(other)
        return second
    if second is RAISE and first is not RAISE:
        run.apply(changes)
        return first
    if first == second:
        run.merge([changes, other])
        return first
    # one branch leaves: the other one goes on
    if second is None or first is None:
        run.keep_made(changes if second is None else other)
        run.apply(other if second is None else changes)
        undecided.append(node.test)
        return None
    run.merge([changes, other])
    return first if first is not RETURN else second


def _for(run: Run, node: la.For) -> Outcome:
    elements, exact = iterate(run, evaluate(run, node.iter), run.place(node.iter.at))
    if not exact:
        run.repeat += 1
    sweep = isinstance(node.iter, la.Call) and isinstance(node.iter.func, la.Attr) and node.iter.func.name in SWEEPS
    run.sweep += sweep
    before, undecided = run.sweeps, len(run.frame.open)
    if sweep:
        run.sweeps = (*before, run.next())
    try:
        for element in elements[:MOST_ROUNDS]:
            assign_target(run, node.target, element)
            outcome = execute(run, node.body)
            if outcome in (RETURN, RAISE):
                if not exact:  # the loop may have had no such round
                    return None
                return outcome
            if outcome is BREAK:
                return None
    finally:
        run.sweep -= sweep
        run.sweeps = before
        del run.frame.open[undecided:]
        if not exact:
            run.repeat -= 1
    return execute(run, node.orelse)


def _while(run: Run, node: la.While) -> Outcome:
    for _ in range(MOST_ROUNDS):
        decided = operators.truth(evaluate(run, node.test))
        if decided is False:
            return None
        if decided is None or _yields_for_ever(run, node):
            run.repeat += 1
            try:
                outcome = execute(run, node.body)
            finally:
                run.repeat -= 1
            return None if outcome in (BREAK, CONTINUE, None) else outcome
        before = run.fuel
        outcome = execute(run, node.body)
        if outcome in (RETURN, RAISE):
            return outcome
        if outcome is BREAK:
            return None
        if isinstance(node.test, la.Const) and before - run.fuel < 2:
            return None
    return None


def _yields_for_ever(run: Run, node: la.While) -> bool:
    """`while True:` in a generator: as many rounds as somebody asks for."""
    func = run.frame.func
    return isinstance(node.test, la.Const) and func is not None and getattr(func.node, "generator", False)


#: Context managers under which in-place writes to parameters are allowed.
NO_GRAD = {"torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad", "torch.set_grad_enabled"}


#: Context managers of test frameworks whose body is there to raise: what it builds never comes to be.
RAISING = ("raises", "assertRaises", "assertRaisesRegex")


def expects_a_raise(item: la.Expr) -> bool:
    func = item.func if isinstance(item, la.Call) else None
    return (func.name if isinstance(func, la.Attr) else func.id if isinstance(func, la.Name) else "") in RAISING


def _with(run: Run, node: la.With) -> Outcome:
    if any(expects_a_raise(item) for item, _ in node.items):
        return None
    quiet = 0
    for item, target in node.items:
        value = evaluate(run, item)
        if isinstance(value, External) and value.name.removesuffix("()") in NO_GRAD:
            quiet += 1
        if target is not None:
            assign_target(run, target, value if not isinstance(value, External) else Unknown("context manager"))
    run.no_grad += quiet
    try:
        return execute(run, node.body)
    finally:
        run.no_grad -= quiet


def _try(run: Run, node: la.Try) -> Outcome:
    caught = bool(node.handlers)
    run.trying += caught
    try:
        outcome = execute(run, node.body)
    finally:
        run.trying -= caught
    if outcome is RAISE and node.handlers:
        outcome = execute(run, node.handlers[0])
    elif outcome is None:
        outcome = execute(run, node.orelse)
    final = execute(run, node.final)
    return final or outcome


def _delete(run: Run, node: la.Delete) -> Outcome:
    from actinit_lint.follow.attributes import delete_attribute
    from actinit_lint.follow.subscripts import delete_item

    for target in node.targets:
        if isinstance(target, la.Name):
            run.remove(run.frame.scope.vars, target.id)
        elif isinstance(target, la.Attr):
            delete_attribute(run, evaluate(run, target.value), target.name)
        elif isinstance(target, la.Subscript):
            delete_item(run, evaluate(run, target.value), evaluate(run, target.index))
    return None


def _global(run: Run, node: la.Global) -> Outcome:
    scope = run.frame.scope
    scope.shared = (scope.shared or set()) | set(node.names)
    return None


def _import(run: Run, node: la.Import) -> Outcome:
    import_module(run, node)
    return None


def _import_from(run: Run, node: la.ImportFrom) -> Outcome:
    import_from(run, node)
    return None


def _function(run: Run, node: la.Function) -> Outcome:
    defaults = {p.name: evaluate(run, p.default) for p in node.params if p.default is not None}
    func = Func(node, run.frame.scope, defaults)
    for decorator in reversed(node.decorators):
        made = evaluate(run, decorator)
        _decorate(made, func)
        _register(run, made, func, run.place(decorator.at))
    run.store(run.frame.scope.vars, node.name, func)
    return None


#: Decorators that change how a method is called, by their name.
DECORATED = {
    "builtins.staticmethod": "static",
    "builtins.classmethod": "class",
    "builtins.property": "property",
    "functools.cached_property": "property",
    "torch.jit.unused": None,
}


def _decorate(decorator: Value, func: Func) -> None:
    """Most decorators leave the function as it is for our purpose; an unknown one does too."""
    if isinstance(decorator, Cases):
        func.cases = decorator.joined(func.cases)
    if isinstance(decorator, External):
        name = decorator.name
        if DECORATED.get(name):
            func.kind = DECORATED[name]  # type: ignore[assignment]
        if name.removesuffix("()") in NO_GRAD:
            func.kind = "no_grad"


#: Steps that a decorator may take: a registry takes a few dozen, one that writes documentation has no end.
DECORATOR_FUEL = 300


def _register(run: Run, decorator: Value, value: Func | ClassValue, place: Place) -> None:
    """Run a decorator of the project for what it notes down, such as the name of a class in a registry.

    What it returns does not matter: a function or class is followed as it was written.
    """
    if not isinstance(decorator, (Func, Bound, Partial)) or value.scope.parent is not None:
        return
    called = value.called if isinstance(value, Func) else False
    built = value.instances if isinstance(value, ClassValue) else 0
    args = Args()
    args.add(value, place)
    fuel = run.fuel
    run.fuel = given = min(fuel, DECORATOR_FUEL)
    try:
        ((_, changes),) = run.branch([lambda: call(run, decorator, args, place)])
        run.apply(changes)
    except OutOfFuel:
        pass  # whatever it does, it is no registry
    finally:
        run.fuel = fuel - given + max(run.fuel, 0)
    if isinstance(value, Func):
        value.called = called
    else:
        value.instances = built


def _is_register(decorator: la.Expr) -> bool:
    """`@MODELS.register_module()`: a registry that is not followed itself, and keeps classes by their names."""
    func = decorator.func if isinstance(decorator, la.Call) else decorator
    return isinstance(func, la.Attr) and func.name == "register_module"


def _class(run: Run, node: la.Class) -> Outcome:
    bases: list[Value] = []
    for base in node.bases:
        value = evaluate(run, base)
        bases.append(value if isinstance(value, (ClassValue, External, Unknown)) else Unknown("base class"))
    frame = run.frame
    scope = Scope(frame.scope, frame.scope.globals)
    outer, frame.scope = frame.scope, scope
    try:
        execute(run, node.body)
    finally:
        frame.scope = outer
    cls = ClassValue(node.name, node, outer, tuple(bases), scope.vars)
    cls.place = run.place(node.at)
    for value in scope.vars.values():
        if isinstance(value, Func) and value.owner is None and value.scope is scope:
            value.owner = cls
    # methods look names up in the enclosing scope, not in the class body
    for value in scope.vars.values():
        if isinstance(value, Func) and value.scope is scope:
            value.scope = outer
    if is_enumeration(cls):
        make_members(run, cls)
    for decorator in reversed(node.decorators):
        value = evaluate(run, decorator)
        _register(run, value, cls, run.place(decorator.at))
        if _is_register(decorator) and isinstance(value, Unknown):
            run.registry[node.name] = cls
        if isinstance(value, External) and value.name.removesuffix("()").endswith(
            ("dataclass", "dataclasses.dataclass", "attr.s", "attrs.define")
        ):
            cls.dataclass = True
    cls.attrs["__annotated__"] = ListValue(
        [
            s.targets[0].id
            for s in node.body
            if isinstance(s, la.Assign) and s.annotated and isinstance(s.targets[0], la.Name)
        ]
    )
    run.store(outer.vars, node.name, cls)
    return None


STATEMENTS: dict[type, Callable[[Run, Any], Outcome]] = {
    la.Assign: _assign,
    la.AugAssign: _aug_assign,
    la.Do: _do,
    la.Check: _check,
    la.Return: _return,
    la.Leave: _leave,
    la.If: _if,
    la.For: _for,
    la.While: _while,
    la.With: _with,
    la.Try: _try,
    la.Delete: _delete,
    la.Global: _global,
    la.Import: _import,
    la.ImportFrom: _import_from,
    la.Function: _function,
    la.Class: _class,
}
