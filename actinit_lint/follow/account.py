"""What is kept of a finished session: its facts and what became of the constructors, not its graph and objects."""

from __future__ import annotations

from dataclasses import dataclass, field

from actinit_lint.follow import roots
from actinit_lint.follow.facts import SessionFacts
from actinit_lint.follow.modules import contained, walk
from actinit_lint.follow.state import Session
from actinit_lint.follow.values import ClassValue, Obj, Parameter, ProjectModule
from actinit_lint.model import Chain, Layer, Place


@dataclass(slots=True)
class Account:
    """The outcome of one session. A session that was cut off in the middle has no facts."""

    path: str
    class_root: ClassValue | None
    optional: bool = False
    facts: list[object] = field(default_factory=list)
    sites: dict[Place, str | None] = field(default_factory=dict)  # constructor -> None when followed, else the reason
    models: int = 0
    built: set[Place] = field(default_factory=set)  # constructors of library layers that ran
    parts: set[Place] = field(default_factory=set)  # those of the project's own modules
    made: set[ClassValue] = field(default_factory=set)  # classes of the top levels of files that were made on the way
    script: bool = False  # whether code outside of functions and classes made modules
    broken: bool = False
    fault: str | None = None


def account_of(session: Session, module: ProjectModule) -> Account:
    """Close a session. Its facts are made from how everything stands now."""
    account = Account(session.path, session.class_root, bool(session.optional))
    account.built, account.parts = layers_built(session), parts_built(session)
    for obj in session.objects:
        if obj.cls is not None and obj.cls.scope.parent is None and obj.cls is not session.class_root:
            account.made.add(obj.cls)
        if session.class_root is None and obj.kind is not None and obj.maker is None:
            account.script = True
    if session.broken:
        account.broken = True
        return account
    names = {id(v): n for n, v in module.scope.vars.items() if isinstance(v, (Obj, Parameter))}
    try:
        collected = SessionFacts(session, names)
        facts = collected.collect()
    except Exception as error:
        if roots.DEBUG:
            raise
        account.fault = f"{type(error).__name__}: {error} (facts of {session.root})"
        return account
    if session.optional:
        inside = _inside(session, collected)
        facts = [fact for fact in facts if _is_about(fact, inside)]
    account.facts, account.sites = facts, collected.sites
    account.models = 0 if session.optional else _models(session)
    return account


def layers_built(session: Session) -> set[Place]:
    """Constructors of library layers that ran."""
    found = (obj for obj in session.objects if obj.cls is None and obj.kind is not None)
    return {obj.place for obj in found if obj.kind is not None and obj.kind.role in ("layer", "recurrent")}


def parts_built(session: Session) -> set[Place]:
    """Constructors of the project's own modules that ran."""
    return {obj.place for obj in session.objects if obj.cls is not None}


def _inside(session: Session, collected: SessionFacts) -> set[int]:
    """Ids of the layers of what a session behind options was for."""
    modules = {id(m) for obj in session.objects if obj.place in session.optional for _, m in walk(obj)}
    raw = {id(p) for p in session.parameters if p.owner is not None and id(p.owner) in modules}
    return {id(layer) for (key, _), layer in collected.layers.made.items() if key in modules or key in raw}


def _is_about(fact: object, inside: set[int]) -> bool:
    """Whether a layer that a fact names is one of these; of a chain all, which is there without them else."""
    if isinstance(fact, Chain):
        return all(id(step.layer) in inside for step in fact.steps)
    named = (getattr(fact, name, None) for name in ("layer", "first", "second"))
    return any(id(layer) in inside for layer in named if isinstance(layer, Layer))


def _models(session: Session) -> int:
    models = [
        o
        for o in session.objects
        if o.kind is not None and (o.cls is not None or o.kind.name in ("Sequential", "Model"))
    ]
    inner = contained(models)
    return sum(1 for o in models if id(o) not in inner)
