"""ACT301: a parameter made from uninitialised memory that no code ever fills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import EmptyParameter
from actinit_lint.rule import Hit, on


@on(EmptyParameter)
def check(empty: EmptyParameter, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the constructor that hands out whatever the memory held."""
    if empty.weight.writes and empty.weight.initializer.family != "uninitialised":
        return
    yield Hit(
        at=empty.place,
        caption="nothing writes to this memory",
        confidence=empty.confidence,
        model=empty.model,
        layer=empty.layer.path,
        initializer="uninitialised",
        fields={"parameter": _full_name(empty)},
    )


def _full_name(empty: EmptyParameter) -> str:
    """A raw parameter is its own layer: its path already ends in the name."""
    path, name = empty.layer.path, empty.weight.name
    return path if empty.layer.kind == "Parameter" or path == name else f"{path}.{name}"
