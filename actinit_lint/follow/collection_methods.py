"""Methods of lists, dictionaries, texts and tuples."""

from __future__ import annotations

from typing import Any

from actinit_lint.follow.iteration import drop_absent, iterate
from actinit_lint.follow.keys import key_of
from actinit_lint.follow.state import MISSING, Run
from actinit_lint.follow.values import (
    Args,
    DictValue,
    ListValue,
    Tensor,
    Unknown,
    Value,
    dim,
)
from actinit_lint.model import Place


def on_list(run: Run, owner: ListValue, name: str, args: Args, place: Place) -> Value:
    value = args.pos[0] if args.pos else None
    if name in ("append", "add"):
        run.assign(owner, "items", [*owner.items, value])
        if run.repeat:
            pass
        return None
    if name in ("extend", "update"):
        elements, exact = iterate(run, value, place)
        run.assign(owner, "items", [*owner.items, *elements])
        if not exact:
            run.assign(owner, "open", True)
        return None
    if name == "insert" and len(args.pos) == 2 and isinstance(value, int):
        items = list(owner.items)
        items.insert(value, args.pos[1])
        run.assign(owner, "items", items)
        return None
    if name == "pop":
        index = value if isinstance(value, int) else -1
        if owner.items and -len(owner.items) <= index < len(owner.items):
            items = list(owner.items)
            item = items.pop(index)
            run.assign(owner, "items", items)
            return item
        return Unknown("an element of a list")
    if name == "reverse":
        run.assign(owner, "items", list(reversed(owner.items)))
        return None
    if name == "copy":
        return ListValue(list(owner.items), owner.kind, owner.open)
    if name == "index":
        from actinit_lint.follow.operators import compare

        for position, item in enumerate(owner.items):
            if compare("==", item, value) is True:
                return position
        return Unknown("index in a list")
    if name == "count":
        return Unknown("count in a list")
    if name in ("sort", "clear", "remove", "discard"):
        if name == "clear":
            run.assign(owner, "items", [])
        return None
    if name in ("union", "intersection", "difference"):
        return ListValue(list(owner.items), owner.kind, True)
    return Unknown(f"method {name} of a list")


def on_dict(run: Run, owner: DictValue, name: str, args: Args, place: Place) -> Value:
    if owner.state and any(isinstance(value, Tensor) for value in owner.items.values()):
        run.assign(owner, "state", False)  # what was put into it is read again
    if name == "items":
        return ListValue(list(owner.items.items()), "list", owner.open)
    if name == "keys":
        return ListValue(list(owner.items), "list", owner.open)
    if name == "values":
        return ListValue(list(owner.items.values()), "list", owner.open)
    if name in ("get", "pop", "setdefault"):
        key = key_of(args.pos[0] if args.pos else None)
        default = args.pos[1] if len(args.pos) > 1 else args.kw.get("default")
        if key is not MISSING:
            if key in owner.items:
                value = drop_absent(owner.items[key])
                if value is not owner.items[key] and name != "setdefault":
                    value = run.join([value, default])
                if name == "pop":
                    run.remove(owner.items, key)
                return value
            if owner.open:
                return run.join([Unknown("an item of a dictionary"), default])
            if name == "setdefault":
                run.store(owner.items, key, default)
            return default
        return Unknown("item with an unknown key")
    if name == "update":
        for source in (*args.pos, DictValue(dict(args.kw), dict(args.kw_places))):
            if isinstance(source, DictValue):
                for key, value in source.items.items():
                    run.store(owner.items, key, value)
                    if key in source.places:
                        owner.places[key] = source.places[key]
                if source.open:
                    run.assign(owner, "open", True)
            elif isinstance(source, (ListValue, tuple)):
                for item in source.items if isinstance(source, ListValue) else source:
                    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], (str, int)):
                        run.store(owner.items, item[0], item[1])
                    else:
                        run.assign(owner, "open", True)
            else:
                run.assign(owner, "open", True)
        return None
    if name == "copy":
        return DictValue(dict(owner.items), dict(owner.places), owner.open)
    if name == "move_to_end":
        return None
    return Unknown(f"method {name} of a dictionary")


#: Methods of str that are safe to run on known texts.
TEXT = frozenset(
    [
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "startswith",
        "endswith",
        "split",
        "rsplit",
        "replace",
        "find",
        "rfind",
        "index",
        "count",
        "join",
        "format",
        "title",
        "capitalize",
        "isdigit",
        "isalpha",
        "removeprefix",
        "removesuffix",
        "partition",
        "rpartition",
        "splitlines",
        "zfill",
        "isidentifier",
    ]
)


LONGEST = 10_000  # characters that a padding method may ask for


def on_text(run: Run, owner: str, name: str, args: Args, place: Place) -> Value:
    if name == "join" and args.pos and isinstance(args.pos[0], (ListValue, tuple)):
        items = args.pos[0].items if isinstance(args.pos[0], ListValue) else list(args.pos[0])
        return owner.join(items) if all(isinstance(i, str) for i in items) else Unknown("a text")
    plain = all(isinstance(v, (str, int, float, tuple, type(None))) for v in args.values())
    plain = plain and not any(isinstance(v, int) and v > LONGEST for v in args.values())
    if name in TEXT and plain:
        try:
            result: Any = getattr(owner, name)(*args.pos, **args.kw)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError):
            return Unknown("a text")
        if isinstance(result, list):
            return ListValue(list(result))
        return result
    return Unknown(f"method {name} of a text")


def on_tuple(run: Run, owner: tuple[Value, ...], name: str, args: Args, place: Place) -> Value:
    if name in ("index", "count"):
        return on_list(run, ListValue(list(owner)), name, args, place)
    if name == "numel":
        product = 1
        for value in owner:
            size = dim(value)
            if size is None:
                return Unknown("size of a tensor")
            product *= size
        return product
    return Unknown(f"method {name} of a tuple")
