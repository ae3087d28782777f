"""ACT203: one Keras initializer, or one seed, that gives several layers the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import SharedInitializer
from actinit_lint.rule import Hit, on


@on(SharedInitializer)
def check(shared: SharedInitializer, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the line that makes the initializer whose numbers are drawn again and again."""
    if shared.seed is None:
        source = f"one instance of {shared.spelled}"
        cure = "make an instance for each layer, or pass the name as a string"
    else:
        source = f"{shared.spelled} with seed {shared.seed}"
        cure = "give each layer another seed"
    yield Hit(
        at=shared.place,
        caption=f"draws the same numbers {len(shared.layers)} times",
        also=tuple((layer.place, "starts with these numbers") for layer in shared.layers),
        confidence=shared.confidence,
        layer=shared.layers[0].path,
        initializer=shared.initializer.name,
        fields={"layers": _named([layer.path for layer in shared.layers]), "source": source, "cure": cure},
    )


def _named(paths: list[str]) -> str:
    """Two layers by name; more by the first and the last, with their number."""
    if len(paths) == 2:
        return f"Layers {paths[0]} and {paths[1]}"
    return f"{len(paths)} layers, {paths[0]} to {paths[-1]},"
