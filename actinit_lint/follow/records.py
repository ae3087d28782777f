"""Records: dataclasses, named tuples and the output classes of libraries, whose values go by name and by position."""

from __future__ import annotations

from actinit_lint.follow.calls import call
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import (
    Args,
    ClassValue,
    External,
    ListValue,
    Obj,
    Partial,
    Unknown,
    Value,
)
from actinit_lint.model import Place

#: Output classes (transformers/utils/generic.py, diffusers/utils/outputs.py): by position what is not None counts.
OUTPUTS = ("ModelOutput", "BaseOutput")
LIBRARIES = ("transformers", "diffusers")


def has_fields(cls: ClassValue) -> bool:
    """Whether the constructor that the class has, its own or inherited, takes its annotated fields."""
    for c in cls.lineage():
        if isinstance(c, ClassValue):
            if c.dataclass and "__init__" not in c.attrs:
                return True
            if "__init__" in c.attrs:
                return False
    return _is_tuple(cls)


def bind_fields(run: Run, obj: Obj, cls: ClassValue, args: Args, place: Place) -> None:
    """Fields in the order of their annotations, bases first."""
    for index, name in enumerate(_names(cls)):
        if index < len(args.pos):
            obj.attrs[name] = args.pos[index]
        elif name in args.kw:
            obj.attrs[name] = args.kw[name]
        elif args.open:
            obj.attrs[name] = Unknown(f"argument {name} may come from an unknown dictionary")
        else:
            found = cls.find(name)
            default = found[0] if found is not None else Unknown(f"field {name} has no default")
            if isinstance(default, Partial) and isinstance(default.func, External):  # field(default_factory=...)
                default = _default(run, default, place)
            obj.attrs[name] = default


def is_output(cls: ClassValue) -> bool:
    return any(_last(c).endswith(OUTPUTS) for c in cls.lineage())


def library_output(run: Run, name: str, args: Args, place: Place) -> Obj | None:
    """`BaseModelOutput(last_hidden_state=x)` of a library: its values by name and in the order given."""
    head, last = name.split(".", 1)[0], name.rsplit(".", 1)[-1]
    if head not in LIBRARIES or "Output" not in last or args.pos or not args.kw:
        return None
    obj = Obj(None, None, dict(args.kw), place, run.next())
    obj.flags.add("record")
    return obj


def positions(obj: Value) -> list[Value] | None:
    """What indexing with a number, unpacking and iterating see; None for an object that has no positions."""
    if not isinstance(obj, Obj):
        return None
    if "record" in obj.flags:
        return [value for value in obj.attrs.values() if value is not None]
    if obj.cls is None or not has_fields(obj.cls):
        return None
    values = [obj.attrs[name] for name in _names(obj.cls) if name in obj.attrs]
    if is_output(obj.cls):
        return [value for value in values if value is not None]
    return values if _is_tuple(obj.cls) else None


def _names(cls: ClassValue) -> list[str]:
    names: list[str] = []
    for c in reversed(list(cls.lineage())):
        if isinstance(c, ClassValue):
            annotated = c.attrs.get("__annotated__")
            if isinstance(annotated, ListValue):
                names.extend(name for name in annotated.items if name not in names)
    return names


def _is_tuple(cls: ClassValue) -> bool:
    return any(name.endswith("NamedTuple") for name in cls.externals())


def _last(c: object) -> str:
    name: str = getattr(c, "name", "")
    return name.rsplit(".", 1)[-1]


def _default(run: Run, field: Partial, place: Place) -> Value:
    if "default" in field.args.kw:
        return field.args.kw["default"]
    if "default_factory" in field.args.kw:
        return call(run, field.args.kw["default_factory"], Args(), place)
    return Unknown("field without a default")
