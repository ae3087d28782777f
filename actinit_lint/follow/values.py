"""What a variable can hold while a program is followed.

Numbers, strings, booleans, None and tuples are Python's own. Everything else is one of the classes below; what the code
does not say is `Unknown(reason)`, and what it leaves open between a few known values is `OneOf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from actinit_lint.model import Activation, Place, Write
from actinit_lint.reference.normal_form import Initializer

if TYPE_CHECKING:
    from actinit_lint.follow.cases import Cases
    from actinit_lint.knowledge.kinds import Kind
    from actinit_lint.program import language as la

Value = Any
_CLOCK = count(1)


def tick() -> int:
    """The time, in values made: what was made inside a branch is younger than the branch."""
    return next(_CLOCK)


MOST_OPTIONS = 4  # a value with more possibilities than this is Unknown


@dataclass(slots=True, eq=False)
class Unknown:
    """Something the code does not say. Two with the same symbol are the same unknown thing: `config.hidden_size`."""

    reason: str
    place: Place | None = None
    symbol: str | None = None
    parts: dict[str, Value] | None = None

    def part(self, name: str) -> Value:
        """An attribute or item of it."""
        if self.symbol is None:
            return self
        if self.parts is None:
            self.parts = {}
        if name not in self.parts:
            self.parts[name] = Unknown(self.reason, self.place, f"{self.symbol}.{name}")
        return self.parts[name]


class Foreign(Unknown):
    """A ready-made model of a library, of which parts may be replaced."""

    __slots__ = ()


class Given(Unknown):
    """An option that somebody chose: it is not None and counts as true, but nothing says which value it has."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("an option that is not the default")


class _Absent:
    """An element that may be missing from a sequence; only ever an option of a OneOf."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(slots=True, eq=False)
class OneOf:
    options: tuple[Value, ...]


@dataclass(slots=True, eq=False)
class External:
    """Something of a library, by its canonical dotted name: `torch.nn.Linear`."""

    name: str


#: The classes among which the one of an object was chosen, in what is known of the object.
CHOSEN = "chosen among"


def class_names(classes: OneOf) -> frozenset[str] | None:
    """Names of a library's classes that the code leaves open, where all of them are such."""
    names = [option.name for option in classes.options if isinstance(option, External)]
    return frozenset(names) if len(names) == len(classes.options) else None


class Scope:
    """Variables of a function call, a class body, or a file (parent None)."""

    __slots__ = ("globals", "parent", "shared", "vars")

    def __init__(self, parent: Scope | None, globals_: ProjectModule) -> None:
        self.vars: dict[str, Value] = {}
        self.parent = parent
        self.globals = globals_
        self.shared: set[str] | None = None  # names declared global or nonlocal


class ProjectModule:
    """A file of the project as a namespace; `scope` fills while its top level runs."""

    __slots__ = ("busy", "done", "name", "package", "path", "program", "scope", "stars")

    def __init__(self, path: str, name: str, package: str) -> None:
        self.path = path
        self.name = name
        self.package = package
        self.program: la.Program | None = None
        self.scope = Scope(None, self)
        self.done = False
        self.busy = False
        self.stars: list[str] = []  # libraries imported with `*`


class Deferred(Unknown):
    """A name of a module that is still running, in a circle of imports: unknown now, resolved when it is used."""

    def __init__(self, module: ProjectModule, name: str) -> None:
        super().__init__(f"{name} is defined later in a circle of imports")
        self.module = module
        self.name = name

    def resolve(self) -> Value:
        found = self.module.scope.vars.get(self.name, self)
        return found.resolve() if isinstance(found, Deferred) and found is not self else found


@dataclass(slots=True, eq=False)
class Func:
    """A function, method or lambda with the scope it was made in."""

    node: la.Function | la.Lambda
    scope: Scope
    defaults: dict[str, Value]
    owner: ClassValue | None = None
    kind: str = "function"  # "static", "class", "property"
    called: bool = False
    cases: Cases | None = None  # what the decorators of a test give to its parameters

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "<lambda>")

    @property
    def place(self) -> Place:
        return Place(self.scope.globals.path, self.node.at)


@dataclass(slots=True, eq=False)
class ClassValue:
    name: str
    node: la.Class
    scope: Scope
    bases: tuple[Value, ...]
    attrs: dict[str, Value]
    instances: int = 0  # how many were made by followed code
    embedded: bool = False
    dataclass: bool = False
    place: Place | None = None
    sample: Args | None = None  # the arguments of the first instance
    line: tuple[Any, ...] | None = None  # the lineage, once all of it is known

    def lineage(self) -> tuple[ClassValue | External | Unknown, ...]:
        """The class and its bases, depth first, left to right, each once (a good approximation of the MRO)."""
        if self.line is None:
            order = self._order()
            # a base reached twice counts where it is reached last, as in Python's linearisation
            last = {id(c): index for index, c in enumerate(order)}
            line = tuple(c for index, c in enumerate(order) if last[id(c)] == index)
            if any(isinstance(c, Deferred) for c in line):
                return line
            self.line = line
        return self.line

    def _order(self) -> list[Value]:
        order: list[Value] = []

        def visit(c: Value) -> None:
            if isinstance(c, OneOf):
                c = c.options[0]
            if isinstance(c, Deferred):
                c = c.resolve()
            order.append(c)
            if isinstance(c, ClassValue):
                for base in c.bases:
                    visit(base)

        visit(self)
        return order

    def find(self, name: str, after: ClassValue | None = None) -> tuple[Value, ClassValue] | None:
        skipping = after is not None
        for c in self.lineage():
            if skipping:
                skipping = c is not after
                continue
            if isinstance(c, ClassValue) and name in c.attrs:
                return c.attrs[name], c
        return None

    def externals(self) -> list[str]:
        return [c.name for c in self.lineage() if isinstance(c, External)]

    @property
    def has_unknown_base(self) -> bool:
        return any(isinstance(c, Unknown) for c in self.lineage())


@dataclass(slots=True, eq=False)
class Obj:
    """An instance of a class of the project (`cls`), of a library's (`kind`), or of both (a subclass of a layer)."""

    cls: ClassValue | None
    kind: Kind | None
    attrs: dict[str, Value]
    place: Place
    number: int
    args: dict[str, Value] = field(default_factory=dict)  # the library constructor's arguments, defaults filled in
    arg_places: dict[str, Place] = field(default_factory=dict)
    items: ListValue | None = None  # children of a container, in order
    keys: list[Value] | None = None  # their names, for dict-like containers
    repeated: bool = False
    open_args: bool = False
    applied: int = 0
    frozen: bool = False
    maker: str | None = None  # name of the class whose code made it
    flags: set[str] = field(default_factory=set)
    state: dict[str, Any] = field(default_factory=dict)
    born: int = field(default_factory=tick)

    def __post_init__(self) -> None:
        self.attrs, self.state = Attributes(self.attrs), Attributes(self.state)

    @property
    def label(self) -> str:
        return self.cls.name if self.cls is not None else (self.kind.name if self.kind is not None else "object")


@dataclass(slots=True, eq=False)
class Tensor:
    """A tensor that was just made: `torch.randn(3, 4)`, and what arithmetic with known numbers made of it."""

    initializer: Initializer
    shape: tuple[int | None, ...] | None
    place: Place
    also: tuple[tuple[Place, str], ...] = ()


@dataclass(slots=True, eq=False)
class Parameter:
    """A parameter or a Keras variable with its writes so far."""

    shape: tuple[int | None, ...] | None
    writes: tuple[Write, ...]
    place: Place
    name: str = ""
    owner: Obj | None = None
    role: str = "other"
    trainable: bool = True
    raw: bool = True  # made by hand (`nn.Parameter`, `add_weight`), not by a library layer
    parametrized: bool = False
    buffer: bool = False
    born: int = field(default_factory=tick)


@dataclass(slots=True, eq=False)
class View:
    """A parameter seen through `.data`, `.detach()`, a slice, a copy."""

    parameter: Parameter
    data: bool = False  # writes need no `no_grad`
    part: bool = False  # only some elements
    copy: bool = False  # writes reach a copy, not the parameter
    transposed: bool = False
    reshaped: bool = False  # seen with another number of dimensions
    lost: tuple[Initializer, Place] | None = None  # what was written to the copy
    used: bool = False  # the copy itself is put to use
    clone: bool = False  # a copy in memory, by `.clone()`: in-place writes to it are lost
    factor: float | None = None  # a copy that is the parameter times this number
    index: tuple[int | None, ...] = ()  # what took away the leading axes of a stack; None: an index that is not known
    repeated: int | None = None  # its rows as they are, repeated along this axis for the samples of a batch


class ListValue:
    """A list, set or other mutable sequence; `open`: it may hold more elements than are listed."""

    __slots__ = ("born", "items", "kind", "open")

    def __init__(self, items: list[Value], kind: str = "list", open_: bool = False) -> None:
        self.items = items
        self.kind = kind
        self.open = open_
        self.born = tick()


class Items(dict[Any, Value]):
    """The entries of a followed dictionary; one that only some branches set has ABSENT among its options."""

    __slots__ = ("born",)

    def __init__(self, items: dict[Any, Value]) -> None:
        super().__init__(items)
        self.born = tick()


class Attributes(dict[str, Value]):
    """The attributes of an object."""

    __slots__ = ("born",)

    def __init__(self, items: dict[str, Value]) -> None:
        super().__init__(items)
        self.born = tick()


class Fields(tuple[Any, ...]):
    """A tuple whose elements have names: a named tuple, or the output object of a library."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str], values: Iterable[Value]) -> Fields:
        made = cls(values)
        made.names = tuple(names)
        return made


class DictValue:
    """A dictionary with known keys; `open`: it may hold other keys too.

    `state`: it is what a model's `state_dict()` gave, and nothing was seen to use it since.
    """

    __slots__ = ("born", "items", "open", "places", "state")

    def __init__(self, items: dict[Any, Value], places: dict[Any, Place] | None = None, open_: bool = False) -> None:
        self.items = Items(items)
        self.places = places if places is not None else {}
        self.open = open_
        self.state = False
        self.born = tick()


@dataclass(slots=True, eq=False)
class Bound:
    """A method of the project bound to its object or class."""

    func: Func
    self: Value


@dataclass(slots=True, eq=False)
class Method:
    """A method of a library or built-in value: `weight.normal_`, `layers.append`, `model.apply`."""

    self: Value
    name: str
    place: Place


@dataclass(slots=True, eq=False)
class Partial:
    func: Value
    args: Args
    place: Place


@dataclass(slots=True, eq=False)
class Super:
    self: Value
    after: ClassValue


class Args:
    """Arguments of a call, each with the place of its expression. `open`: there may be more."""

    __slots__ = ("kw", "kw_places", "open", "pos", "pos_places")

    def __init__(self) -> None:
        self.pos: list[Value] = []
        self.pos_places: list[Place] = []
        self.kw: dict[str, Value] = {}
        self.kw_places: dict[str, Place] = {}
        self.open = False

    def add(self, value: Value, place: Place) -> None:
        self.pos.append(value)
        self.pos_places.append(place)

    def set(self, name: str, value: Value, place: Place) -> None:
        self.kw[name] = value
        self.kw_places[name] = place

    def get(self, index: int, *names: str, default: Value = None) -> Value:
        """What was given by one of the names, or by position."""
        for name in names:
            if name in self.kw:
                return self.kw[name]
        return self.pos[index] if index < len(self.pos) else default

    def values(self) -> Iterator[Value]:
        yield from self.pos
        yield from self.kw.values()

    def with_first(self, value: Value, place: Place) -> Args:
        out = Args()
        out.pos = [value, *self.pos]
        out.pos_places = [place, *self.pos_places]
        out.kw, out.kw_places, out.open = self.kw, self.kw_places, self.open
        return out

    def without_first(self) -> Args:
        out = Args()
        out.pos, out.pos_places = self.pos[1:], self.pos_places[1:]
        out.kw, out.kw_places, out.open = self.kw, self.kw_places, self.open
        return out


#: An object's id, and the index of a matrix in a stack.
LayerKey = tuple[int, tuple[int | None, ...]]


class Flow:
    """A value computed from the model's input: one node of the data-flow graph."""

    __slots__ = (
        "activation",
        "ancestors",
        "consumers",
        "dead",
        "info",
        "inputs",
        "layer",
        "name",
        "number",
        "op",
        "place",
        "shape",
        "weight",
    )

    def __init__(
        self,
        op: str,
        inputs: Iterable[Flow],
        place: Place,
        *,
        name: str = "",
        layer: Obj | Parameter | None = None,
        weight: str | None = None,
        activation: Activation | None = None,
        shape: tuple[int | None, ...] | None = None,
    ) -> None:
        self.op = op
        self.inputs = list(inputs)
        self.consumers: list[Flow] = []
        self.place = place
        self.name = name
        self.layer = layer
        self.weight = weight
        self.activation = activation
        self.shape = shape  # without the batch axis, channels last for Keras, as torch has it for torch
        self.number = 0
        self.ancestors = 0
        self.dead = False
        self.info: dict[str, Any] = {}

    @property
    def key(self) -> LayerKey:
        """What is the same for two nodes that apply the same layer: the object, or the matrix of a stack."""
        return id(self.layer), self.info.get("index", ())

    def __repr__(self) -> str:
        return f"<{self.number} {self.op} {self.name} <- {[i.number for i in self.inputs]}>"


def options(value: Value) -> tuple[Value, ...]:
    return value.options if isinstance(value, OneOf) else (value,)


def one_of(values: Iterable[Value]) -> Value:
    """The join of several values: one of them when all are the same."""
    seen: list[Value] = []
    for value in values:
        for option in options(value):
            if not any(same(option, other) for other in seen):
                seen.append(option)
    if len(seen) == 1:
        return seen[0]
    if len(seen) > MOST_OPTIONS or not seen:
        return Unknown("one of many values")
    return OneOf(tuple(seen))


def same(a: Value, b: Value) -> bool:
    if a is b:
        return True
    if is_number(a) and is_number(b) and isinstance(a, bool) == isinstance(b, bool):
        return isinstance(a, int) == isinstance(b, int) and a == b
    if isinstance(a, (str, type(None))) and isinstance(b, type(a)):
        return a == b
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, External) and isinstance(b, External):
        return a.name == b.name
    if isinstance(a, Unknown) and isinstance(b, Unknown):
        return True
    return False


def is_known(value: Value) -> bool:
    return not isinstance(value, (Unknown, OneOf))


def is_number(value: Value) -> bool:
    return isinstance(value, (int, float))


def dim(value: Value) -> int | None:
    """A size from a value; None when it is unknown or no size."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


MEMBER = "member"  # flag of an object that is one of an enumeration's


def is_plain(value: Value) -> bool:
    """Whether a value is a setting: a number, a text, a class, a member of an enumeration, or a sequence of such."""
    if isinstance(value, Obj):
        return MEMBER in value.flags
    if isinstance(value, (tuple, ListValue)):
        return all(is_plain(v) for v in (value.items if isinstance(value, ListValue) else value))
    return value is None or isinstance(value, (bool, int, float, str, ClassValue, External, Func))
