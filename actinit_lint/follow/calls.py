"""Calls: binding arguments, running followed functions, making objects of the project's classes."""

from __future__ import annotations

import re

from actinit_lint.follow.enumerations import is_enumeration, look_up
from actinit_lint.follow.state import DEEPEST, TRAINING, Endless, Frame, Run
from actinit_lint.follow.values import (
    ABSENT,
    CHOSEN,
    Args,
    Bound,
    ClassValue,
    DictValue,
    External,
    Flow,
    Func,
    ListValue,
    Method,
    Obj,
    OneOf,
    Parameter,
    Partial,
    Scope,
    Super,
    Unknown,
    Value,
    View,
    class_names,
    is_plain,
    options,
)
from actinit_lint.model import Place
from actinit_lint.program import language as la


def call(run: Run, target: Value, args: Args, place: Place) -> Value:
    run.spend()
    kind = target.__class__
    if run.wrappers and (kind is Func or kind is ClassValue):
        name = f"{target.scope.globals.name}.{target.name}"
        if name in run.wrappers:
            from actinit_lint.follow.library import call_wrapper

            return call_wrapper(run, name, args, place)
    if kind is Func:
        return call_function(run, target, args, place)
    if kind is Bound:
        return call_function(run, target.func, args.with_first(target.self, place), place)
    if kind is External:
        from actinit_lint.follow.library import call_external

        return call_external(run, target.name, args, place)
    if kind is Method:
        from actinit_lint.follow.methods import call_method_of

        return call_method_of(run, target, args, place)
    if kind is ClassValue:
        return instantiate(run, target, args, place)
    if kind is Obj:
        from actinit_lint.follow.modules import call_object

        return call_object(run, target, args, place)
    if kind is Partial:
        return call(run, target.func, _with_partial(target, args), place)
    if kind is OneOf:
        return _call_options(run, target, args, place)
    if target is ABSENT:
        return args.pos[0] if args.pos else None
    if kind is str:
        return _call_name(run, target, args, place)
    if kind is Unknown:
        _may_fill(run, args, place)
    return unknown_call(run, "an unknown function", args, place)


#: Methods of a `GradientTape`: what they get is no part of what they give.
DERIVATIVES = frozenset({"gradient", "jacobian", "batch_jacobian"})
#: Methods whose argument lends its type or size: `scales.to(x)` holds nothing of x.
LENDING = frozenset({"to", "type_as", "expand_as", "view_as", "reshape_as", "new_tensor"})


def call_unknown(run: Run, name: str, args: Args, place: Place) -> Value:
    """A call of something that is not known, by the name that the code has for it."""
    from actinit_lint.follow.torch_api import may_write

    run.spend()
    if name in LENDING:
        return Unknown(f"{name} of an unknown value")
    if name in DERIVATIVES:
        return Unknown(f"a {name}")
    if name in TRAINING:
        run.uses += 1
    if name.startswith("build"):
        from actinit_lint.follow.openmmlab import build_from_config

        made = build_from_config(run, name, args, place)
        if made is not None:
            return made
    may_write(run, name, args, place)
    _may_fill(run, args, place)
    return unknown_call(run, "an unknown function", args, place, name)


def _call_options(run: Run, target: OneOf, args: Args, place: Place) -> Value:
    callables = [option for option in target.options if option is not None]
    if len(callables) == 1:
        return call(run, callables[0], args, place)
    outcomes = run.branch([lambda option=option: call(run, option, args, place) for option in callables])  # type: ignore[misc]
    run.merge([changes for _, changes in outcomes], [_made(option) for option in callables])
    names = class_names(target)
    for value, _ in outcomes if names else ():
        if isinstance(value, Obj):
            value.state[CHOSEN] = names
    return run.join([value for value, _ in outcomes])


def _made(target: Value) -> int | None:
    """When the object was made that is called, or whose method is."""
    owner = target.self if isinstance(target, (Bound, Method)) else target
    return owner.born if isinstance(owner, (Obj, Parameter)) else None


def _with_partial(partial: Partial, args: Args) -> Args:
    out = Args()
    out.pos = [*partial.args.pos, *args.pos]
    out.pos_places = [*partial.args.pos_places, *args.pos_places]
    out.kw = {**partial.args.kw, **args.kw}
    out.kw_places = {**partial.args.kw_places, **args.kw_places}
    out.open = partial.args.open or args.open
    return out


def _call_name(run: Run, name: str, args: Args, place: Place) -> Value:
    """A Keras activation that was looked up by name: `activations.get("relu")(x)`."""
    from actinit_lint.follow.apply import apply_activation

    flows = flows_in(args.pos[:1])
    return apply_activation(run, name, flows[0], place, ()) if flows else Unknown("call of a text")


def _may_fill(run: Run, args: Args, place: Place) -> None:
    """An unknown function that gets a weight or a layer may initialise it: what it holds is not known any more."""
    from actinit_lint.follow.modules import initializer_opaque
    from actinit_lint.follow.writes import write
    from actinit_lint.reference.normal_form import OPAQUE

    for value in args.values():
        for option in options(value):
            if isinstance(option, (Parameter, View)):
                write(run, option, OPAQUE, place)
            elif isinstance(option, Obj) and option.kind is not None and option.kind.weights is not None:
                initializer_opaque(run, option, place)


def call_method(run: Run, owner: Obj, name: str, values: list[Value], place: Place) -> Value:
    """Call a method that the object's class defines."""
    assert owner.cls is not None
    found = owner.cls.find(name)
    if found is None or not isinstance(found[0], Func):
        return Unknown(f"method {name} is not a function")
    args = Args()
    for value in [owner, *values]:
        args.add(value, place)
    return call_function(run, found[0], args, place)


#: Kernels are named after what they compute: `npu_rms_norm`, `flash_attn_varlen_func`, `memory_efficient_attention`.
NORM_KERNEL = re.compile(r"(?:^|_)(batch|layer|group|instance|rms)_?norm$")
ATTENTION_KERNEL = re.compile(r"(?:^|_)(?:attn|attention)(?:_|$)")
#: Arguments that only attention takes.
ATTENDED = (("query", "key", "value"), ("q", "k", "v"))


def unknown_call(run: Run, what: str, args: Args, place: Place, called: str | None = None) -> Value:
    """A call that is not followed: data that goes in ends there, modules that go in may be changed.

    `what` goes into the reason, `called` is the bare name that the code calls.
    """
    flows = list(flows_in(args.values()))
    last = called or what.rsplit(".", 1)[-1]
    if flows and not last.startswith("assert"):  # a check of the data takes nothing from it
        known = _named_after(last, args)
        if known is not None:
            kind, name = known
            inputs = flows[:1] if kind == "norm" else flows
            return run.flow(Flow(kind, inputs, place, name=name, shape=flows[0].shape if kind == "norm" else None))
        return run.flow(Flow("unknown", flows, place, name=what))
    return Unknown(f"call of {what}", place)


def _named_after(what: str, args: Args) -> tuple[str, str] | None:
    """What an unknown function surely does, by its name or by the names of its arguments."""
    if any(all(isinstance(args.kw.get(name), Flow) for name in names) for names in ATTENDED):
        return "attention", "attention"
    last = what.lower()
    norm = NORM_KERNEL.search(last)
    if norm is not None and isinstance(args.pos[0] if args.pos else None, Flow):
        return "norm", norm[1]
    if ATTENTION_KERNEL.search(last) and sum(isinstance(value, Flow) for value in args.pos) >= 3:
        return "attention", "attention"
    return None


def flows_in(values: object, depth: int = 0) -> list[Flow]:
    """The data among some values, looking into sequences and dictionaries."""
    out: list[Flow] = []
    for value in values:  # type: ignore[attr-defined]
        if isinstance(value, Flow):
            out.append(value)
        elif depth < 3:
            if isinstance(value, (tuple, list)):
                out.extend(flows_in(value, depth + 1))
            elif isinstance(value, ListValue):
                out.extend(flows_in(value.items, depth + 1))
            elif isinstance(value, DictValue):
                out.extend(flows_in(value.items.values(), depth + 1))
            elif isinstance(value, OneOf):
                out.extend(flows_in(value.options, depth + 1))
    return out


# Followed functions -------------------------------------------------------------------------------


def call_function(run: Run, func: Func, args: Args, place: Place) -> Value:
    func.called = True
    if func.name.startswith("assert") and flows_in(args.values()):
        return Unknown("a check of the data")  # it takes nothing from them
    if len(run.frames) >= DEEPEST or _recursion(run, func) > (2 if run.branching else 8):
        if _is_undecided(run, func):
            raise Endless
        run.note("recursion that is not followed", place)
        return unknown_call(run, "a recursive function", args, place)
    scope = Scope(func.scope, func.scope.globals)
    bind(run, func, args, scope)
    self_value = args.pos[0] if args.pos and func.owner is not None else None
    owner = func.owner
    maker = owner.name if owner is not None else run.frames[-1].maker if run.frames else None
    frame = Frame(scope, func, self_value, maker=maker, place=place)
    run.frames.append(frame)
    quiet = func.kind == "no_grad"
    run.no_grad += quiet
    try:
        if isinstance(func.node, la.Lambda):
            from actinit_lint.follow.expressions import evaluate

            return evaluate(run, func.node.body)
        from actinit_lint.follow.statements import RAISE, RETURN, execute

        outcome = execute(run, func.node.body)
    finally:
        run.frames.pop()
        run.no_grad -= quiet
    if func.node.generator:
        return ListValue([Unknown("element of a generator")], "list", True)
    if outcome is RAISE:
        return run.join(frame.returns) if frame.returns else Unknown("a call that raises")
    if outcome is not RETURN:
        frame.returns.append(None)
    return frame.returns[0] if len(frame.returns) == 1 else run.join(frame.returns)


def _recursion(run: Run, func: Func) -> int:
    """How often the function is running already; undecided branches in it would double with every round."""
    node = func.node
    return sum(1 for frame in run.frames if frame.func is not None and frame.func.node is node)


def _is_undecided(run: Run, func: Func) -> bool:
    """Whether only a condition that is not known decides that the function calls itself again."""
    for frame in reversed(run.frames):
        if frame.undecided:
            return True
        if frame.func is not None and frame.func.node is func.node:
            return False
    return False


def bind(run: Run, func: Func, args: Args, scope: Scope) -> None:
    """Put the arguments of a call into the function's variables."""
    variables = scope.vars
    position = 0
    taken: set[str] = set()
    for param in func.node.params:
        name = param.name
        if param.kind == "*":
            rest = args.pos[position:]
            position = len(args.pos)
            variables[name] = ListValue(list(rest), "list", True) if args.open and not rest else tuple(rest)
        elif param.kind == "**":
            items = {k: v for k, v in args.kw.items() if k not in taken}
            places = {k: p for k, p in args.kw_places.items() if k in items}
            variables[name] = DictValue(items, places, args.open)
        elif position < len(args.pos) and param.kind != "keyword":
            variables[name] = args.pos[position]
            position += 1
            taken.add(name)
        elif name in args.kw and param.kind != "positional":
            variables[name] = _given(run, func, name, args.kw[name])
            taken.add(name)
        elif args.open:
            variables[name] = Unknown(f"argument {name} may come from an unknown dictionary or list")
        elif name in func.defaults:
            variables[name] = func.defaults[name]
        else:
            variables[name] = _unsaid(run, func, param)


def _given(run: Run, func: Func, name: str, value: Value) -> Value:
    """An argument from a dictionary that holds it on some ways only: the default on the others."""
    if isinstance(value, OneOf) and any(option is ABSENT for option in value.options):
        rest = [option for option in value.options if option is not ABSENT]
        missing = func.defaults.get(name, Unknown(f"parameter {name} has no default"))
        return run.join([*rest, missing])
    return value


#: Modules that functions get handed, to build the same with another one.
FRAMEWORKS = frozenset({"keras", "keras.layers", "keras.models", "tensorflow", "torch", "torch.nn"})
#: Classes that hold settings: an argument of such a type that nobody gives is taken with its defaults.
SETTINGS = ("config", "configuration", "args", "arguments", "params", "hparams", "options", "settings", "cfg")


def _unsaid(run: Run, func: Func, param: la.Param) -> Value:
    """A parameter without argument and default: unknown, unless its annotation names a class of settings, or it has
    the name of a framework that the file imports: `def build(keras)`."""
    imported = func.scope.globals.scope.vars.get(param.name)
    if isinstance(imported, External) and imported.name in FRAMEWORKS:
        return imported
    if param.annotation is not None and len(run.frames) < DEEPEST - 8:
        from actinit_lint.follow.expressions import evaluate

        run.frames.append(Frame(func.scope, None))
        try:
            kind = evaluate(run, param.annotation)
            if isinstance(kind, ClassValue) and kind.name.lower().endswith(SETTINGS):
                run.session.confidence = "medium"
                key = (id(kind), "settings")
                if key not in run.made:
                    run.made[key] = instantiate(run, kind, Args(), func.place)
                return run.made[key]
        finally:
            run.frames.pop()
    return Unknown(f"parameter {param.name} has no default", symbol=f"{func.name}.{param.name}#{run.next()}")


def make_super(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) == 2 and isinstance(args.pos[0], ClassValue):
        return Super(args.pos[1], args.pos[0])
    frame = run.frame
    if frame.func is not None and frame.func.owner is not None:
        self_value = frame.self_value
        return Super(self_value, frame.func.owner)
    for outer in reversed(run.frames):  # inside a comprehension or nested function of a method
        if outer.func is not None and outer.func.owner is not None:
            return Super(outer.self_value, outer.func.owner)
    return Unknown("super outside of a method")


# Objects of the project's classes -----------------------------------------------------------------


def instantiate(run: Run, cls: ClassValue, args: Args, place: Place) -> Value:
    from actinit_lint.follow.modules import base_kind, finish_library_part
    from actinit_lint.follow.records import bind_fields, has_fields, is_output

    externals = cls.externals()
    if is_enumeration(cls):
        return look_up(cls, args)
    if any(name in PLAIN_BASES for name in externals):
        return Unknown(f"{cls.name} is an exception or the like")
    if not run.session.optional:
        cls.instances += 1
        if cls.sample is None and (args.pos or args.kw):  # not the linter's own trial, which gives none
            cls.sample = plain_part(args)
        if run.frame.maker is not None and run.frame.maker != cls.name:
            cls.embedded = True
    obj = Obj(cls, None, {}, place, run.next(), repeated=run.repeat > 0, maker=run.frame.maker)
    obj.kind = base_kind(run, obj, cls)
    if obj.kind is not None:
        finish_library_part(run, obj)
        run.session.objects.append(obj)
    init = cls.find("__init__")
    last = run.session.flows[-1] if run.session.flows else None
    if has_fields(cls):
        bind_fields(run, obj, cls, args, place)
        if cls.find("__post_init__") and not is_output(cls):
            call_method(run, obj, "__post_init__", [], place)
    elif init is not None and isinstance(init[0], Func):
        call_function(run, init[0], args.with_first(obj, place), place)
    elif obj.kind is not None:
        from actinit_lint.follow.modules import library_init

        library_init(run, obj, args, place)
    if any(name.endswith(".LightningModule") for name in externals):
        _prepare(run, obj, place)
    if obj.kind is not None and obj.kind.framework == "torch":
        _forget_trials(run, last)
    return obj


#: Methods that Lightning's trainer calls before the first step, in this order (lightning/pytorch/trainer/trainer.py).
HOOKS = ("setup", "configure_model", "on_fit_start")


def _prepare(run: Run, obj: Obj, place: Place) -> None:
    """What the trainer has a Lightning module do before it trains: layers may be made, and initialised, there."""
    for name in HOOKS:
        found = obj.cls.find(name) if obj.cls is not None else None
        if found is not None and isinstance(found[0], Func):
            stage: list[Value] = ["fit"] if name == "setup" and len(found[0].node.params) > 1 else []
            call_method(run, obj, name, stage, place)


def plain_part(args: Args) -> Args:
    """Arguments that say nothing of one model's objects; the others become unknown."""
    out = Args()
    for value, place in zip(args.pos, args.pos_places):
        out.add(value if is_plain(value) else Unknown("an object of another model"), place)
    for name, value in args.kw.items():
        if is_plain(value):
            out.set(name, value, args.kw_places[name])
    return out


def _forget_trials(run: Run, last: Flow | None) -> None:
    """What a torch module computes while it is built only tries layers out, to learn a shape: it is no forward pass."""
    for node in reversed(run.session.flows):
        if node is last:
            break
        node.dead = True


PLAIN_BASES = {
    "builtins.Exception",
    "builtins.ValueError",
    "typing.Protocol",
}
