"""ACT204: copies of one layer that all start with its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import Clones
from actinit_lint.rule import Hit, on


@on(Clones)
def check(clones: Clones, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the deepcopy that a loop repeats."""
    yield Hit(
        at=clones.place,
        caption="every copy starts with the same weights",
        also=((clones.source_place, "copied from here"),),
        confidence=clones.confidence,
        fields={
            "copies": "All copies" if clones.count is None else f"{clones.count} copies",
            "source": clones.source,
        },
    )
