"""ACT302: a plain chain of layers on the framework's default, which its signal or gradient does not survive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._chain import chain_hit
from actinit_lint.model import Chain
from actinit_lint.rule import Hit, on
from actinit_lint.signal import verdict


@on(Chain)
def check(chain: Chain, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the first layer of a chain that the default initialiser makes fade or grow."""
    found = verdict(chain)
    if found is None or found.code != "ACT302":
        return
    yield chain_hit(chain, found, found.at[0].layer.place, "default initialisation")
