"""ACT304: an initialisation function or method that nothing calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import NeverApplied
from actinit_lint.rule import Hit, on


@on(NeverApplied)
def check(never: NeverApplied, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the `def` of an initialisation that never happens."""
    if never.owner is None:
        name, cure = never.name, f"hand it to the model, model.apply({never.name}), or delete it"
    else:
        name, cure = f"{never.owner}.{never.name}", f"use it at the end of {never.owner}.__init__, or delete it"
    yield Hit(
        at=never.place,
        caption="nothing calls this",
        confidence=never.confidence,
        model=never.owner,
        fields={"name": name, "cure": cure},
    )
