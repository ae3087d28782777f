"""Objects that only hold options: what a parser of command lines makes of its defaults, dictionaries with attributes.

The default of a command-line option is what a script runs with when nobody says otherwise: it counts as the default of
a parameter does. An option that must be given is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from actinit_lint.follow.calls import instantiate
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import Args, ClassValue, DictValue, External, ListValue, Obj, Unknown, Value
from actinit_lint.model import Place

#: Flags of objects: one that holds options, one whose other options are not known, one that parses command lines.
OPTIONS, OPEN, PARSER = "options", "open options", "parser"


def holds_options(value: Value) -> TypeGuard[Obj]:
    return isinstance(value, Obj) and OPTIONS in value.flags


def as_dict(owner: Obj) -> DictValue:
    """The options by name: `vars(args)`, `**config`."""
    return DictValue(dict(owner.attrs), open_=OPEN in owner.flags)


def missing(owner: Obj, name: str) -> Value:
    """An attribute that the object was not seen to get."""
    return Unknown(f"option {name} is not known", symbol=f"{name} of options {owner.number}")


def _options(run: Run, values: dict[str, Value], place: Place, open_: bool) -> Obj:
    obj = Obj(None, None, values, place, run.next())
    obj.flags.add(OPTIONS)
    if open_:
        obj.flags.add(OPEN)
    return obj


def _namespace(run: Run, args: Args, place: Place) -> Value:
    """`SimpleNamespace(width=3)`."""
    return _options(run, dict(args.kw), place, args.open or bool(args.pos))


def _with_attributes(run: Run, args: Args, place: Place) -> Value:
    """`EasyDict({...})`: a dictionary whose entries are attributes too, all the way down."""

    def change(value: Value) -> Value:
        if isinstance(value, DictValue) and all(isinstance(key, str) for key in value.items):
            return _options(run, {key: change(v) for key, v in value.items.items()}, place, value.open)
        return value

    source = args.pos[0] if args.pos else DictValue({})
    if not isinstance(source, DictValue):
        return Unknown("options from elsewhere")
    whole = DictValue({**source.items, **args.kw}, open_=source.open or args.open or len(args.pos) > 1)
    return change(whole)


#: Methods of dictionaries that are still there, beside attributes of other names.
METHODS = frozenset({"get", "items", "keys", "values", "update", "copy", "to_dict", "toDict"})


def on_options(run: Run, owner: Obj, name: str, args: Args, place: Place) -> Value:
    from actinit_lint.follow.collection_methods import on_dict

    if name == "update":
        for source in (*args.pos, DictValue(dict(args.kw))):
            if isinstance(source, DictValue):
                for key, value in source.items.items():
                    run.store(owner.attrs, key, value)
            else:
                owner.flags.add(OPEN)
        return None
    if name == "copy":
        return _options(run, dict(owner.attrs), place, OPEN in owner.flags)
    if name in ("to_dict", "toDict"):
        return as_dict(owner)
    return on_dict(run, as_dict(owner), name, args, place)


# Command lines ------------------------------------------------------------------------------------


def _parser(run: Run, args: Args, place: Place) -> Value:
    obj = Obj(None, None, {}, place, run.next())
    obj.flags.add(PARSER)
    if args.kw.get("parents") is not None:
        obj.flags.add(OPEN)
    obj.state["classes"] = args.pos[0] if args.pos else None  # of HfArgumentParser
    return obj


def on_parser(run: Run, owner: Obj, name: str, args: Args, place: Place) -> Value:
    """A method of a parser. Groups of options are the parser itself."""
    if name == "add_argument":
        _add(run, owner, args, place)
        return None
    if name in ("add_argument_group", "add_mutually_exclusive_group"):
        return owner
    if name == "set_defaults":
        for key, value in args.kw.items():
            run.store(owner.attrs, key, value)
        return None
    if name == "get_default" and args.pos and isinstance(args.pos[0], str):
        return owner.attrs.get(args.pos[0])
    if name in ("parse_args", "parse_known_args"):
        run.session.confidence = "medium"
        line = args.pos[0] if args.pos else args.kw.get("args")
        values = {key: _given(key, value, line) for key, value in owner.attrs.items()}
        parsed = _options(run, values, place, OPEN in owner.flags or "namespace" in args.kw)
        return parsed if name == "parse_args" else (parsed, ListValue([], "list", True))
    if name == "parse_args_into_dataclasses":
        return _dataclasses(run, owner, place)
    owner.flags.add(OPEN)  # subparsers, options from a file
    return Unknown(f"method {name} of a parser")


def _add(run: Run, owner: Obj, args: Args, place: Place) -> None:
    names = [name for name in args.pos if isinstance(name, str)]
    longest = next((name for name in names if name.startswith("--")), names[0] if names else None)
    target = args.kw.get("dest")
    if not isinstance(target, str):
        if longest is None:
            owner.flags.add(OPEN)
            return
        target = longest.lstrip("-").replace("-", "_")
    run.store(owner.attrs, target, _default(run, args, target, place))


def _default(run: Run, args: Args, name: str, place: Place) -> Value:
    """What an option is when the command line does not mention it.

    A flag, and an option without a default, are there to be given: what hangs on them may well run.
    """
    unknown = Unknown(f"option {name} has no default", place, f"option {name}#{run.next()}")
    if "default" in args.kw:
        value = args.kw["default"]
        kind = args.kw.get("type")
        if isinstance(value, str) and isinstance(kind, External) and kind.name in NUMBERS:
            try:
                return NUMBERS[kind.name](value)
            except ValueError:
                return unknown
        return unknown if value is None or isinstance(value, bool) else value
    return unknown


NUMBERS: dict[str, Callable[[str], Value]] = {"builtins.int": int, "builtins.float": float}


def _given(name: str, default: Value, line: Value) -> Value:
    """An option of a command line that the code spells out has the value that stands there."""
    if line is None or (isinstance(line, ListValue) and not line.items and not line.open):
        return default
    words = line.items if isinstance(line, ListValue) and not line.open else None
    if words is None or not all(isinstance(word, str) for word in words):
        return Unknown(f"option {name} comes from a list of words")
    mentioned = any(word.split("=")[0].lstrip("-").replace("-", "_") == name for word in words)
    return Unknown(f"option {name} comes from a list of words") if mentioned else default


def _dataclasses(run: Run, owner: Obj, place: Place) -> Value:
    """`HfArgumentParser((ModelArguments, TrainingArguments)).parse_args_into_dataclasses()`: each with its defaults."""
    classes = owner.state["classes"]
    run.session.confidence = "medium"
    kinds = classes if isinstance(classes, tuple) else classes.items if isinstance(classes, ListValue) else [classes]
    return tuple(
        instantiate(run, kind, Args(), place) if isinstance(kind, ClassValue) else Unknown("options of a library")
        for kind in kinds
    )


FUNCTIONS: dict[str, Callable[[Run, Args, Place], Value]] = {
    "argparse.ArgumentParser": _parser,
    "transformers.HfArgumentParser": _parser,
    "argparse.Namespace": _namespace,
    "types.SimpleNamespace": _namespace,
    **dict.fromkeys(
        ("easydict.EasyDict", "addict.Dict", "box.Box", "munch.Munch", "munch.munchify", "dotmap.DotMap",
         "attrdict.AttrDict", "omegaconf.OmegaConf.create", "ml_collections.ConfigDict",
         "ml_collections.config_dict.ConfigDict", "mmengine.Config", "mmengine.config.Config",
         "mmengine.ConfigDict", "mmengine.config.ConfigDict", "mmcv.Config", "mmcv.ConfigDict"),
        _with_attributes,
    ),
}  # fmt: skip
