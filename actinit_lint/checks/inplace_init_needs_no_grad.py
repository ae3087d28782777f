"""ACT604: an in-place write to a parameter that autograd forbids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import InPlaceInit
from actinit_lint.rule import Hit, Mend, on


@on(InPlaceInit)
def check(write: InPlaceInit, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a tensor method that raises RuntimeError on a leaf that requires grad."""
    yield Hit(
        at=write.place,
        caption="raises RuntimeError",
        confidence=write.confidence,
        layer=write.target.rpartition(".")[0] or None,
        initializer=write.method,
        fields={"method": write.method, "target": write.target},
        mends=(Mend("data", write.place),),
    )
