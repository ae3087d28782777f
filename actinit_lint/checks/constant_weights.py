"""ACT202: every weight of a hidden layer is set to one and the same number, or every token that attention asks with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._symmetry import is_left_alone, symmetry_hits, token_hit
from actinit_lint.model import EqualTokens, Use, Weight
from actinit_lint.rule import Hit, on


@on(Use, EqualTokens)
def check(use: Use | EqualTokens, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the write that makes all elements of a hidden layer's weight, or of tokens, equal, but not zero."""
    layer = use.layer
    if isinstance(use, EqualTokens):
        if _is_one_number(use.weight):
            yield token_hit(use, _spelled(use.weight))
        return
    if is_left_alone(use):
        return
    if layer.out_features == 1 or layer.depthwise or (layer.groups > 1 and layer.groups == layer.out_features):
        return  # no two units see the same inputs
    for weight in layer.weights.values():
        if weight.role == "kernel" and weight.trainable and weight.writes and _is_one_number(weight):
            yield from symmetry_hits(use, iter((weight,)), _spelled(weight))


def _spelled(weight: Weight) -> str:
    value = weight.initializer.constant_value
    return "one number" if value is None else f"{value:.4g}"


def _is_one_number(weight: Weight) -> bool:
    return weight.initializer.is_constant and not weight.initializer.is_zero
