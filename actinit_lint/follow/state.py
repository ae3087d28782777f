"""The state of following: what has been built, what can be undone, how much effort is left.

Writes to variables, attributes and lists go through `store` and `assign`, which note the old value while an undecidable
branch is being taken, so that both branches start from the same state and their results can be joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import process_time
from typing import Any

from actinit_lint.follow.values import (
    ABSENT,
    Args,
    ClassValue,
    DictValue,
    Fields,
    Flow,
    Func,
    Items,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    ProjectModule,
    Scope,
    Tensor,
    Unknown,
    Value,
    one_of,
    options,
    same,
)
from actinit_lint.follow.ways import Ways
from actinit_lint.model import NotFollowed, Place, Write
from actinit_lint.program import language as la
from actinit_lint.reference.normal_form import LOADED, OPAQUE

FUEL = 150_000  # evaluation steps for one root: far beyond any model written by hand
#: The same for all roots of one file: some ten seconds.
FILE_FUEL = 3_000_000
DEEPEST = 48  # nested calls of followed functions


#: Methods that train: an initialisation before them has been put to use.
TRAINING = frozenset({"backward", "step", "fit", "fit_generator", "train_on_batch"})


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


class OutOfFuel(Exception):
    """One root took too many steps; what was followed so far is kept."""


class Endless(Exception):
    """A recursion that only an undecided condition ends went deep enough: this way goes no further."""


class Changes(dict[Any, Any]):
    """What a branch changed: slot -> (owner, key, value now, value before). `start`: when the branch began."""

    __slots__ = ("start",)

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start = start


@dataclass(slots=True)
class Frame:
    """One call of a followed function, or the top level of a file."""

    scope: Scope
    func: Func | None
    self_value: Value = None
    returns: list[Value] = field(default_factory=list)
    maker: str | None = None  # the class whose code runs
    place: Place | None = None  # the call, where a function of the project was called
    undecided: int = 0  # > 0 inside an `if` of which both branches are taken
    taken: list[la.Expr] = field(default_factory=list)  # the tests of the others that the code stands in
    open: list[la.Expr] = field(default_factory=list)  # the undecided tests without which the code does not run


@dataclass(slots=True, eq=False)
class Record:
    """Something noticed on the way that the facts are later made from."""

    kind: str
    place: Place
    data: dict[str, Any]


@dataclass(slots=True)
class Session:
    """What one root gave: its data-flow graph, the objects it built, and what was noticed."""

    root: str
    path: str
    flows: list[Flow] = field(default_factory=list)
    objects: list[Obj] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    tests: list[tuple[Obj, Place, int]] = field(default_factory=list)  # layers whose kind a sweep asked for
    class_root: ClassValue | None = None
    confidence: str = "high"
    #: of a run behind options that nobody chose: the constructors it is for, with the options that each hangs on
    optional: Mapping[Place, frozenset[str]] = field(default_factory=dict)
    broken: bool = False  # cut off in the middle: what is known of it is half a truth, and gives no facts
    top: bool = False  # the top level of a file
    abridged: bool = False  # too large to be followed as it is: long loops are cut short
    unfinished: bool = False  # its steps ran out
    uses: int = 0  # how often something had trained when it began
    inputs: dict[int, Flow] = field(default_factory=dict)  # what stands for data of other sessions, by their id

    def holds(self, node: Flow) -> bool:
        return node.number < len(self.flows) and self.flows[node.number] is node

    def absorb(self, other: Session) -> None:
        """Go on with another session's graph and all that was noticed with it, as one; the other one is empty then."""
        shift = len(other.flows)
        for node in self.flows:
            node.number += shift
            node.ancestors <<= shift
        for name in ("flows", "objects", "parameters", "records", "tests"):
            mine, others = getattr(self, name), getattr(other, name)
            mine[:0] = others
            others.clear()
        self.broken = self.broken or other.broken


@dataclass(slots=True, eq=False)
class Run:
    """Everything that following one set of files shares."""

    load: Callable[[str, int, ProjectModule], ProjectModule | None]
    wrappers: dict[str, Any] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    session: Session = field(default_factory=lambda: Session("", ""))
    trail: list[tuple[Any, Any, Any]] = field(default_factory=list)
    ways: Ways = field(default_factory=Ways)
    branching: int = 0
    fuel: int = FUEL
    repeat: int = 0  # > 0 inside a loop of unknown length
    no_grad: int = 0
    counter: int = 0
    not_followed: list[NotFollowed] = field(default_factory=list)
    noted: set[tuple[str, Place]] = field(default_factory=set)
    errors: list[tuple[str, str]] = field(default_factory=list)  # (file, what went wrong inside the follower)
    made: dict[Any, Any] = field(default_factory=dict)  # settings objects with their defaults, by class
    files: list[Session] = field(default_factory=list)  # the top levels of files
    seconds: dict[str, float] = field(default_factory=dict)  # CPU time that following a file took, by path
    elsewhere: float = 0.0  # of the root in progress, what the files took that it made to be loaded
    left: dict[str, int] = field(default_factory=dict)  # steps that the roots of a file may still take, by path
    registered: set[str] = field(
        default_factory=set
    )  # names that the project registers with Keras; "*": it registers some
    registry: dict[str, ClassValue] = field(default_factory=dict)  # classes that unknown registries hold, by name
    trying: int = 0  # > 0 where an exception would be caught
    uses: int = 0  # how often something trained so far: what an initialisation is for
    sweeps: tuple[int, ...] = ()  # numbers of the sweeps that the code is in
    sweep: int = 0  # > 0 inside a loop over the modules or parameters of a model
    via: tuple[tuple[Place, str], ...] = ()  # lines on the way to an initialiser: `self.apply(fn)`

    # Effort ---------------------------------------------------------------------------------------

    @contextmanager
    def timed(self, path: str) -> Iterator[None]:
        """Count the CPU time of what is done inside for a file, without what it does for other files."""
        outer, self.elsewhere = self.elsewhere, 0.0
        start = process_time()
        try:
            yield
        finally:
            took = process_time() - start
            self.seconds[path] = self.seconds.get(path, 0.0) + took - self.elsewhere
            self.elsewhere = outer + took

    def spend(self) -> None:
        self.fuel -= 1
        if self.fuel < 0:
            raise OutOfFuel

    @property
    def sweeping(self) -> bool:
        """Inside an `apply` or a loop over the modules of a model."""
        return bool(self.sweeps)

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def path(self) -> str:
        return self.frames[-1].scope.globals.path

    def place(self, at: int) -> Place:
        return Place(self.frames[-1].scope.globals.path, at)

    def next(self) -> int:
        self.counter += 1
        return self.counter

    def unknown(self, reason: str, place: Place | None = None) -> Unknown:
        return Unknown(reason, place)

    def note(self, reason: str, place: Place) -> None:
        """Count something that could not be followed, once."""
        if (reason, place) not in self.noted:
            self.noted.add((reason, place))
            self.not_followed.append(NotFollowed(reason, place))

    def record(self, kind: str, place: Place, **data: Any) -> Record:
        record = Record(kind, place, data)
        self.session.records.append(record)
        return record

    # Undoable writes ------------------------------------------------------------------------------

    def store(self, mapping: dict[Any, Any], key: Any, value: Value) -> None:
        if self.branching:
            self.trail.append((mapping, key, mapping.get(key, MISSING)))
        mapping[key] = value

    def remove(self, mapping: dict[Any, Any], key: Any) -> None:
        if key in mapping:
            if self.branching:
                self.trail.append((mapping, key, mapping[key]))
            del mapping[key]

    def assign(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of one of our own value objects."""
        if self.branching:
            self.trail.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def branch(self, alternatives: Iterable[Callable[[], Any]]) -> list[tuple[Any, Changes]]:
        """Run each alternative from the present state; return (result, changes) of each, with the state restored."""
        outcomes = []
        condition = self.ways.condition()
        for alternative in alternatives:
            mark, start = len(self.trail), self.ways.enter(condition)
            self.branching += 1
            try:
                result = alternative()
            except Exception:
                self._rollback(mark)
                raise
            finally:
                self.branching -= 1
                self.ways.leave()
            changes = self._changes(mark, start)
            self._rollback(mark)
            outcomes.append((result, changes))
        return outcomes

    def _changes(self, mark: int, start: int) -> Changes:
        changes = Changes(start)
        for owner, key, old in self.trail[mark:]:
            slot = (id(owner), key)
            if slot not in changes:
                now = owner.get(key, MISSING) if isinstance(owner, dict) else getattr(owner, key)
                changes[slot] = (owner, key, now, old)
        return changes

    def _rollback(self, mark: int) -> None:
        for owner, key, old in reversed(self.trail[mark:]):
            if not isinstance(owner, dict):
                setattr(owner, key, old)
            elif old is MISSING:
                owner.pop(key, None)
            else:
                owner[key] = old
        del self.trail[mark:]

    def end(self, alternative: Callable[[], Any], endless: Any) -> Any:
        """Take a branch of an undecided condition; `endless` is what it gives when a recursion in it has no end."""
        frame, start = self.frame, len(self.session.flows)
        frame.undecided += 1
        try:
            return alternative()
        except Endless:
            for node in self.session.flows[start:]:
                node.dead = True
            return endless
        finally:
            frame.undecided -= 1

    def apply(self, changes: dict[Any, Any]) -> None:
        for owner, key, now, _ in changes.values():
            self._put(owner, key, now)

    def keep_made(self, changes: Changes) -> None:
        """What a branch that leaves did to things that it made itself: `return Sequential([...])` inside an `if`."""
        for owner, key, now, _ in changes.values():
            if getattr(owner, "born", 0) > changes.start:
                self._put(owner, key, now)

    def _put(self, owner: Any, key: Any, value: Any) -> None:
        if not isinstance(owner, dict):
            self.assign(owner, key, value)
        elif value is MISSING:
            self.remove(owner, key)
        else:
            self.store(owner, key, value)

    def merge(self, several: list[Changes], owners: Sequence[int | None] = ()) -> None:
        """Join the changes of several branches that all go on from here.

        `owners` are the times when the values were made for which the branches stand, where they stand for such: of
        several models that a condition chose from, each exists in its own branch alone.
        """
        slots: dict[Any, tuple[Any, Any, Any]] = {}
        for changes in several:
            for slot, (owner, key, _, old) in changes.items():
                slots.setdefault(slot, (owner, key, old))
        for slot, (owner, key, old) in slots.items():
            made = [c for c in several if slot in c and getattr(owner, "born", 0) > c.start]
            if len(made) == 1:  # made inside that branch: on the other ways it does not exist
                self._put(owner, key, made[0][slot][2])
                continue
            born = getattr(owner, "born", 0)
            there = [c for c, one in zip(several, owners) if not (born and one and self.ways.exclude(born, one))]
            values = [changes[slot][2] if slot in changes else old for changes in there or several]
            self._put(owner, key, self._join_slot(owner, key, values))

    def _join_slot(self, owner: Any, key: Any, values: list[Any]) -> Any:
        if isinstance(owner, Parameter) and key == "writes":
            return join_writes(values)
        if isinstance(owner, Tensor):
            same_everywhere = all(v == values[0] for v in values)
            return values[0] if same_everywhere or key != "initializer" else OPAQUE
        if isinstance(owner, ListValue) and key == "items":
            result = values[0]
            for other in values[1:]:
                result = join_sequences(result, other)
            return result
        if not isinstance(owner, dict) and isinstance(values[0], bool):
            return any(values)
        if isinstance(owner, Obj) and key == "keys":
            return max((v for v in values if v is not None), key=len, default=None)
        known = [v for v in values if v is not MISSING]
        if not known:
            return MISSING
        joined = self.join(known)
        return _optional(joined) if isinstance(owner, Items) and len(known) < len(values) else joined

    # Joins ----------------------------------------------------------------------------------------

    def join(self, values: Iterable[Value]) -> Value:
        """The value of something that is one of `values`, undecided which."""
        flat: list[Value] = []
        for value in values:
            for option in options(value):
                if not any(same(option, other) for other in flat):
                    flat.append(option)
        if len(flat) <= 1:
            return flat[0] if flat else None
        flows = [v for v in flat if isinstance(v, Flow)]
        if len(flows) > 1:
            joined = self.flow(Flow("join", flows, flows[0].place, shape=_common_shape(flows)))
            flat = [joined, *[v for v in flat if not isinstance(v, Flow)]]
            if len(flat) == 1:
                return joined
        if all(isinstance(v, tuple) and len(v) == len(flat[0]) for v in flat):
            columns = tuple(self.join(column) for column in zip(*flat))
            named = isinstance(flat[0], Fields)
            return Fields.of(flat[0].names, columns) if named else columns
        if all(isinstance(v, ListValue) for v in flat):
            items = flat[0].items
            for other in flat[1:]:
                items = join_sequences(items, other.items)
            return ListValue(items, flat[0].kind, any(v.open for v in flat))
        if all(isinstance(v, DictValue) for v in flat):
            keys = list(dict.fromkeys(k for v in flat for k in v.items))
            merged = {k: self.join([v.items[k] for v in flat if k in v.items]) for k in keys}
            places = {k: p for v in flat for k, p in v.places.items()}
            return DictValue(merged, places, True)
        return one_of(flat)

    # The data-flow graph --------------------------------------------------------------------------

    def flow(self, node: Flow) -> Flow:
        """Add a node to the graph."""
        session = self.session
        for index, source in enumerate(node.inputs):
            if not session.holds(source):
                node.inputs[index] = self._from_elsewhere(source)
        flows = session.flows
        node.number = len(flows)
        ancestors = 1 << node.number
        for source in node.inputs:
            source.consumers.append(node)
            ancestors |= source.ancestors
        node.ancestors = ancestors
        flows.append(node)
        return node

    def _from_elsewhere(self, source: Flow) -> Flow:
        """Data of another session. A model that goes on in another file is one model; elsewhere it is an input."""
        session = self.session
        home = next((other for other in self.files if other is not session and other.holds(source)), None)
        if session.top and home is not None:
            session.absorb(home)
            return source
        if id(source) not in session.inputs:
            session.inputs[id(source)] = self.flow(Flow("input", [], source.place, shape=source.shape))
        return session.inputs[id(source)]


def _common_shape(flows: list[Flow]) -> tuple[int | None, ...] | None:
    shapes = [f.shape for f in flows]
    if any(s is None for s in shapes) or len({len(s) for s in shapes if s is not None}) != 1:
        return None
    return tuple(a[0] if len(set(a)) == 1 else None for a in zip(*[s for s in shapes if s is not None]))


def join_writes(values: list[tuple[Write, ...]]) -> tuple[Write, ...]:
    """The writes of a parameter after branches: known where all agree on what is in it, else opaque."""
    fresh = [writes for writes in values if not writes or writes[-1].initializer is not LOADED]
    values = fresh or values  # loading that may not happen leaves the initialisation to be judged
    longest = max(values, key=len)
    last = [writes[-1].initializer if writes else None for writes in values]
    if all(i == last[0] for i in last):
        return longest
    if not longest:
        return longest
    return (*longest, Write(OPAQUE, longest[-1].place))


def join_sequences(a: list[Value], b: list[Value]) -> list[Value]:
    """Two versions of a list: common elements stay, the others become elements that may be absent."""
    if len(a) == len(b) and all(same(x, y) for x, y in zip(a, b)):
        return a
    start = 0
    while start < min(len(a), len(b)) and same(a[start], b[start]):
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and same(a[-1 - end], b[-1 - end]):
        end += 1
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    middle: list[Value] = []
    if len(middle_a) == len(middle_b):
        middle = [one_of([x, y]) for x, y in zip(middle_a, middle_b)]
    else:
        middle = [_optional(x) for x in middle_a] + [_optional(y) for y in middle_b]
    return [*a[:start], *middle, *a[len(a) - end :]] if end else [*a[:start], *middle]


def _optional(value: Value) -> Value:
    if any(option is ABSENT for option in options(value)):
        return value
    return OneOf((*options(value), ABSENT))


__all__ = ["DEEPEST", "MISSING", "Args", "Endless", "Frame", "OutOfFuel", "Record", "Run", "Session", "join_sequences"]
