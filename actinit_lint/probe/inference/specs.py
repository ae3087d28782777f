"""Input tensors by description: shape with the batch marked, kind of values, how they are wrapped."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from actinit_lint.probe.subject import Distribution

#: float: as the distribution says; unit: U(0, 1) always; int: below `high`; bool: all true; fill: all equal to `high`.
Kind = Literal["float", "unit", "int", "bool", "fill", "zeros"]
Wrap = Literal["", "pair", "list", "triple"]


class Batch(int):
    """The batch size: the number the search runs with, replaced by another when inputs are made."""


BATCH = Batch(2)
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    shape: Shape
    kind: Kind = "float"
    high: int = 2
    wrap: Wrap = ""

    def make(self, batch: int, distribution: Distribution) -> Any:
        """A fresh tensor, or several wrapped."""
        if self.wrap == "pair":
            return self._tensor(batch, distribution), self._tensor(batch, distribution)
        if self.wrap in ("list", "triple"):
            return [self._tensor(batch, distribution) for _ in range(1 if self.wrap == "list" else 3)]
        return self._tensor(batch, distribution)

    def _tensor(self, batch: int, distribution: Distribution) -> Any:
        import torch

        shape = tuple(batch if isinstance(size, Batch) else int(size) for size in self.shape)
        match self.kind:
            case "float":
                return torch.randn(shape) if distribution == "normal" else torch.rand(shape)
            case "unit":
                return torch.rand(shape)
            case "int":
                return torch.randint(0, max(self.high, 1), shape)
            case "bool":
                return torch.ones(shape, dtype=torch.bool)
            case "fill":
                return torch.full(shape, self.high)
            case "zeros":
                return torch.zeros(shape)

    def text(self) -> str:
        """`float32[N, 3, 32, 32]`."""
        name = {"int": "int64", "fill": "int64", "bool": "bool"}.get(self.kind, "float32")
        sizes = ", ".join("N" if isinstance(size, Batch) else str(int(size)) for size in self.shape)
        text = f"{name}[{sizes}]"
        return {"pair": f"({text}, {text})", "list": f"[{text}]", "triple": f"[3 x {text}]"}.get(self.wrap, text)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A call's arguments: by place, in order, and by name; `together`: all as one list."""

    specs: Mapping[str, Spec]
    by_name: frozenset[str] = frozenset()
    together: bool = False
    from_model: bool = False  # the model itself says so

    def make(self, batch: int, distribution: Distribution) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args: tuple[Any, ...] = tuple(
            spec.make(batch, distribution) for name, spec in self.specs.items() if name not in self.by_name
        )
        args = (list(args),) if self.together else args
        return args, {name: self.specs[name].make(batch, distribution) for name in self.specs if name in self.by_name}

    def key(self) -> tuple[tuple[str, Spec, tuple[bool, ...]], ...]:
        return tuple((n, s, tuple(isinstance(size, Batch) for size in s.shape)) for n, s in self.specs.items())

    def first(self) -> Spec:
        return next(iter(self.specs.values()))

    def names(self) -> list[str]:
        return list(self.specs)

    def changed(self, name: str, **changes: Any) -> Iterator[Inputs]:
        """With one input changed; before that, with all inputs changed that are equal to it (siamese networks)."""
        old = self.specs[name]
        new = dataclasses.replace(old, **changes)
        same = [other for other, spec in self.specs.items() if spec == old]
        if len(same) > 1:
            yield dataclasses.replace(self, specs={n: new if n in same else s for n, s in self.specs.items()})
        yield dataclasses.replace(self, specs={**self.specs, name: new})

    def resized(self, name: str, axis: int, size: int) -> Iterator[Inputs]:
        """With one axis of one input set to a size; nothing where there is no such axis, or it is the batch's."""
        shape = list(self.specs[name].shape)
        if -len(shape) <= axis < len(shape) and size >= 1 and not isinstance(shape[axis], Batch):
            shape[axis] = size
            yield from self.changed(name, shape=tuple(shape))

    def text(self) -> str:
        return ", ".join(f"{name}: {spec.text()}" for name, spec in self.specs.items())


def parse_spec(text: str) -> Spec:
    """A spec from the settings: `float32[8, 3, 32, 32]`, `int64[N, 16]`. Raises ValueError."""
    found = re.fullmatch(r"\s*(\w+)\s*(?:<\s*(\d+)\s*)?\[([\sN\d,]*)\]\s*", text)
    if found is None:
        raise ValueError(f"{text!r} is no input; write it like float32[8, 3, 32, 32]")
    name, high, sizes = found.groups()
    kinds: dict[str, Kind] = {
        "float32": "float",
        "float": "float",
        "int64": "int",
        "int": "int",
        "int32": "int",
        "bool": "bool",
    }
    if name not in kinds:
        raise ValueError(f"{text!r}: unknown type {name}; one of {', '.join(kinds)}")
    shape = tuple(BATCH if part.strip() == "N" else int(part) for part in sizes.split(",") if part.strip())
    return Spec(shape, kinds[name], int(high) if high else 2)
