"""ACT405: a plain ReLU chain so narrow and deep that it is often dead before the first step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._chain import chain_hit
from actinit_lint.model import Chain
from actinit_lint.rule import Hit, on
from actinit_lint.signal import verdict


@on(Chain)
def check(chain: Chain, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the constructor of the first narrow layer."""
    found = verdict(chain)
    if found is None or found.code != "ACT405" or found.dead is None:
        return
    widths = sorted({step.layer.out_features or 0 for step in found.at})
    hit = chain_hit(
        chain,
        found,
        found.at[0].layer.place,
        "narrow",
        units=f"{widths[0]}" if len(widths) == 1 else f"{widths[0]} to {widths[-1]}",
        share=f"{found.dead:.0%}",
    )
    hit.numbers = {"layers": len(found.at), "dead_probability": found.dead}
    yield hit
