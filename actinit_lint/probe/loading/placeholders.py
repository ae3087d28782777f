"""Globals that only dropped code sets: objects that say so when they are used."""

from __future__ import annotations

import os
from typing import Any, NoReturn


class Unset(RuntimeError):
    """A placeholder was used; `name`, `path` and `line` say which and where the code would have set it.

    `reason` is what went wrong there, None when the statement was never run.
    """

    def __init__(self, name: str, path: str, line: int, reason: str | None = None) -> None:
        where = f" at {os.path.basename(path)}:{line}" if line else ""
        if reason is None:
            super().__init__(f"{name} is set by top-level code{where}, which the probe does not run")
        else:
            super().__init__(f"{name} could not be set{where}: {reason}")
        self.name, self.path, self.line, self.reason = name, path, line, reason


class Placeholder:
    """Stands for a global's value; every use of it raises `Unset`."""

    __slots__ = ("_place",)

    def __init__(self, name: str, path: str, line: int, reason: str | None = None) -> None:
        object.__setattr__(self, "_place", (name, path, line, reason))

    def __repr__(self) -> str:
        return f"<unset {object.__getattribute__(self, '_place')[0]}>"


def _use(self: Placeholder, *_: Any, **__: Any) -> NoReturn:
    raise unset(self)


def unset(placeholder: Placeholder) -> Unset:
    """The error that using it raises."""
    return Unset(*object.__getattribute__(placeholder, "_place"))


def _get(self: Placeholder, name: str) -> NoReturn:
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(name)  # what the interpreter and the framework look up to see what this is
    _use(self)


_OPERATIONS = (
    *("call", "getitem", "setitem", "delitem", "len", "iter", "next", "contains", "bool", "int", "float", "complex"),
    *("index", "enter", "exit", "neg", "pos", "abs", "invert", "round", "lt", "le", "gt", "ge", "eq", "ne", "format"),
    *(
        f"{side}{name}"
        for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
        for side in ("", "r", "i")
    ),
)
for _operation in _OPERATIONS:
    setattr(Placeholder, f"__{_operation}__", _use)
Placeholder.__getattr__ = _get  # type: ignore[attr-defined]
Placeholder.__hash__ = object.__hash__  # type: ignore[method-assign]
