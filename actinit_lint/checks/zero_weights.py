"""ACT201: every weight of a hidden layer is set to zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._symmetry import is_left_alone, is_starved, symmetry_hits
from actinit_lint.model import Use
from actinit_lint.rule import Hit, on


@on(Use)
def check(use: Use, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the write that leaves zeros in a hidden layer, in whatever spelling."""
    if is_left_alone(use) and not is_starved(use):
        return
    kernels = (weight for weight in use.layer.weights.values() if weight.role in ("kernel", "depthwise"))
    zeros = (weight for weight in kernels if weight.trainable and weight.writes and weight.initializer.is_zero)
    yield from symmetry_hits(use, zeros, "0")
