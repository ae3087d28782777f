"""ACT201: every weight of a hidden layer is set to zero, or every token that attention asks with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._symmetry import is_left_alone, is_starved, symmetry_hits, token_hit
from actinit_lint.model import EqualTokens, Use
from actinit_lint.rule import Hit, on


@on(Use, EqualTokens)
def check(use: Use | EqualTokens, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the write that leaves zeros in a hidden layer or in tokens, in whatever spelling."""
    if isinstance(use, EqualTokens):
        if use.weight.initializer.is_zero:
            yield token_hit(use, "0")
        return
    if is_left_alone(use) and not is_starved(use):
        return
    kernels = (weight for weight in use.layer.weights.values() if weight.role in ("kernel", "depthwise"))
    zeros = (weight for weight in kernels if weight.trainable and weight.writes and weight.initializer.is_zero)
    yield from symmetry_hits(use, zeros, "0")
