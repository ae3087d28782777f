"""Python's own functions and methods, as far as model code leans on them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from actinit_lint.follow import operators
from actinit_lint.follow.attributes import get_attribute, has_attribute, kind_name, set_attribute
from actinit_lint.follow.fans import as_float, computed, is_made_of_sizes, is_size, square_root
from actinit_lint.follow.iteration import MOST_ELEMENTS, Range, drop_absent, iterate
from actinit_lint.follow.namespaces import as_dict, holds_options
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    ABSENT,
    CHOSEN,
    Args,
    ClassValue,
    DictValue,
    External,
    Flow,
    Func,
    ListValue,
    Obj,
    OneOf,
    Parameter,
    Partial,
    Tensor,
    Unknown,
    Value,
    View,
    class_names,
    is_number,
    options,
)
from actinit_lint.model import Place

Handler = Callable[[Run, Args, Place], Value]


def _first(args: Args) -> Value:
    return args.pos[0] if args.pos else Unknown("missing argument")


def _range(run: Run, args: Args, place: Place) -> Value:
    if args.pos and all(isinstance(v, int) for v in args.pos) and len(args.pos) <= 3:
        try:
            return Range(range(*args.pos))
        except ValueError:
            return Range(None)
    return Range(None)


def length(value: Value) -> Value:
    if isinstance(value, (str, tuple)):
        return len(value)
    if isinstance(value, ListValue) and not value.open:
        return len(value.items) if not any(_may_be_absent(i) for i in value.items) else Unknown("length of a list")
    if isinstance(value, DictValue) and not value.open:
        return len(value.items)
    if isinstance(value, Range) and value.values is not None:
        return len(value.values)
    if isinstance(value, Obj) and value.items is not None:
        return length(value.items)
    if isinstance(value, Parameter) and value.shape:
        return value.shape[0] if value.shape[0] is not None else Unknown("size of a tensor")
    return Unknown("length of an unknown value")


def _may_be_absent(value: Value) -> bool:
    return isinstance(value, OneOf) and any(o is ABSENT for o in value.options)


def _zip(run: Run, args: Args, place: Place) -> Value:
    lists = [iterate(run, value, place) for value in args.pos]
    if not lists:
        return ListValue([])
    exact = all(e for _, e in lists)
    known = [len(elements) for elements, e in lists if e]
    count = min(known) if known else min(len(elements) for elements, _ in lists)
    columns = []
    for elements, e in lists:
        if not e and len(elements) == 1:  # one element standing for many
            elements = elements * count
        columns.append(elements)
    return ListValue([tuple(c) for c in zip(*columns)], "list", not exact and not known)


def _enumerate(run: Run, args: Args, place: Place) -> Value:
    elements, exact = iterate(run, _first(args), place)
    start = args.kw.get("start", args.pos[1] if len(args.pos) > 1 else 0)
    if not exact or not isinstance(start, int):
        return ListValue([(Unknown("index in a loop of unknown length"), e) for e in elements], "list", not exact)
    return ListValue([(start + i, e) for i, e in enumerate(elements)])


def isinstance_of(value: Value, kinds: Value) -> bool | None:
    """The answer of `isinstance`; None when it is not known."""
    if isinstance(kinds, ListValue):
        kinds = tuple(kinds.items)
    if isinstance(kinds, tuple):
        answers = [isinstance_of(value, k) for k in kinds]
        return True if True in answers else (None if None in answers else False)
    if isinstance(value, OneOf):
        found = {isinstance_of(option, kinds) for option in value.options if option is not ABSENT}
        return found.pop() if len(found) == 1 else None
    if isinstance(kinds, OneOf):
        names = class_names(kinds)
        if names is not None and isinstance(value, Obj) and value.state.get(CHOSEN) == names:
            return True  # `conv = CONVS[dim]` once more: the same choice
        answers = [isinstance_of(value, kind) for kind in kinds.options]
        return answers[0] if len(set(answers)) == 1 else None
    if isinstance(kinds, Unknown) or isinstance(value, Unknown):
        return None
    if isinstance(kinds, External):
        return _is_external(value, kinds.name)
    if isinstance(kinds, ClassValue):
        if isinstance(value, Obj):
            if value.cls is None:
                return False
            return any(c is kinds for c in value.cls.lineage()) or (None if value.cls.has_unknown_base else False)
        return None if isinstance(value, Flow) else False
    return None


#: Abstract bases of torch and Keras, with the names that descend from them.
ABSTRACT: dict[str, Callable[[Any], bool]] = {
    "torch.nn._ConvNd": lambda k: k.name.startswith(("Conv", "LazyConv")) and k.framework == "torch",
    "torch.nn._ConvTransposeNd": lambda k: k.name.startswith("ConvTranspose") and k.framework == "torch",
    "torch.nn._BatchNorm": lambda k: k.norm == "batch" and k.framework == "torch",
    "torch.nn._NormBase": lambda k: k.norm in ("batch", "instance") and k.framework == "torch",
    "torch.nn._InstanceNorm": lambda k: k.norm == "instance" and k.framework == "torch",
    "torch.nn.RNNBase": lambda k: k.role == "recurrent" and "Cell" not in k.name,
    "torch.nn.RNNCellBase": lambda k: k.role == "recurrent" and "Cell" in k.name,
    "torch.nn.Module": lambda k: k.framework == "torch",
    "keras.layers.Layer": lambda k: k.framework == "keras",
    "keras.Model": lambda k: k.name in ("Model", "Sequential", "Functional"),
}
PRIVATE = {"_ConvNd", "_ConvTransposeNd", "_BatchNorm", "_NormBase", "_InstanceNorm", "RNNBase", "RNNCellBase"}
BUILTIN_TYPES: dict[str, Callable[[Value], bool]] = {
    "int": lambda v: isinstance(v, int),
    "float": lambda v: isinstance(v, float),
    "str": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "list": lambda v: isinstance(v, ListValue) and v.kind == "list",
    "set": lambda v: isinstance(v, ListValue) and v.kind == "set",
    "tuple": lambda v: isinstance(v, tuple),
    "dict": lambda v: isinstance(v, DictValue),
    "type": lambda v: isinstance(v, (ClassValue, External)),
}


def _is_external(value: Value, name: str) -> bool | None:
    last = name.rsplit(".", 1)[-1]
    if name.startswith("builtins.") and last in BUILTIN_TYPES:
        if isinstance(value, (Flow, External)):
            return None if last == "type" else False
        return BUILTIN_TYPES[last](value)
    if name.startswith(("collections.abc.", "typing.")):
        if last in ("Iterable", "Sequence", "List", "Tuple", "Collection"):
            return (
                isinstance(value, (tuple, ListValue, str))
                if last != "Iterable"
                else isinstance(value, (tuple, ListValue, str, DictValue))
            )
        if last in ("Mapping", "Dict", "MutableMapping", "OrderedDict"):
            return isinstance(value, DictValue)
        if last == "Callable":
            return not isinstance(value, (str, int, float, tuple, ListValue, DictValue, type(None)))
        return None
    if last in ("Tensor", "Variable") and name.startswith("torch."):
        return isinstance(value, (Flow, Tensor, Parameter, View))
    if last == "Parameter":
        return isinstance(value, (Parameter,))
    if name == "functools.partial":
        return isinstance(value, Partial)
    if name == "types.FunctionType":
        return None if isinstance(value, (Flow, External)) else isinstance(value, Func)
    if not isinstance(value, Obj):
        if isinstance(value, (Flow, External)):
            return None
        return False
    if value.kind is None:
        return False if value.cls is None or not (value.cls.externals() or value.cls.has_unknown_base) else None
    own = kind_name(value)
    if own == name:
        return True
    if last in PRIVATE and name.startswith("torch.nn"):
        return ABSTRACT[f"torch.nn.{last}"](value.kind)
    if name in ABSTRACT:
        return ABSTRACT[name](value.kind)
    if value.cls is not None:
        externals = value.cls.externals()
        if name in externals:
            return True
        if value.cls.has_unknown_base:
            return None
    if name == "torch.nn.Linear" and value.kind.name == "NonDynamicallyQuantizableLinear":
        return True
    return False


def note_test(run: Run, value: Value, place: Place) -> None:
    """Remember that code asks for the kind of a layer: an init routine that picks kinds may leave some out."""
    if isinstance(value, Obj) and value.kind is not None and value.kind.role in ("layer", "recurrent") and run.sweeping:
        run.session.tests.append((value, place, run.sweeps[-1]))


def _isinstance(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) < 2:
        return Unknown("isinstance")
    note_test(run, args.pos[0], place)
    answer = isinstance_of(args.pos[0], args.pos[1])
    return Unknown("isinstance of an unknown value") if answer is None else answer


def type_of(value: Value) -> Value:
    if isinstance(value, Obj):
        return value.cls if value.cls is not None else External(kind_name(value))
    if isinstance(value, bool):
        return External("builtins.bool")
    for kind, name in ((int, "int"), (float, "float"), (str, "str"), (tuple, "tuple"), (DictValue, "dict")):
        if isinstance(value, kind):
            return External(f"builtins.{name}")
    if isinstance(value, ListValue):
        return External(f"builtins.{value.kind}")
    if isinstance(value, Parameter):
        return External("torch.nn.Parameter")
    return Unknown("type of an unknown value")


def _type(run: Run, args: Args, place: Place) -> Value:
    note_test(run, _first(args), place)
    return type_of(_first(args)) if len(args.pos) == 1 else Unknown("a class made at run time")


def _issubclass(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) == 2 and isinstance(args.pos[0], ClassValue):
        wanted = args.pos[1]
        names = args.pos[0].externals()
        if isinstance(wanted, ClassValue):
            return any(c is wanted for c in args.pos[0].lineage())
        if isinstance(wanted, External):
            return wanted.name in names or Unknown("issubclass")
    if len(args.pos) == 2 and isinstance(args.pos[0], External) and isinstance(args.pos[1], External):
        return args.pos[0].name == args.pos[1].name or Unknown("issubclass")
    return Unknown("issubclass of an unknown value")


def _getattr(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) < 2 or not isinstance(args.pos[1], str):
        return Unknown("getattr with an unknown name")
    owner, name = args.pos[0], args.pos[1]
    if len(args.pos) > 2:
        known = has_attribute(run, owner, name)
        if known is False:
            return args.pos[2]
        if known is None and not isinstance(owner, (External, Unknown)):
            return Unknown(f"attribute {name} that may not exist")
        if isinstance(owner, Unknown):
            return run.join([Unknown(f"attribute {name} of an unknown value"), args.pos[2]])
    value = owner
    for part in name.split(".") if isinstance(owner, (External,)) else [name]:
        value = get_attribute(run, value, part, place)
    return value


def _setattr(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) == 3 and isinstance(args.pos[1], str):
        set_attribute(run, args.pos[0], args.pos[1], args.pos[2], place)
    elif len(args.pos) == 3 and isinstance(args.pos[0], Obj):
        run.note("setattr with an unknown name", place)
    return None


def _vars(run: Run, args: Args, place: Place) -> Value:
    owner = _first(args) if args.pos else None
    return as_dict(owner) if holds_options(owner) else Unknown("vars")


def _hasattr(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) == 2 and isinstance(args.pos[1], str):
        answers = {has_attribute(run, option, args.pos[1]) for option in options(args.pos[0])}
        if len(answers) == 1:
            answer = answers.pop()
            if answer is not None:
                return answer
    return Unknown("hasattr of an unknown value")


def _list(kind: str) -> Handler:
    def make(run: Run, args: Args, place: Place) -> Value:
        if not args.pos:
            return () if kind == "tuple" else ListValue([], kind)
        if isinstance(args.pos[0], ListValue):  # elements that may be absent stay so
            source = args.pos[0]
            if kind != "tuple" or source.open or any(_may_be_absent(i) for i in source.items):
                return ListValue(list(source.items), "list" if kind == "tuple" else kind, source.open)
        elements, exact = iterate(run, args.pos[0], place)
        if kind == "tuple" and exact:
            return tuple(elements)
        if not exact and isinstance(args.pos[0], (Unknown, Flow)) and kind == "tuple":
            return Unknown("a tuple of unknown length")
        return ListValue(list(elements), "list" if kind == "tuple" else kind, not exact)

    return make


def make_dict(run: Run, args: Args, place: Place) -> Value:
    result = DictValue({})
    if args.pos:
        source = args.pos[0]
        if isinstance(source, DictValue):
            result = DictValue(dict(source.items), dict(source.places), source.open)
        elif isinstance(source, (ListValue, tuple)):
            for item in source.items if isinstance(source, ListValue) else source:
                if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], (str, int)):
                    result.items[item[0]] = item[1]
                else:
                    result.open = True
            if isinstance(source, ListValue) and source.open:
                result.open = True
        else:
            result.open = True
    for name, value in args.kw.items():
        result.items[name] = value
        result.places[name] = args.kw_places[name]
    result.open = result.open or args.open
    return result


def _numeric(function: Callable[..., Any]) -> Handler:
    def compute(run: Run, args: Args, place: Place) -> Value:
        values = [drop_absent(v) for v in args.pos]
        if len(values) == 1 and isinstance(values[0], (tuple, ListValue)):
            elements, exact = iterate(run, values[0], place)
            if not exact:
                return Unknown("numbers of unknown count")
            values = [elements]
            flat = elements
        else:
            flat = values
        if flat and all(isinstance(v, (int, float, str)) for v in flat):
            try:
                result = function(*values)
            except (TypeError, ValueError, OverflowError, ZeroDivisionError):
                return Unknown("a number that cannot be computed")
            return result if isinstance(result, (int, float, str, bool)) else Unknown("a number")
        for value in values:
            if isinstance(value, OneOf):
                rest = Args()
                results = []
                for option in value.options:
                    rest.pos = [option if v is value else v for v in values]
                    rest.pos_places = [place] * len(rest.pos)
                    results.append(compute(run, rest, place))
                return run.join(results)
        return Unknown("a number computed from unknown values")

    return compute


def _sqrt(run: Run, args: Args, place: Place) -> Value:
    value = drop_absent(_first(args))
    if is_made_of_sizes(value):
        return square_root(value)
    return computed(_numeric(math.sqrt)(run, args, place))


def _sum(run: Run, args: Args, place: Place) -> Value:
    elements, exact = iterate(run, _first(args), place)
    if not exact or not elements:
        flows = [e for e in elements if isinstance(e, Flow)]
        return flows[0] if flows else Unknown("sum of unknown numbers")
    start = args.pos[1] if len(args.pos) > 1 else None
    total = elements[0] if start is None or start == 0 else operators.binary(run, "+", start, elements[0], place)
    for element in elements[1:]:
        total = operators.binary(run, "+", total, element, place)
    return total


def _convert(kind: type) -> Handler:
    def convert(run: Run, args: Args, place: Place) -> Value:
        if not args.pos:
            return kind()
        value = args.pos[0]
        if kind is float and is_size(value):
            return as_float(value)
        if isinstance(value, (int, float, str, bool)):
            try:
                return kind(value)
            except (ValueError, OverflowError):
                return Unknown("a number that cannot be read")
        if isinstance(value, OneOf):
            finite = [o for o in value.options if isinstance(o, (int, float)) and math.isfinite(o)]
            rest = [] if len(finite) == len(value.options) else [Unknown("a number")]
            return run.join([*(kind(o) for o in finite), *rest])
        if kind is bool:
            decided = operators.truth(value)
            return Unknown("undecided condition") if decided is None else decided
        return Unknown("conversion of an unknown value")

    return convert


def _str(run: Run, args: Args, place: Place) -> Value:
    value = _first(args) if args.pos else ""
    if isinstance(value, (str, int, float, bool, type(None))):
        return str(value)
    return Unknown("text of an unknown value")


def _reversed(run: Run, args: Args, place: Place) -> Value:
    elements, exact = iterate(run, _first(args), place)
    return ListValue(list(reversed(elements)), "list", not exact)


def _sorted(run: Run, args: Args, place: Place) -> Value:
    elements, exact = iterate(run, _first(args), place)
    if exact and not args.kw and all(is_number(e) for e in elements):
        return ListValue(sorted(elements))
    return ListValue(list(elements), "list", not exact)


def _map(run: Run, args: Args, place: Place) -> Value:
    from actinit_lint.follow.calls import call

    if len(args.pos) < 2:
        return Unknown("map")
    rows = _zip(run, _tail(args, 1), place)
    out = []
    for row in rows.items:
        step = Args()
        for value in row:
            step.add(value, place)
        out.append(call(run, args.pos[0], step, place))
    return ListValue(out, "list", rows.open)


def _tail(args: Args, start: int) -> Args:
    out = Args()
    out.pos, out.pos_places = args.pos[start:], args.pos_places[start:]
    return out


def _filter(run: Run, args: Args, place: Place) -> Value:
    from actinit_lint.follow.calls import call

    if len(args.pos) < 2:
        return Unknown("filter")
    elements, exact = iterate(run, args.pos[1], place)
    out = []
    for element in elements:
        step = Args()
        step.add(element, place)
        verdict = operators.truth(element if args.pos[0] is None else call(run, args.pos[0], step, place))
        if verdict is None:
            exact = False
        if verdict is not False:
            out.append(element)
    return ListValue(out, "list", not exact)


def _all(want: bool) -> Handler:
    def decide(run: Run, args: Args, place: Place) -> Value:
        elements, exact = iterate(run, _first(args), place)
        answers = [operators.truth(e) for e in elements]
        if any(a is (not want) for a in answers):
            return not want
        return want if exact and None not in answers else Unknown("undecided condition")

    return decide


def _next(run: Run, args: Args, place: Place) -> Value:
    elements, _ = iterate(run, _first(args), place)
    return elements[0] if elements else Unknown("element of an iterator")


def _same(run: Run, args: Args, place: Place) -> Value:
    return _first(args)


def _none(run: Run, args: Args, place: Place) -> Value:
    return None


def _callable(run: Run, args: Args, place: Place) -> Value:
    value = _first(args)
    if isinstance(value, (str, int, float, tuple, ListValue, DictValue, type(None))):
        return False
    return True if isinstance(value, (Func, ClassValue, External)) else Unknown("callable")


def _len(run: Run, args: Args, place: Place) -> Value:
    return length(_first(args))


def _prod(run: Run, args: Args, place: Place) -> Value:
    elements, exact = iterate(run, _first(args), place)
    if exact and all(is_number(e) for e in elements):
        return math.prod(elements)
    return Unknown("product of unknown numbers")


def _repeat(run: Run, args: Args, place: Place) -> Value:
    if len(args.pos) == 2 and isinstance(args.pos[1], int) and args.pos[1] <= MOST_ELEMENTS:
        return ListValue([args.pos[0]] * args.pos[1])
    return ListValue([_first(args)], "list", True)


def _chain(run: Run, args: Args, place: Place) -> Value:
    out: list[Value] = []
    open_ = False
    for value in args.pos:
        elements, exact = iterate(run, value, place)
        out.extend(elements)
        open_ = open_ or not exact
    return ListValue(out, "list", open_)


def _pairwise(run: Run, args: Args, place: Place) -> Value:
    elements, exact = iterate(run, _first(args), place)
    if not exact and len(elements) == 1:
        return ListValue([(elements[0], elements[0])], "list", True)
    return ListValue(list(itertools.pairwise(elements)), "list", not exact)


BUILTINS: dict[str, Handler] = {
    "range": _range,
    "len": _len,
    "zip": _zip,
    "enumerate": _enumerate,
    "isinstance": _isinstance,
    "issubclass": _issubclass,
    "type": _type,
    "getattr": _getattr,
    "setattr": _setattr,
    "hasattr": _hasattr,
    "list": _list("list"),
    "set": _list("set"),
    "frozenset": _list("set"),
    "tuple": _list("tuple"),
    "dict": make_dict,
    "int": _convert(int),
    "float": _convert(float),
    "bool": _convert(bool),
    "str": _str,
    "repr": _str,
    "min": _numeric(min),
    "max": _numeric(max),
    "abs": _numeric(abs),
    "round": _numeric(round),
    "pow": _numeric(pow),
    "divmod": _none,
    "sum": _sum,
    "reversed": _reversed,
    "sorted": _sorted,
    "map": _map,
    "filter": _filter,
    "all": _all(True),
    "any": _all(False),
    "next": _next,
    "iter": _same,
    "print": _none,
    "callable": _callable,
    "super": _none,
    "property": _same,
    "staticmethod": _same,
    "classmethod": _same,
    "object": _none,
    "id": lambda run, args, place: Unknown("id"),
    "vars": _vars,
    "open": lambda run, args, place: Unknown("a file"),
    "hash": lambda run, args, place: Unknown("hash"),
    "input": lambda run, args, place: Unknown("input"),
    "Exception": lambda run, args, place: Unknown("exception"),
    "ValueError": lambda run, args, place: Unknown("exception"),
    "TypeError": lambda run, args, place: Unknown("exception"),
    "NotImplementedError": lambda run, args, place: Unknown("exception"),
    "slice": lambda run, args, place: Unknown("slice"),
}
#: Functions of the standard library by canonical name.
STANDARD: dict[str, Handler] = {
    "math.sqrt": _sqrt,
    "math.log": _numeric(math.log),
    "math.log2": _numeric(math.log2),
    "math.log10": _numeric(math.log10),
    "math.erf": _numeric(math.erf),
    "math.erfc": _numeric(math.erfc),
    "math.exp": _numeric(math.exp),
    "math.pow": _numeric(math.pow),
    "math.ceil": _numeric(math.ceil),
    "math.floor": _numeric(math.floor),
    "math.prod": _prod,
    "numpy.prod": _prod,
    "numpy.sqrt": _sqrt,
    "numpy.log": _numeric(math.log),
    "numpy.log2": _numeric(math.log2),
    "numpy.exp": _numeric(math.exp),
    "numpy.power": _numeric(pow),
    "numpy.ceil": _numeric(math.ceil),
    "numpy.floor": _numeric(math.floor),
    "numpy.abs": _numeric(abs),
    "numpy.maximum": _numeric(max),
    "numpy.minimum": _numeric(min),
    "itertools.repeat": _repeat,
    "itertools.chain": _chain,
    "itertools.pairwise": _pairwise,
    "itertools.chain.from_iterable": lambda run, args, place: _chain(run, _spread_first(run, args, place), place),
    "collections.OrderedDict": make_dict,
    "collections.defaultdict": lambda run, args, place: DictValue({}, open_=True),
    "copy.copy": _same,
    "typing.cast": lambda run, args, place: args.pos[1] if len(args.pos) > 1 else Unknown("cast"),
    "tqdm.tqdm": _same,
    "tqdm.auto.tqdm": _same,
    "tqdm.trange": _range,
    "os.environ.get": lambda run, args, place: Unknown("an environment variable"),
}


def _spread_first(run: Run, args: Args, place: Place) -> Args:
    out = Args()
    elements, _ = iterate(run, _first(args), place)
    for element in elements:
        out.add(element, place)
    return out
