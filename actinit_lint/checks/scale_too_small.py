"""ACT402: a spread that somebody chose makes the signal or the gradient of a plain chain fade away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._chain import chain_hit, spell_spread
from actinit_lint.model import Chain
from actinit_lint.rule import Hit, on
from actinit_lint.signal import verdict


@on(Chain)
def check(chain: Chain, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the first initialiser whose spread is too small for the depth that it is used in."""
    found = verdict(chain)
    if found is None or found.code != "ACT402":
        return
    first = found.at[0]
    drawn = spell_spread(first.initializer)
    yield chain_hit(chain, found, first.link.weight.write.place, f"{drawn} is too small here", drawn=drawn)
