"""ACT606: an initialiser applied to a module, or to an attribute that the module does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import InitCall
from actinit_lint.rule import Hit, on


@on(InitCall)
def check(call: InitCall, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a torch.nn.init call that gets no tensor."""
    if call.framework != "torch":
        return
    if call.target != "module" and not call.attribute_missing:
        return
    target = call.target_name or "its argument"
    if call.attribute_missing:
        problem, caption = f"{target} does not exist", "the module has no such attribute"
    else:
        problem, caption = f"{target} is a module, not a tensor", "a module"
    yield Hit(
        at=call.place,
        caption=caption,
        also=call.also,
        confidence=call.confidence,
        model=call.model,
        initializer=call.name,
        fields={"function": call.name, "target": target, "problem": problem, "cure": _cure(call, target)},
    )


def _cure(call: InitCall, target: str) -> str:
    if call.attribute_missing:
        return "only layers with weights have a weight: name one of them"
    return f"pass {target}.weight" if call.target_name else "pass its weight"
