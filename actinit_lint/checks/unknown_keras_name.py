"""ACT605: a string that Keras cannot resolve to an initialiser or an activation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import Spelling
from actinit_lint.rule import Hit, Mend, on


@on(Spelling)
def check(spelling: Spelling, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a name that raises ValueError when the layer is built."""
    if spelling.state != "unknown" or spelling.framework == "torch":
        return
    if spelling.kind not in ("initializer", "activation"):
        return
    kind = {"initializer": "initialiser", "activation": "activation"}[spelling.kind]
    usual = options["usual"].get(spelling.name.lower())
    near = _nearest(spelling) or ((usual,) if usual is not None else ())
    yield Hit(
        at=spelling.place,
        caption=f"no {kind} of this name",
        confidence=spelling.confidence,
        fields={
            "kind": kind,
            "name": spelling.name,
            "near": "did you mean {}?".format(" or ".join(f'"{n}"' for n in near))
            if near
            else "Keras knows none like it",
        },
        mends=(Mend("text", spelling.place, near[0], spelling.name, "keras"),) if len(near) == 1 else (),
    )


def _nearest(spelling: Spelling) -> tuple[str, ...]:
    """The names that come near; only the one that is meant where the spelling says which."""
    lowered = spelling.name.lower()
    if lowered in spelling.near:
        return (lowered,)
    ending = lowered.rpartition("_")[2]
    same = tuple(name for name in spelling.near if ending in ("normal", "uniform") and name.endswith(f"_{ending}"))
    return same or spelling.near
