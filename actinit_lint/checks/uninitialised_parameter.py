"""ACT301: a parameter made from uninitialised memory that no code ever fills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._cure import example
from actinit_lint.checks._remedy import draws, weight_remedy
from actinit_lint.model import EmptyParameter
from actinit_lint.reference.normal_form import constant
from actinit_lint.rule import Hit, Remedy, on


@on(EmptyParameter)
def check(empty: EmptyParameter, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the constructor that hands out whatever the memory held."""
    if empty.weight.writes and empty.weight.initializer.family != "uninitialised":
        return
    remedies = _remedies(empty)
    yield Hit(
        at=empty.place,
        caption="nothing writes to this memory",
        confidence=empty.confidence,
        model=empty.model,
        layer=empty.layer.path,
        initializer="uninitialised",
        fields={"parameter": _full_name(empty), "cure": example(remedies, empty.layer.framework)},
        remedies=remedies,
        mends=draws((empty.weight,), remedies),
    )


def _remedies(empty: EmptyParameter) -> tuple[Remedy, ...]:
    """Fans need two dimensions; a bias starts at zero; of any other vector nobody can tell."""
    weight = empty.weight
    if weight.shape is not None and len(weight.shape) > 1:
        healed = weight_remedy(empty.model, weight, empty.activation)
        return () if healed is None else (healed,)
    if weight.shape is not None and weight.name.startswith("bias"):
        return (Remedy(empty.model, weight.layer.path, weight.name, constant(0.0)),)
    return ()


def _full_name(empty: EmptyParameter) -> str:
    """A raw parameter is its own layer: its path already ends in the name."""
    path, name = empty.layer.path, empty.weight.name
    return path if empty.layer.kind == "Parameter" or path == name else f"{path}.{name}"
