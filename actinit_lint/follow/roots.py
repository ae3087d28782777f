"""What to run: the top level of every file, functions that build models, classes that nobody else builds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from actinit_lint.follow.calls import call, call_function, flows_in, instantiate
from actinit_lint.follow.cases import each
from actinit_lint.follow.coverage import layer_sites
from actinit_lint.follow.modules import call_object, contained, find_kind, is_module, walk
from actinit_lint.follow.state import FILE_FUEL, FUEL, Frame, OutOfFuel, Run, Session
from actinit_lint.follow.values import (
    Args,
    Bound,
    ClassValue,
    DictValue,
    External,
    Flow,
    Func,
    ListValue,
    Obj,
    Parameter,
    ProjectModule,
    Value,
    is_plain,
)
from actinit_lint.knowledge import keras as keras_table
from actinit_lint.knowledge import torch as torch_table
from actinit_lint.knowledge.initializers import FILL_METHODS, TORCH
from actinit_lint.model import Place
from actinit_lint.program import language as la

#: Names whose mention makes a function worth running on its own.
BUILDING = (
    {name for name, kind in torch_table.MODULES.items() if kind.role not in ("module", "loss")}
    | {name for name, kind in keras_table.LAYERS.items() if kind.role not in ("module", "loss")}
    | {"Parameter", "add_weight", "Model", *keras_table.TF_LAYERS}
)
#: Names of what holds a weight that is multiplied with data.
LAYERS = {
    name
    for table in (torch_table.MODULES, keras_table.LAYERS)
    for name, kind in table.items()
    if kind.role in ("layer", "recurrent", "attention")
} | {"Parameter", "add_weight"}
LOSSES = (
    set(torch_table.LOSS_FUNCTIONS)
    | {name for name, kind in torch_table.MODULES.items() if kind.role == "loss"}
    | {name for name, kind in keras_table.LAYERS.items() if kind.role == "loss"}
    | set(keras_table.LOGIT_LOSSES)
    | {"compile"}
)
INITIALISING = (
    {f"{n}_" for n in TORCH}
    | set(FILL_METHODS)
    | {"xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "orthogonal"}
)


#: With this set in the environment a fault of the follower is a traceback.
DEBUG = bool(os.environ.get("ACTINIT_DEBUG"))


def guarded(run: Run, session: Session, frame: Frame, what: Callable[[], None]) -> None:
    """Run one root with its own session, frame and fuel; whatever happens, the state is whole again afterwards.

    What the roots of one file spend together is bounded too: the rest of them is left, and said to be.
    """
    left = run.left.setdefault(session.path, FILE_FUEL)
    given = min(FUEL, left)
    state = (run.session, run.frames, run.fuel, run.branching, run.repeat, run.no_grad, run.via, run.trail)
    inner = (run.trying, run.sweep, run.sweeps)
    run.session, run.frames, run.fuel = session, [frame], given
    session.uses = run.uses
    run.branching, run.repeat, run.no_grad, run.via, run.trail = 0, 0, 0, (), []
    run.trying, run.sweep, run.sweeps = 0, 0, ()
    try:
        with run.timed(session.path):
            what()
    except OutOfFuel:
        session.broken = session.unfinished = True
        if session.top or session.abridged:
            run.note("too large to be followed to the end", Place(session.path, 0))
    except RecursionError:
        session.broken = True
        run.note("nested too deeply to be followed", Place(session.path, 0))
    except Exception as error:  # a fault of the follower costs one root, and is reported
        session.broken = True
        if DEBUG:
            raise
        run.errors.append((session.path, f"{type(error).__name__}: {error} (following {session.root})"))
    finally:
        run.left[session.path] -= given - max(run.fuel, 0)
        run.session, run.frames, run.fuel, run.branching, run.repeat, run.no_grad, run.via, run.trail = state
        run.trying, run.sweep, run.sweeps = inner


def run_top_level(run: Run, module: ProjectModule) -> Session:
    """Execute a file's top level."""
    from actinit_lint.follow.statements import execute

    session = Session(module.name or "script", module.path, top=True)
    run.files.append(session)
    assert module.program is not None
    body = module.program.body

    def work() -> None:
        module.busy = True
        try:
            execute(run, body)
        finally:
            module.busy, module.done = False, True

    guarded(run, session, Frame(module.scope, None), work)
    return session


def finish(run: Run, session: Session, module: ProjectModule) -> None:
    """Run the models that a session built but never called, on an input of their own."""

    def work() -> None:
        models = [o for o in session.objects if is_module(o)]
        inner = contained(models)
        for obj in list(models):
            if id(obj) in inner or obj.applied or not _runnable(obj) or "template" in obj.flags:
                continue
            run_model(run, obj)
        for obj in models:  # parts that a wrapper without a forward pass of its own holds
            if obj.cls is None and not obj.applied and _runnable(obj) and _held_only(obj, models):
                run_model(run, obj)
        _run_uncalled(run, models, inner)

    guarded(run, session, Frame(module.scope, None), work)


def _run_uncalled(run: Run, models: list[Obj], inner: set[int]) -> None:
    """Run the parts that no forward pass called, outer ones first, each kind of part once.

    `if pixel_values is not None: x = self.vision_tower(pixel_values)` asks for data that are left out by default.
    """
    seen: set[tuple[int, Place]] = set()
    for obj in models:
        if obj.cls is None or id(obj) not in inner or obj.applied or not _runnable(obj) or "template" in obj.flags:
            continue
        if (id(obj.cls), obj.place) not in seen:
            seen.add((id(obj.cls), obj.place))
            run_model(run, obj)


def _held_only(obj: Obj, models: list[Obj]) -> bool:
    """Whether all that contains the object has no forward pass that could have called it."""
    holders = [m for m in models if m is not obj and any(part is obj for _, part in walk(m))]
    return bool(holders) and not any(_runnable(h) for h in holders)


def _runnable(obj: Obj) -> bool:
    kind = obj.kind
    if kind is None:
        return False
    if obj.cls is not None and (obj.cls.find("forward") or obj.cls.find("call")):
        return True
    return kind.name == "Sequential" and obj.items is not None and bool(obj.items.items)


def run_model(run: Run, obj: Obj) -> None:
    """Call a model with one input for each parameter of its forward method that has no default, and its labels."""
    args = Args()
    count, labels = 1, []
    if obj.cls is not None:
        found = obj.cls.find("forward") or obj.cls.find("call")
        if found is not None and isinstance(found[0], Func):
            count, labels = inputs_of(found[0]), _labels_of(found[0], _criteria(obj) | LOSSES)
    for _ in range(count):
        args.add(run.flow(Flow("input", [], obj.place)), obj.place)
    for name in labels:
        args.set(name, run.flow(Flow("input", [], obj.place)), obj.place)
    result = call_object(run, obj, args, obj.place)
    obj.state["output"] = result
    for flow in flows_in((result,)):
        flow.info["returned"] = True  # whoever uses the model has it too
    _run_steps(run, obj)
    if "init_weights" in obj.flags:  # the runner does
        from actinit_lint.follow.init_cfg import init_weights

        run.session.confidence = "medium"
        init_weights(run, obj)


def _labels_of(func: Func, criteria: frozenset[str]) -> list[str]:
    """Optional parameters that bring what the output is compared with: where they are given, a loss is computed."""
    optional = {p.name for p in func.node.params if p.name in func.defaults and func.defaults[p.name] is None}
    found: set[str] = set()
    for node in la.nodes(func.node.body) if optional else ():
        if isinstance(node, la.If) and _names_in(node.body) & criteria:
            found |= optional & _names_in(node.test)
    return sorted(found)


def _names_in(node: Any) -> set[str]:
    """Names and attributes that a piece of code mentions."""
    mentioned = (one for one in la.nodes(node) if isinstance(one, (la.Name, la.Attr)))
    return {one.id if isinstance(one, la.Name) else one.name for one in mentioned}


def inputs_of(func: Func) -> int:
    """How many inputs a forward method asks for, besides self."""
    plain = [p for p in func.node.params if p.kind in ("any", "positional")][1:]
    return sum(1 for p in plain if p.name not in func.defaults) or (
        1 if plain or any(p.kind == "*" for p in func.node.params) else 0
    )


def _criteria(obj: Obj) -> frozenset[str]:
    """Attributes of a model that are losses."""
    return frozenset(
        n for n, v in obj.attrs.items() if isinstance(v, Obj) and v.kind is not None and v.kind.role == "loss"
    )


def _run_steps(run: Run, obj: Obj) -> None:
    """Methods of a model that compute a loss: `training_step` and its like."""
    if obj.cls is None:
        return
    criteria = _criteria(obj)
    for c in list(obj.cls.lineage()):
        if not isinstance(c, ClassValue):
            continue
        for value in list(c.attrs.values()):
            if isinstance(value, Func) and not value.called and isinstance(value.node, la.Function):
                if value.node.mentions & (LOSSES | criteria) and value.name != "__init__":
                    args = Args()
                    args.add(obj, obj.place)
                    call_function(run, value, args, obj.place)


# Roots of a file ----------------------------------------------------------------------------------


MOST_ENTRIES = 8  # functions of a file that only call builders and are all run; of more, one for each way of building


def own_functions(module: ProjectModule) -> list[Func]:
    """Functions at the top level of the file."""
    return [
        value
        for value in module.scope.vars.values()
        if isinstance(value, Func) and value.scope.globals is module and isinstance(value.node, la.Function)
    ]


def functions(module: ProjectModule) -> list[Func]:
    """Functions of the file that build models or use losses, the last first: callers usually stand below.

    Functions that call such functions count too. Whoever runs them skips what has been called by then.
    """
    own = own_functions(module)
    wanted = BUILDING | LOSSES | _local_models(module)
    builders = [f for f in own if f.node.mentions & wanted]  # type: ignore[union-attr]
    if _has_parameters(module):
        builders += [f for f in own if f not in builders and _data_parameters(f)]
    names = {f.name for f in builders}
    entries = [f for f in own if f not in builders and f.node.mentions & names]  # type: ignore[union-attr]
    if len(entries) > MOST_ENTRIES:
        entries = _one_for_each(entries, names | _local_models(module))
    chosen = {id(f) for f in (*builders, *entries)}
    return [f for f in reversed(own) if id(f) in chosen and not f.called]


def names_used(func: Func) -> frozenset[str]:
    """Names of all that a function calls, and that it hands to what it calls."""
    return func.node.mentions | func.node.hands if isinstance(func.node, la.Function) else frozenset()


def _one_for_each(entries: list[Func], parts: set[str]) -> list[Func]:
    """One entry for each choice of builders and classes that it names: `resnet(Bottleneck, …)` tells by its block."""
    found: dict[frozenset[str], Func] = {}
    for entry in entries:
        found[names_used(entry) & parts] = entry
    return list(found.values())


def _local_models(module: ProjectModule) -> set[str]:
    return {
        name
        for name, value in module.scope.vars.items()
        if (isinstance(value, ClassValue) and is_model(value)) or (isinstance(value, Obj) and value.kind is not None)
    }


def _has_parameters(module: ProjectModule) -> bool:
    """Whether parameters lie at the top level of the file, where any function may multiply data with them."""
    for value in module.scope.vars.values():
        held = (
            value.items.values()
            if isinstance(value, DictValue)
            else value.items
            if isinstance(value, ListValue)
            else ()
        )
        if any(isinstance(one, Parameter) and one.owner is None for one in (value, *held)):
            return True
    return False


def classes(module: ProjectModule) -> list[ClassValue]:
    """Classes of the file, the last first: whoever uses a class usually stands below it."""
    found = [v for v in list(module.scope.vars.values()) if isinstance(v, ClassValue) and v.scope.globals is module]
    return list(reversed(found))


def is_model(cls: ClassValue) -> bool:
    for c in cls.lineage():
        if isinstance(c, External):
            kind = find_kind(c.name)
            if kind is not None and kind.role in (
                "module", "container", "layer", "recurrent", "norm", "activation", "wrapper",
            ):  # fmt: skip
                return True
    return cls.has_unknown_base and bool(cls.find("forward") or cls.find("call"))


def mentions(cls: ClassValue) -> frozenset[str]:
    names: frozenset[str] = frozenset()
    for value in cls.attrs.values():
        if isinstance(value, Func) and isinstance(value.node, la.Function):
            names |= value.node.mentions
    return names


def chooses_by_default(func: Func) -> bool:
    """Whether defaults of the root's own parameters pick more than sizes: an activation, a layer, a name of one."""
    return any(isinstance(value, (str, External, ClassValue, Func)) for value in func.defaults.values())


def _follow(run: Run, module: ProjectModule, fresh: Callable[[], Session], work: Callable[[], None]) -> Session:
    """Follow a root and what it leaves uncalled; where that is too large, once more with its long loops cut short."""
    session = fresh()
    for _ in range(2):
        guarded(run, session, Frame(module.scope, None), work)
        if not session.unfinished:
            finish(run, session, module)
        if not session.unfinished or session.abridged:
            break
        session = fresh()
        session.abridged = True
    return session


def run_function(
    run: Run,
    func: Func,
    module: ProjectModule,
    choice: Mapping[str, Value] | None = None,
    wanted: Mapping[Place, frozenset[str]] | None = None,
) -> Session:
    """Call a function with its defaults, or with options for the constructors that are wanted."""
    confidence = "medium" if wanted or chooses_by_default(func) else "high"

    def fresh() -> Session:
        return Session(func.name, module.path, confidence=confidence, optional=wanted or {})

    def work() -> None:
        for args in each(func.cases, func.place, partial(_all_built, run, func)):
            for _ in range(0 if args.pos or args.kw else _data_parameters(func)):
                args.add(run.flow(Flow("input", [], func.place)), func.place)
            for name, value in (choice or {}).items():
                args.set(name, value, func.place)
            call_function(run, func, args, func.place)

    return _follow(run, module, fresh, work)


def _data_parameters(func: Func) -> int:
    """A function with one parameter `x` or `inputs` gets data for it: `def block(x, filters)`."""
    first = next((p for p in func.node.params if p.kind in ("any", "positional")), None)
    return (
        1
        if first is not None
        and first.name in ("x", "inputs", "input_tensor", "input", "tensor", "net", "inp", "h")
        and first.name not in func.defaults
        else 0
    )


def run_class(
    run: Run,
    cls: ClassValue,
    module: ProjectModule,
    choice: Mapping[str, Value] | None = None,
    wanted: Mapping[Place, frozenset[str]] | None = None,
) -> Session:
    """Make an object of a class with its defaults, or with options for the constructors that are wanted, and run it."""
    init = cls.find("__init__")
    by_default = init is not None and isinstance(init[0], Func) and chooses_by_default(init[0])
    confidence = "medium" if wanted or by_default else "high"

    def fresh() -> Session:
        return Session(cls.name, module.path, class_root=cls, confidence=confidence, optional=wanted or {})

    place = cls.place or Place(module.path, 0)
    args = _with_choice(cls, choice, place) if choice is not None else Args()

    def work() -> None:
        obj = instantiate(run, cls, args, place)
        if isinstance(obj, Obj) and _runnable(obj) and not obj.applied:
            run_model(run, obj)
        if isinstance(obj, Obj) and obj.kind is None:
            _run_methods(run, obj)
        elif isinstance(obj, Obj) and not _runnable(obj):
            _run_users(run, obj)

    return _follow(run, module, fresh, work)


def _with_choice(cls: ClassValue, choice: Mapping[str, Value], place: Place) -> Args:
    """The options, and for the rest what the code that built the class gave, where that is no part of another model."""
    args = Args()
    for name, value in {**_sample(cls), **choice}.items():
        args.set(name, value, place)
    return args


def _sample(cls: ClassValue) -> dict[str, Value]:
    """What the code that built the class gave it, where that says nothing of another model's objects."""
    found = cls.find("__init__")
    if cls.sample is None or found is None or not isinstance(found[0], Func):
        return {}
    names = [p.name for p in found[0].node.params if p.kind in ("any", "positional")][1:]
    given = {**dict(zip(names, cls.sample.pos)), **cls.sample.kw}
    return {name: value for name, value in given.items() if is_plain(value)}


def given_to(cls: ClassValue) -> dict[str, Value]:
    """The arguments that a class is built with where nobody chooses."""
    found = cls.find("__init__")
    defaults = found[0].defaults if found is not None and isinstance(found[0], Func) else {}
    return {**defaults, **_sample(cls)}


def _run_methods(run: Run, obj: Obj) -> None:
    """Methods of a plain class that build layers: `def make(self)`, `def build_model(self)`."""
    assert obj.cls is not None
    for value in list(obj.cls.attrs.values()):
        if isinstance(value, Func) and not value.called and isinstance(value.node, la.Function):
            if value.node.mentions & (BUILDING | LOSSES):
                target = Bound(value, obj) if value.kind != "static" else value
                for args in each(value.cases, value.place, partial(_all_built, run, value)):
                    _alone(run, partial(call, run, target, args, value.place))


def _all_built(run: Run, func: Func) -> bool:
    """Whether every constructor of a library layer that stands in a function ran in this session."""
    built = {obj.place for obj in run.session.objects}
    module = func.scope.globals
    return all(Place(module.path, at) in built for at in layer_sites(module, func.node.body))


def _alone(run: Run, what: Callable[[], object]) -> None:
    """Run one of several methods that have nothing to do with one another: each with fuel of its own, and one that is
    cut off costs only what it built itself."""
    session = run.session
    kept = {name: len(getattr(session, name)) for name in ("flows", "objects", "parameters", "records", "tests")}
    depth, before = len(run.frames), run.fuel
    left = run.left.setdefault(session.path, FILE_FUEL)
    run.fuel = given = min(FUEL, left)
    try:
        what()
    except (OutOfFuel, RecursionError):
        run.note("too large to be followed to the end", Place(session.path, 0))
        del run.frames[depth:]
        for node in session.flows[kept["flows"] :]:
            node.dead = True
        for name in ("objects", "parameters", "records", "tests"):
            del getattr(session, name)[kept[name] :]
    finally:
        run.left[session.path] = left - (given - max(run.fuel, 0))
        run.fuel = before


def _run_users(run: Run, obj: Obj) -> None:
    """Methods of a model without `forward` that call its layers: `def get_value(self, x): return self.critic(x)`."""
    if obj.cls is None:
        return
    parts = {name for name, value in obj.attrs.items() if is_module(value)}
    for name, value in list(obj.cls.attrs.items()):
        if not isinstance(value, Func) or value.called or not isinstance(value.node, la.Function):
            continue
        if name.startswith("__") or not value.node.mentions & parts:
            continue
        args = Args()
        args.add(obj, obj.place)
        for _ in range(inputs_of(value)):
            args.add(run.flow(Flow("input", [], obj.place)), obj.place)
        call_function(run, value, args, obj.place)


sys.setrecursionlimit(max(sys.getrecursionlimit(), 12_000))
