"""Argument values that can be made again: a plain value, or one that is built afresh for each model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fresh:
    """A value that must not be shared between two models: `make` builds it, `describe` shows it."""

    make: Callable[[], Any]
    describe: Callable[[], str]


def realise(value: Any) -> Any:
    """The value itself, everything fresh in it built."""
    if isinstance(value, Fresh):
        return value.make()
    if type(value) in (list, tuple):
        return type(value)(map(realise, value))
    if type(value) is dict:
        return {key: realise(part) for key, part in value.items()}
    return value


def show(value: Any) -> str:
    """As a person would write it."""
    if isinstance(value, Fresh):
        return value.describe()
    if isinstance(value, type):
        return value.__name__
    if type(value) in (list, tuple):
        inner = ", ".join(map(show, value))
        return f"[{inner}]" if type(value) is list else f"({inner},)" if len(value) == 1 else f"({inner})"
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"<{type(value).__name__}>"


@dataclass(frozen=True, slots=True)
class Arguments:
    """One way to call a constructor or factory. `assumed` names the parameters whose value was guessed."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "default"
    assumed: frozenset[str] = frozenset()
    depth_assumed: bool = False
    keeps: bool = False  # from the settings: to be used as it is, not repaired

    def realised(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(map(realise, self.args)), {name: realise(value) for name, value in self.kwargs.items()}

    def text(self, name: str) -> str:
        """`Net(784, hidden=256)`."""
        parts = [*map(show, self.args), *(f"{key}={show(value)}" for key, value in self.kwargs.items())]
        text = f"{name}({', '.join(parts)})"
        return text if len(text) <= 200 else text[:199] + "…"
