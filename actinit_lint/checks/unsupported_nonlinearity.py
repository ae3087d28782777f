"""ACT601: a nonlinearity name that torch's gain table does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from actinit_lint.model import InitCall
from actinit_lint.rule import Hit, Mend, on


@on(InitCall)
def check(call: InitCall, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a call that raises ValueError for its `nonlinearity`."""
    name = call.nonlinearity
    if call.framework != "torch" or call.name not in options["functions"]:
        return
    if name is None or name in options["supported"]:
        return
    elsewhere = call.nonlinearity_place
    known = _known(name, options)
    yield Hit(
        at=call.place,
        caption=f"raises ValueError: Unsupported nonlinearity {name}",
        also=(*call.also, *(((elsewhere, "the name comes from here"),) if elsewhere not in (None, call.place) else ())),
        confidence=call.confidence,
        model=call.model,
        initializer=call.name,
        fields={"function": call.name, "name": name, "instead": known or "relu"},
        mends=() if known is None else (Mend("text", call.place, known, name),),
    )


def _known(name: str, options: Mapping[str, Any]) -> str | None:
    """What stands for the name, by convention or because it is nearly the same word."""
    named = options["instead"].get(name.lower().replace("-", "_"))
    return named or next(iter(get_close_matches(name.lower(), options["supported"], n=1, cutoff=0.75)), None)
