"""ACT602: an initialiser that needs fans on a tensor that has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import InitCall
from actinit_lint.rule import Hit, Mend, on


@on(InitCall)
def check(call: InitCall, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a call that raises ValueError for the number of dimensions of its tensor."""
    needs = options["dimensions"].get(call.name.rstrip("_"))
    if call.framework != "torch" or needs is None:
        return
    if call.target != "tensor" or call.target_dims is None:
        return
    least, most = needs
    if least <= call.target_dims <= most:
        return
    target = call.target_name or "the tensor"
    yield Hit(
        at=call.place,
        caption=f"{target} has {_dimensions(call.target_dims)}",
        also=call.also,
        confidence=call.confidence,
        model=call.model,
        initializer=call.name,
        fields={
            "function": call.name,
            "target": target,
            "has": _dimensions(call.target_dims),
            "needs": str(least) if least == most else f"at least {least}" if most > 5 else f"{least} to {most}",
        },
        mends=(Mend("guard", call.place),) if least <= 2 < most else (),
    )


def _dimensions(number: int) -> str:
    return f"{number} dimension{'' if number == 1 else 's'}"
