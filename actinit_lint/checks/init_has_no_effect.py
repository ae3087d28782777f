"""ACT305: an initialisation that changes nothing in the model that is then used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import NoEffect
from actinit_lint.rule import Hit, on


@on(NoEffect)
def check(vain: NoEffect, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the initialiser call, or the `apply`, that might as well not be there."""
    problem, caption, cure = _words(vain)
    yield Hit(
        at=vain.place,
        caption=caption,
        also=vain.also,
        confidence=vain.confidence,
        model=vain.model,
        initializer=None if vain.initializer is None else vain.initializer.name,
        fields={"problem": problem, "cure": cure},
    )


def _words(vain: NoEffect) -> tuple[str, str, str]:
    """What is wrong, what stands under the call, and what to do about it."""
    target = vain.target or "the parameter"
    match vain.why:
        case "overwritten":
            return f"{target} is initialised again afterwards", "overwritten later", "keep the one that is meant"
        case "copy":
            return f"it fills a copy of {target}", "the copy is lost", f"fill {target} itself"
        case "rebound":
            cure = "copy_ into the entry, or load the dictionary"
            return f"the dictionary gets another tensor, {target} stays", "the model keeps its own", cure
        case "dropped":
            return "it makes a new tensor that nobody keeps", "the result is lost", "use the call that ends in _"
        case "early":
            owner = vain.model or "the model"
            return f"{owner} has no layers yet when it runs", "meets no layers", "move it behind the last layer"
        case "parametrized":
            cure = "initialise the weight before it is parametrised"
            return f"{target} is computed anew from other parameters", "computed anew", cure
