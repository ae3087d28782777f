"""Test cases: the values that decorators of a test give to its parameters, row by row.

`@pytest.mark.parametrize("size", [8, 16])`, `@parameterized.named_parameters(("small", 8), ("large", 16))` of absl, and
`@parameterized.expand([(8,), (16,)])`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, product

from actinit_lint.follow.state import Run
from actinit_lint.follow.values import Args, DictValue, ListValue, Unknown, Value
from actinit_lint.model import Place

MOST_ROWS = 4  # the others are taken to build the same


@dataclass(slots=True, eq=False)
class Row:
    """The arguments of one test case."""

    pos: list[Value] = field(default_factory=list)
    kw: dict[str, Value] = field(default_factory=dict)

    def arguments(self, place: Place) -> Args:
        args = Args()
        for value in self.pos:
            args.add(value, place)
        for name, value in self.kw.items():
            args.set(name, value, place)
        return args


@dataclass(slots=True, eq=False)
class Cases:
    """What a decorator gives."""

    rows: list[Row]

    def joined(self, others: Cases | None) -> Cases:
        """The rows of two decorators side by side; the shorter one starts again."""
        if others is None:
            return self
        count = max(len(self.rows), len(others.rows))
        pairs = [(self.rows[i % len(self.rows)], others.rows[i % len(others.rows)]) for i in range(count)]
        return Cases([Row([*a.pos, *b.pos], {**a.kw, **b.kw}) for a, b in pairs])


class Param(tuple[Value, ...]):
    """`pytest.param(8, "relu", id="small")`: a row of values."""


def _cases(rows: Iterable[Row | None]) -> Value:
    found = [row for row in islice(rows, MOST_ROWS) if row is not None]
    return Cases(found) if found else Unknown("test cases")


def _listed(value: Value) -> tuple[Value, ...] | None:
    return tuple(value.items) if isinstance(value, ListValue) else value if isinstance(value, tuple) else None


def _parametrize(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) < 2:
        return Unknown("test cases")
    given, values = args.pos[0], _listed(args.pos[1])
    names = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(_listed(given) or ())
    if not values or not names:
        return Unknown("test cases")

    def row(value: Value) -> Row | None:
        one = len(names) == 1 and not isinstance(value, Param)
        parts = (value,) if one else _listed(value)
        return Row(kw=dict(zip(names, parts))) if parts is not None and len(parts) == len(names) else None

    return _cases(map(row, values))


def _rows(named: bool) -> Callable[[Run, Args, Place], Value]:
    """absl's `parameters(*rows)`, with a name in front of each row where they are named."""

    def rows(run: Run, args: Args, place: Place) -> Value:
        given = tuple(args.pos)
        if len(given) == 1 and isinstance(given[0], ListValue):
            given = tuple(given[0].items)
        return _cases(_row(value, named) for value in given)

    return rows


def _row(value: Value, named: bool) -> Row:
    if isinstance(value, DictValue):
        return Row(kw={name: item for name, item in value.items.items() if name != "testcase_name"})
    parts = _listed(value)
    return Row([value] if parts is None else list(parts[1:] if named else parts))


def _product(run: Run, args: Args, place: Place) -> Value:
    columns = [(name, _listed(value)) for name, value in args.kw.items()]
    if args.pos or not all(values for _, values in columns):
        return Unknown("test cases")
    names = [name for name, _ in columns]
    return _cases(Row(kw=dict(zip(names, values))) for values in product(*(values or () for _, values in columns)))


def _expand(run: Run, args: Args, place: Place) -> Value:
    return _cases(_row(value, False) for value in _listed(args.pos[0]) or ()) if args.pos else Unknown("test cases")


FUNCTIONS: dict[str, Callable[[Run, Args, Place], Value]] = {
    "pytest.mark.parametrize": _parametrize,
    "pytest.param": lambda run, args, place: Param(args.pos),
    "absl.testing.parameterized.named_parameters": _rows(True),
    "absl.testing.parameterized.parameters": _rows(False),
    "absl.testing.parameterized.product": _product,
    "parameterized.parameterized.expand": _expand,
}


def each(cases: Cases | None, place: Place, complete: Callable[[], bool]) -> Iterator[Args]:
    """The arguments to call a test with: rows of its cases until all in it was built, then those that nobody gives."""
    for row in cases.rows if cases is not None else ():
        yield row.arguments(place)
        if complete():
            return
    yield Args()
