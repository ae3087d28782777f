"""ACT603: a spelling of an initialiser, or of its argument, that the framework has left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from actinit_lint.model import Spelling
from actinit_lint.rule import Hit, Mend, on


@on(Spelling)
def check(spelling: Spelling, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an old name; several of them in one call are one finding."""
    if spelling.state != "deprecated":
        return
    old = f"{spelling.name}=" if spelling.kind == "argument" else spelling.name
    new = spelling.replacement
    if new is not None and spelling.kind == "argument":
        new = f"{new}="
    yield Hit(
        at=spelling.place,
        caption="old spelling" if new is None else f"now {new}",
        confidence=spelling.confidence,
        fields={
            "old": old,
            "framework": {"torch": "torch", "keras": "Keras", "tensorflow": "TensorFlow"}[spelling.framework],
            "new": "it has no successor of that name" if new is None else f"write {new}",
        },
        mends=() if spelling.replacement is None else (_mend(spelling, spelling.replacement),),
    )


def _mend(spelling: Spelling, new: str) -> Mend:
    how: Literal["argument", "rename"] = "argument" if spelling.kind == "argument" else "rename"
    return Mend(how, spelling.place, new, spelling.name, spelling.framework)
