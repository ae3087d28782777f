"""The small language that libcst trees are lowered to: what the follower reads and the cache stores.

Every expression and definition carries `at`, its number in the file, counted in lowering order; `program.locate` turns
numbers into lines and columns. Layout, comments, annotations and docstrings are dropped; what has no meaning for
building or running a model becomes `Opaque`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct


class Node(Struct, frozen=True, eq=False, gc=False, array_like=True, tag=True):
    at: int


class Const(Node, frozen=True, eq=False, gc=False, tag="k"):
    value: bool | int | float | str | None


class Name(Node, frozen=True, eq=False, gc=False, tag="n"):
    id: str


class Attr(Node, frozen=True, eq=False, gc=False, tag="a"):
    value: Expr
    name: str


class Arg(Struct, frozen=True, eq=False, gc=False, array_like=True):
    """An argument of a call: positional, `name=`, or starred (`star` 1 or 2)."""

    value: Expr
    name: str | None = None
    star: int = 0


class Call(Node, frozen=True, eq=False, gc=False, tag="c"):
    func: Expr
    args: tuple[Arg, ...]


class Subscript(Node, frozen=True, eq=False, gc=False, tag="s"):
    value: Expr
    index: Expr


class Slice(Node, frozen=True, eq=False, gc=False, tag=":"):
    lower: Expr | None
    upper: Expr | None
    step: Expr | None


class Seq(Node, frozen=True, eq=False, gc=False, tag="q"):
    kind: str  # "list", "tuple", "set"
    items: tuple[Expr, ...]


class Star(Node, frozen=True, eq=False, gc=False, tag="*"):
    value: Expr


class Dict(Node, frozen=True, eq=False, gc=False, tag="d"):
    items: tuple[tuple[Expr | None, Expr], ...]  # key None: `**value`


class Binary(Node, frozen=True, eq=False, gc=False, tag="b"):
    op: str
    left: Expr
    right: Expr


class Unary(Node, frozen=True, eq=False, gc=False, tag="u"):
    op: str  # "-", "+", "~", "not"
    value: Expr


class Compare(Node, frozen=True, eq=False, gc=False, tag="<"):
    left: Expr
    rest: tuple[tuple[str, Expr], ...]  # (operator, right side)


class Bool(Node, frozen=True, eq=False, gc=False, tag="&"):
    op: str  # "and", "or"
    left: Expr
    right: Expr


class IfExp(Node, frozen=True, eq=False, gc=False, tag="?"):
    test: Expr
    body: Expr
    orelse: Expr


class Walrus(Node, frozen=True, eq=False, gc=False, tag="w"):
    name: str
    value: Expr


class Param(Struct, frozen=True, eq=False, gc=False, array_like=True):
    """A parameter of a function: `kind` is "positional", "any", "keyword", "*" or "**"."""

    name: str
    kind: str
    default: Expr | None = None
    annotation: Expr | None = None  # where it is a plain name: `config: ModelConfig`


class Lambda(Node, frozen=True, eq=False, gc=False, tag="l"):
    params: tuple[Param, ...]
    body: Expr


class Loop(Struct, frozen=True, eq=False, gc=False, array_like=True):
    """One `for target in iter if tests` of a comprehension."""

    target: Expr
    iter: Expr
    tests: tuple[Expr, ...]


class Comprehension(Node, frozen=True, eq=False, gc=False, tag="["):
    kind: str  # "list", "set", "generator", "dict"
    key: Expr | None
    value: Expr
    loops: tuple[Loop, ...]


class FString(Node, frozen=True, eq=False, gc=False, tag="f"):
    parts: tuple[Expr, ...]


class Opaque(Node, frozen=True, eq=False, gc=False, tag="o"):
    """Something with no meaning for a model: yield, bytes, complex numbers, Ellipsis."""

    what: str


Expr = (
    Const
    | Name
    | Attr
    | Call
    | Subscript
    | Slice
    | Seq
    | Star
    | Dict
    | Binary
    | Unary
    | Compare
    | Bool
    | IfExp
    | Walrus
    | Lambda
    | Comprehension
    | FString
    | Opaque
)


class Assign(Node, frozen=True, eq=False, gc=False, tag="="):
    targets: tuple[Expr, ...]
    value: Expr | None  # None: an annotation alone, `x: int`
    annotated: bool = False


class AugAssign(Node, frozen=True, eq=False, gc=False, tag="+="):
    target: Expr
    op: str
    value: Expr


class Do(Node, frozen=True, eq=False, gc=False, tag="e"):
    """An expression as a statement."""

    value: Expr


class Check(Node, frozen=True, eq=False, gc=False, tag="as"):
    """An `assert`: it looks at things, and is not run."""

    test: Expr


class Return(Node, frozen=True, eq=False, gc=False, tag="r"):
    value: Expr | None


class Leave(Node, frozen=True, eq=False, gc=False, tag="x"):
    how: str  # "break", "continue", "raise"


class If(Node, frozen=True, eq=False, gc=False, tag="i"):
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class For(Node, frozen=True, eq=False, gc=False, tag="F"):
    target: Expr
    iter: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


class While(Node, frozen=True, eq=False, gc=False, tag="W"):
    test: Expr
    body: tuple[Stmt, ...]


class With(Node, frozen=True, eq=False, gc=False, tag="wi"):
    items: tuple[tuple[Expr, Expr | None], ...]
    body: tuple[Stmt, ...]


class Try(Node, frozen=True, eq=False, gc=False, tag="t"):
    body: tuple[Stmt, ...]
    handlers: tuple[tuple[Stmt, ...], ...]
    orelse: tuple[Stmt, ...]
    final: tuple[Stmt, ...]


class Delete(Node, frozen=True, eq=False, gc=False, tag="D"):
    targets: tuple[Expr, ...]


class Global(Node, frozen=True, eq=False, gc=False, tag="G"):
    names: tuple[str, ...]


class Import(Node, frozen=True, eq=False, gc=False, tag="I"):
    module: str  # "a.b.c"
    name: str | None  # the name bound; None: the first part of `module`


class ImportFrom(Node, frozen=True, eq=False, gc=False, tag="IF"):
    module: str
    level: int  # number of leading dots
    names: tuple[tuple[str, str], ...]  # (name, bound as); ("*", "*") for a star import


class Function(Node, frozen=True, eq=False, gc=False, tag="fn"):
    name: str
    params: tuple[Param, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]
    generator: bool = False
    mentions: frozenset[str] = frozenset()  # names of all that it calls, attributes by their last part
    hands: frozenset[str] = frozenset()  # names that it passes to what it calls


class Class(Node, frozen=True, eq=False, gc=False, tag="cl"):
    name: str
    bases: tuple[Expr, ...]
    keywords: tuple[Arg, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]


Stmt = (
    Assign
    | AugAssign
    | Do
    | Check
    | Return
    | Leave
    | If
    | For
    | While
    | With
    | Try
    | Delete
    | Global
    | Import
    | ImportFrom
    | Function
    | Class
)


class Program(Struct, frozen=True, eq=False, array_like=True):
    """One file, lowered."""

    path: str
    body: tuple[Stmt, ...]
    nodes: int  # how many numbers were given out


def nodes(start: Any) -> Iterator[Struct]:
    """Everything that a node or a body is made of, itself included, in no order to rely on."""
    stack = [start]
    while stack:
        node = stack.pop()
        if isinstance(node, Struct):
            yield node
            stack.extend(getattr(node, field) for field in node.__struct_fields__)
        elif isinstance(node, tuple):
            stack.extend(node)
