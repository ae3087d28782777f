"""The shape of a row about a library class: its constructor, what it does to data, which weights it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from actinit_lint.reference.normal_form import Initializer

Role = Literal[
    "layer",  # a linear map with a weight of two or more dimensions
    "recurrent",
    "attention",
    "embedding",
    "norm",
    "activation",
    "pass",  # transparent: dropout, reshape, padding, average pooling ...
    "max",  # transparent for signals but not linear: max pooling
    "scale",  # times a trained number or vector
    "container",
    "merge",  # Keras Add, Multiply, Concatenate ...
    "loss",
    "module",  # the base class of models
    "opaque",  # something that is not a plain step: ends the search
    "initializer",
    "wrapper",  # applies another layer: TimeDistributed, Bidirectional
]

#: Marks a constructor parameter without a default.
REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()

Size = int | None


@dataclass(frozen=True, slots=True)
class WeightRow:
    name: str
    role: str
    shape: tuple[Size, ...] | None
    initializer: Initializer
    argument: str | None = None  # the constructor argument that sets the initialiser (Keras)


@dataclass(frozen=True, slots=True)
class Kind:
    """One library class."""

    name: str
    framework: Literal["torch", "keras"]
    role: Role
    parameters: tuple[tuple[str, Any], ...] = ()
    #: (constructor arguments, shape of the input without the batch axis) -> weights
    weights: Callable[[Mapping[str, Any], tuple[Size, ...] | None], tuple[WeightRow, ...]] | None = None
    #: (constructor arguments, input shape) -> output shape
    shape: Callable[[Mapping[str, Any], tuple[Size, ...] | None], tuple[Size, ...] | None] | None = None
    activation: str | None = None  # normal-form name
    slope: str | float | None = None  # the argument that holds the slope, or its fixed value
    norm: str | None = None  # "batch", "layer", "rms", "group", "instance"
    loss: str | None = None  # normal-form name
    extra: str | None = None  # a further distinction within the role: "depthwise", "transpose", "add" ...

    def bind(self, pos: list[Any], kw: Mapping[str, Any]) -> dict[str, Any]:
        """Constructor arguments by name, defaults filled in; REQUIRED stays where nothing was given."""
        bound = dict(self.parameters)
        names = [name for name, _ in self.parameters]
        for name, value in zip(names, pos):
            bound[name] = value
        bound.update(kw)
        return bound


def size(value: Any) -> Size:
    """A size from an argument; None when it is unknown."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def times(*sizes: Size) -> Size:
    result = 1
    for s in sizes:
        if s is None:
            return None
        result *= s
    return result


def spread(value: Any, dims: int) -> tuple[Size, ...]:
    """A kernel size, stride or the like, for each of `dims` axes."""
    if isinstance(value, (tuple, list)):
        sizes = tuple(size(v) for v in value)
        return sizes if len(sizes) == dims else (None,) * dims
    return (size(value),) * dims
