"""From libcst to the small language: the only analysis module that knows syntax.

One function a node class, chosen by a dictionary: no visitors, no metadata providers, so that lowering costs a small
part of the parse. Numbers are given out in lowering order, so lowering the same text again with `nodes` set tells which
libcst node a number stands for (see `spans`).
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import libcst as cst
from msgspec import structs

from actinit_lint.program import language as la

BINARY = {
    cst.Add: "+",
    cst.Subtract: "-",
    cst.Multiply: "*",
    cst.Divide: "/",
    cst.FloorDivide: "//",
    cst.Modulo: "%",
    cst.Power: "**",
    cst.MatrixMultiply: "@",
    cst.LeftShift: "<<",
    cst.RightShift: ">>",
    cst.BitAnd: "&",
    cst.BitOr: "|",
    cst.BitXor: "^",
}
AUGMENTED = {
    cst.AddAssign: "+",
    cst.SubtractAssign: "-",
    cst.MultiplyAssign: "*",
    cst.DivideAssign: "/",
    cst.FloorDivideAssign: "//",
    cst.ModuloAssign: "%",
    cst.PowerAssign: "**",
    cst.MatrixMultiplyAssign: "@",
    cst.LeftShiftAssign: "<<",
    cst.RightShiftAssign: ">>",
    cst.BitAndAssign: "&",
    cst.BitOrAssign: "|",
    cst.BitXorAssign: "^",
}
COMPARE = {
    cst.Equal: "==",
    cst.NotEqual: "!=",
    cst.LessThan: "<",
    cst.LessThanEqual: "<=",
    cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=",
    cst.In: "in",
    cst.NotIn: "not in",
    cst.Is: "is",
    cst.IsNot: "is not",
}
UNARY = {cst.Minus: "-", cst.Plus: "+", cst.BitInvert: "~", cst.Not: "not"}
SINGLETON = {"None": None, "True": True, "False": False}
LARGEST = 2**63 - 1  # the cache stores 64-bit integers


class Lowering:
    """The state of one file's lowering: the counter, and, when spans are wanted, the node behind each number."""

    def __init__(self, nodes: list[cst.CSTNode] | None = None) -> None:
        self.count = 0
        self.nodes = nodes
        self.mentioned: set[str] = set()
        self.handed: set[str] = set()
        self.generator = False

    def number(self, node: cst.CSTNode) -> int:
        if self.nodes is not None:
            self.nodes.append(node)
        self.count = at = self.count + 1
        return at - 1

    def expr(self, node: cst.CSTNode) -> la.Expr:
        handler = EXPRESSIONS.get(node.__class__)
        if handler is None:
            return la.Opaque(self.number(node), node.__class__.__name__)
        return handler(self, node)

    def maybe(self, node: Any) -> la.Expr | None:
        return self.expr(node) if isinstance(node, cst.CSTNode) else None

    def block(self, body: cst.BaseSuite) -> tuple[la.Stmt, ...]:
        out: list[la.Stmt] = []
        for statement in body.body:
            self.statement(statement, out)
        return tuple(out)

    def statement(self, node: Any, out: list[la.Stmt]) -> None:
        if node.__class__ is cst.SimpleStatementLine:
            for small in node.body:
                handler = STATEMENTS.get(small.__class__)
                if handler is not None:
                    handler(self, small, out)
            return
        handler = STATEMENTS.get(node.__class__)
        if handler is not None:
            handler(self, node, out)

    def dotted(self, node: Any) -> str:
        if node is None:
            return ""
        if node.__class__ is cst.Name:
            return str(node.value)
        return f"{self.dotted(node.value)}.{node.attr.value}"


# Expressions --------------------------------------------------------------------------------------


def _name(lo: Lowering, node: cst.Name) -> la.Expr:
    at = lo.number(node)
    if node.value in SINGLETON:
        return la.Const(at, SINGLETON[node.value])
    return la.Name(at, node.value)


def _attribute(lo: Lowering, node: cst.Attribute) -> la.Expr:
    at = lo.number(node)
    return la.Attr(at, lo.expr(node.value), node.attr.value)


def _call(lo: Lowering, node: cst.Call) -> la.Expr:
    at = lo.number(node)
    func = lo.expr(node.func)
    if func.__class__ is la.Name:
        lo.mentioned.add(func.id)
    elif func.__class__ is la.Attr:
        lo.mentioned.add(func.name)
    return la.Call(at, func, _args(lo, node.args))


def _args(lo: Lowering, args: Sequence[cst.Arg]) -> tuple[la.Arg, ...]:
    out = []
    for a in args:
        name = a.keyword.value if a.keyword is not None else None
        value = lo.expr(a.value)
        if value.__class__ is la.Name:
            lo.handed.add(value.id)
        out.append(la.Arg(value, name, len(a.star)))
    return tuple(out)


def _number(lo: Lowering, node: cst.Integer | cst.Float) -> la.Expr:
    at = lo.number(node)
    try:
        value = node.evaluated_value
    except (ValueError, SyntaxError):  # Python 2 octals and the like
        return la.Opaque(at, "number")
    if isinstance(value, int) and abs(value) > LARGEST:
        return la.Const(at, float(value)) if abs(value) < 1e300 else la.Opaque(at, "number")
    return la.Const(at, value)


def _text(raw: str) -> str | None:
    """The value of a string literal, None for bytes and for what Python would reject."""
    if "\\" not in raw:
        if raw[:3] in ('"""', "'''"):
            return raw[3:-3]
        if raw[0] in "\"'":
            return raw[1:-1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes only warn, and may be fatal under -W error
            value = ast.literal_eval(raw)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None


def _string(lo: Lowering, node: cst.SimpleString) -> la.Expr:
    at = lo.number(node)
    value = _text(node.value)
    return la.Opaque(at, "bytes") if value is None else la.Const(at, value)


def _concatenated(lo: Lowering, node: cst.ConcatenatedString) -> la.Expr:
    at = lo.number(node)
    left, right = lo.expr(node.left), lo.expr(node.right)
    if isinstance(left, la.Const) and isinstance(right, la.Const):
        if isinstance(left.value, str) and isinstance(right.value, str):
            return la.Const(at, left.value + right.value)
    return la.FString(at, (left, right))


def _fstring(lo: Lowering, node: cst.FormattedString) -> la.Expr:
    at = lo.number(node)
    parts: list[la.Expr] = []
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            parts.append(la.Const(lo.number(part), part.value.replace("{{", "{").replace("}}", "}")))
        elif isinstance(part, cst.FormattedStringExpression) and not part.format_spec:
            parts.append(lo.expr(part.expression))
        else:
            parts.append(la.Opaque(lo.number(part), "format"))
    return la.FString(at, tuple(parts))


def _sequence(kind: str) -> Callable[[Lowering, Any], la.Expr]:
    def lower(lo: Lowering, node: Any) -> la.Expr:
        at = lo.number(node)
        items: list[la.Expr] = []
        for element in node.elements:
            if element.__class__ is cst.StarredElement:
                items.append(la.Star(lo.number(element), lo.expr(element.value)))
            else:
                items.append(lo.expr(element.value))
        return la.Seq(at, kind, tuple(items))

    return lower


def _dict(lo: Lowering, node: cst.Dict) -> la.Expr:
    at = lo.number(node)
    items: list[tuple[la.Expr | None, la.Expr]] = []
    element: Any
    for element in node.elements:
        if element.__class__ is cst.StarredDictElement:
            items.append((None, lo.expr(element.value)))
        else:
            items.append((lo.expr(element.key), lo.expr(element.value)))
    return la.Dict(at, tuple(items))


def _subscript(lo: Lowering, node: cst.Subscript) -> la.Expr:
    at = lo.number(node)
    value = lo.expr(node.value)
    indices = [_index(lo, element.slice) for element in node.slice]
    if len(indices) == 1:
        return la.Subscript(at, value, indices[0])
    return la.Subscript(at, value, la.Seq(lo.number(node), "tuple", tuple(indices)))


def _index(lo: Lowering, node: cst.BaseSlice) -> la.Expr:
    if isinstance(node, cst.Index):
        return lo.expr(node.value)
    at = lo.number(node)
    return la.Slice(at, lo.maybe(node.lower), lo.maybe(node.upper), lo.maybe(node.step))  # type: ignore[attr-defined]


def _binary(lo: Lowering, node: cst.BinaryOperation) -> la.Expr:
    at = lo.number(node)
    return la.Binary(at, BINARY.get(node.operator.__class__, "?"), lo.expr(node.left), lo.expr(node.right))


def _unary(lo: Lowering, node: cst.UnaryOperation) -> la.Expr:
    at = lo.number(node)
    return la.Unary(at, UNARY[node.operator.__class__], lo.expr(node.expression))


def _compare(lo: Lowering, node: cst.Comparison) -> la.Expr:
    at = lo.number(node)
    left = lo.expr(node.left)
    rest = tuple((COMPARE.get(c.operator.__class__, "?"), lo.expr(c.comparator)) for c in node.comparisons)
    return la.Compare(at, left, rest)


def _boolean(lo: Lowering, node: cst.BooleanOperation) -> la.Expr:
    at = lo.number(node)
    op = "and" if node.operator.__class__ is cst.And else "or"
    return la.Bool(at, op, lo.expr(node.left), lo.expr(node.right))


def _if_exp(lo: Lowering, node: cst.IfExp) -> la.Expr:
    at = lo.number(node)
    return la.IfExp(at, lo.expr(node.test), lo.expr(node.body), lo.expr(node.orelse))


def _walrus(lo: Lowering, node: cst.NamedExpr) -> la.Expr:
    at = lo.number(node)
    name = node.target.value if isinstance(node.target, cst.Name) else "?"
    return la.Walrus(at, name, lo.expr(node.value))


def _lambda(lo: Lowering, node: cst.Lambda) -> la.Expr:
    at = lo.number(node)
    return la.Lambda(at, _params(lo, node.params), lo.expr(node.body))


def _annotation(lo: Lowering, node: cst.Annotation | None) -> la.Expr | None:
    if node is None:
        return None
    inner = node.annotation
    if inner.__class__ is cst.Name or inner.__class__ is cst.Attribute:
        return lo.expr(inner)
    return None


def _params(lo: Lowering, params: cst.Parameters) -> tuple[la.Param, ...]:
    out: list[la.Param] = []

    def add(group: Iterable[cst.Param], kind: str) -> None:
        for p in group:
            out.append(la.Param(p.name.value, kind, lo.maybe(p.default), _annotation(lo, p.annotation)))

    add(params.posonly_params, "positional")
    add(params.params, "any")
    if isinstance(params.star_arg, cst.Param):
        out.append(la.Param(params.star_arg.name.value, "*"))
    add(params.kwonly_params, "keyword")
    if params.star_kwarg is not None:
        out.append(la.Param(params.star_kwarg.name.value, "**"))
    return tuple(out)


def _comprehension(kind: str) -> Callable[[Lowering, Any], la.Expr]:
    def lower(lo: Lowering, node: Any) -> la.Expr:
        at = lo.number(node)
        key = lo.expr(node.key) if kind == "dict" else None
        value = lo.expr(node.value if kind == "dict" else node.elt)
        loops: list[la.Loop] = []
        part = node.for_in
        while part is not None:
            tests = tuple(lo.expr(c.test) for c in part.ifs)
            loops.append(la.Loop(lo.expr(part.target), lo.expr(part.iter), tests))
            part = part.inner_for_in
        return la.Comprehension(at, kind, key, value, tuple(loops))

    return lower


def _await(lo: Lowering, node: cst.Await) -> la.Expr:
    return lo.expr(node.expression)


def _yield(lo: Lowering, node: cst.Yield) -> la.Expr:
    lo.generator = True
    at = lo.number(node)
    value = node.value
    if isinstance(value, cst.From):
        value = value.item
    if value is not None:
        lo.expr(value)
    return la.Opaque(at, "yield")


EXPRESSIONS: dict[type, Callable[[Lowering, Any], la.Expr]] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.Integer: _number,
    cst.Float: _number,
    cst.SimpleString: _string,
    cst.ConcatenatedString: _concatenated,
    cst.FormattedString: _fstring,
    cst.List: _sequence("list"),
    cst.Tuple: _sequence("tuple"),
    cst.Set: _sequence("set"),
    cst.Dict: _dict,
    cst.Subscript: _subscript,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.Comparison: _compare,
    cst.BooleanOperation: _boolean,
    cst.IfExp: _if_exp,
    cst.NamedExpr: _walrus,
    cst.Lambda: _lambda,
    cst.ListComp: _comprehension("list"),
    cst.SetComp: _comprehension("set"),
    cst.GeneratorExp: _comprehension("generator"),
    cst.DictComp: _comprehension("dict"),
    cst.Await: _await,
    cst.Yield: _yield,
}


# Statements ---------------------------------------------------------------------------------------


def _do(lo: Lowering, node: cst.Expr, out: list[la.Stmt]) -> None:
    if node.value.__class__ in (cst.SimpleString, cst.ConcatenatedString, cst.Ellipsis):
        return  # docstrings and stubs
    out.append(la.Do(lo.number(node), lo.expr(node.value)))


def _check(lo: Lowering, node: cst.Assert, out: list[la.Stmt]) -> None:
    kept = lo.mentioned, lo.handed  # what a check calls makes no function one that builds a model
    lo.mentioned, lo.handed = set(), set()
    out.append(la.Check(lo.number(node), lo.expr(node.test)))
    lo.mentioned, lo.handed = kept


def _assign(lo: Lowering, node: cst.Assign, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    value = lo.expr(node.value)
    out.append(la.Assign(at, tuple(lo.expr(t.target) for t in node.targets), value))


def _ann_assign(lo: Lowering, node: cst.AnnAssign, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    value = lo.maybe(node.value)
    out.append(la.Assign(at, (lo.expr(node.target),), value, True))


def _aug_assign(lo: Lowering, node: cst.AugAssign, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    op = AUGMENTED.get(node.operator.__class__, "?")
    out.append(la.AugAssign(at, lo.expr(node.target), op, lo.expr(node.value)))


def _return(lo: Lowering, node: cst.Return, out: list[la.Stmt]) -> None:
    out.append(la.Return(lo.number(node), lo.maybe(node.value)))


def _leave(how: str) -> Callable[[Lowering, Any, list[la.Stmt]], None]:
    def lower(lo: Lowering, node: Any, out: list[la.Stmt]) -> None:
        out.append(la.Leave(lo.number(node), how))

    return lower


def _if(lo: Lowering, node: cst.If, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    test = lo.expr(node.test)
    body = lo.block(node.body)
    orelse: list[la.Stmt] = []
    if isinstance(node.orelse, cst.If):
        _if(lo, node.orelse, orelse)
    elif node.orelse is not None:
        orelse.extend(lo.block(node.orelse.body))
    out.append(la.If(at, test, body, tuple(orelse)))


def _for(lo: Lowering, node: cst.For, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    iterable = lo.expr(node.iter)
    target = lo.expr(node.target)
    body = lo.block(node.body)
    orelse = lo.block(node.orelse.body) if node.orelse is not None else ()
    out.append(la.For(at, target, iterable, body, orelse))


def _while(lo: Lowering, node: cst.While, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    out.append(la.While(at, lo.expr(node.test), lo.block(node.body)))


def _with(lo: Lowering, node: cst.With, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    items = tuple((lo.expr(i.item), lo.expr(i.asname.name) if i.asname is not None else None) for i in node.items)
    out.append(la.With(at, items, lo.block(node.body)))


def _try(lo: Lowering, node: cst.Try | cst.TryStar, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    body = lo.block(node.body)
    handlers = tuple(lo.block(h.body) for h in node.handlers)
    orelse = lo.block(node.orelse.body) if node.orelse is not None else ()
    final = lo.block(node.finalbody.body) if node.finalbody is not None else ()
    out.append(la.Try(at, body, handlers, orelse, final))


def _match(lo: Lowering, node: cst.Match, out: list[la.Stmt]) -> None:
    """`match` becomes a chain of `if`: literal patterns as comparisons, everything else undecidable."""
    cases = list(node.cases)
    orelse: tuple[la.Stmt, ...] = ()
    subject = lo.expr(node.subject)
    lowered = []
    for case in cases:
        test = _pattern(lo, subject, case.pattern)
        if case.guard is not None:
            guard = lo.expr(case.guard)
            test = guard if test is None else la.Bool(lo.number(case), "and", test, guard)
        lowered.append((lo.number(case), test, lo.block(case.body)))
    for at, test, body in reversed(lowered):
        orelse = body if test is None else (la.If(at, test, body, orelse),)
    out.extend(orelse)


def _pattern(lo: Lowering, subject: la.Expr, pattern: cst.MatchPattern) -> la.Expr | None:
    """The test that a pattern stands for; None when it always matches."""
    if isinstance(pattern, cst.MatchAs) and pattern.pattern is None and pattern.name is None:
        return None
    at = lo.number(pattern)
    if isinstance(pattern, (cst.MatchValue, cst.MatchSingleton)):
        op = "==" if isinstance(pattern, cst.MatchValue) else "is"
        return la.Compare(at, subject, ((op, lo.expr(pattern.value)),))
    if isinstance(pattern, cst.MatchClass) and not pattern.patterns and not pattern.kwds:
        arguments = (la.Arg(subject), la.Arg(lo.expr(pattern.cls)))
        return la.Call(at, la.Name(at, "isinstance"), arguments)
    if isinstance(pattern, cst.MatchOr):
        tests = [_pattern(lo, subject, element.pattern) for element in pattern.patterns]
        if any(test is None for test in tests):
            return None
        result: la.Expr | None = None
        for test in tests:
            assert test is not None
            result = test if result is None else la.Bool(at, "or", result, test)
        return result
    return la.Opaque(at, "pattern")


def _delete(lo: Lowering, node: cst.Del, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    target = lo.expr(node.target)
    out.append(la.Delete(at, target.items if isinstance(target, la.Seq) else (target,)))


def _global(lo: Lowering, node: cst.Global | cst.Nonlocal, out: list[la.Stmt]) -> None:
    out.append(la.Global(lo.number(node), tuple(item.name.value for item in node.names)))


def _import(lo: Lowering, node: cst.Import, out: list[la.Stmt]) -> None:
    for alias in node.names:
        bound = lo.dotted(alias.asname.name) if alias.asname is not None else None
        out.append(la.Import(lo.number(alias), lo.dotted(alias.name), bound))


def _import_from(lo: Lowering, node: cst.ImportFrom, out: list[la.Stmt]) -> None:
    at = lo.number(node)
    names: list[tuple[str, str]] = []
    if isinstance(node.names, cst.ImportStar):
        names.append(("*", "*"))
    else:
        for alias in node.names:
            name = lo.dotted(alias.name)
            names.append((name, lo.dotted(alias.asname.name) if alias.asname is not None else name))
    out.append(la.ImportFrom(at, lo.dotted(node.module), len(node.relative), tuple(names)))


#: Methods of a module that put it together.
ADDING = frozenset({"add_module", "register_module", "register_parameter"})


def _puts_together(name: str, owner: str, body: tuple[la.Stmt, ...]) -> bool:
    """Whether a method makes its object's parts: of what stands below an early return there may be none."""
    if name == "__init__":
        return True
    for statement in body:
        if isinstance(statement, la.Assign):
            if any(isinstance(t, la.Attr) and _is_name(t.value, owner) for t in statement.targets):
                return True
        elif isinstance(statement, la.Do) and isinstance(statement.value, la.Call):
            func = statement.value.func
            if isinstance(func, la.Attr) and func.name in ADDING and _is_name(func.value, owner):
                return True
    return False


def _is_name(node: la.Expr, name: str) -> bool:
    return isinstance(node, la.Name) and node.id == name


def _without_guards(body: tuple[la.Stmt, ...]) -> tuple[la.Stmt, ...]:
    """The same statements with what follows `if bare: return` in the other branch, where it belongs."""
    for index, statement in enumerate(body[:-1]):
        if isinstance(statement, la.If) and _returns(statement.body) != _returns(statement.orelse):
            rest = _without_guards(body[index + 1 :])
            if not _returns(rest):
                rest = (*rest, la.Return(statement.at, None))
            grown = "orelse" if _returns(statement.body) else "body"
            statement = structs.replace(statement, **{grown: getattr(statement, grown) + rest})
            return (*body[:index], statement)
    return body


def _returns(body: tuple[la.Stmt, ...]) -> bool:
    return bool(body) and isinstance(body[-1], la.Return)


def _function(lo: Lowering, node: cst.FunctionDef, out: list[la.Stmt]) -> None:
    at = lo.number(node.name)
    decorators = tuple(lo.expr(d.decorator) for d in node.decorators)
    params = _params(lo, node.params)
    outer = lo.mentioned, lo.handed
    lo.mentioned, lo.handed = set(), set()
    was, lo.generator = lo.generator, False
    body = lo.block(node.body)
    if params and _puts_together(node.name.value, params[0].name, body):
        body = _without_guards(body)
    names = frozenset(lo.mentioned), frozenset(lo.handed)
    out.append(la.Function(at, node.name.value, params, body, decorators, lo.generator, *names))
    lo.mentioned |= outer[0]
    lo.handed |= outer[1]
    lo.generator = was


def _class(lo: Lowering, node: cst.ClassDef, out: list[la.Stmt]) -> None:
    at = lo.number(node.name)
    decorators = tuple(lo.expr(d.decorator) for d in node.decorators)
    bases = tuple(lo.expr(b.value) for b in node.bases)
    keywords = _args(lo, node.keywords)
    out.append(la.Class(at, node.name.value, bases, keywords, lo.block(node.body), decorators))


STATEMENTS: dict[type, Callable[[Lowering, Any, list[la.Stmt]], None]] = {
    cst.Expr: _do,
    cst.Assign: _assign,
    cst.AnnAssign: _ann_assign,
    cst.AugAssign: _aug_assign,
    cst.Assert: _check,
    cst.Return: _return,
    cst.Raise: _leave("raise"),
    cst.Break: _leave("break"),
    cst.Continue: _leave("continue"),
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.Match: _match,
    cst.Del: _delete,
    cst.Global: _global,
    cst.Nonlocal: _global,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
}


def lower(module: cst.Module, path: str, nodes: list[cst.CSTNode] | None = None) -> la.Program:
    """Lower a parsed file. `nodes`, when given, receives the libcst node of every number, in order."""
    lowering = Lowering(nodes)
    body: list[la.Stmt] = []
    for statement in module.body:
        lowering.statement(statement, body)
    return la.Program(path, tuple(body), lowering.count)
