"""ACT501: two trainable linear maps in a row, which together are one linear map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from actinit_lint.model import Layer, LinearPair
from actinit_lint.rule import Hit, on

#: Steps that sum over elements of a set, over time or over space.
AGGREGATES = frozenset({"sum", "mean", "reduce_sum", "reduce_mean", "average", "scatter_add", "global_mean_pool"})


@on(LinearPair)
def check(pair: LinearPair, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the second layer of a pair that no factorisation, branch or norm explains."""
    first, second = pair.first, pair.second
    if first is second or pair.tied:
        return
    if pair.branches or pair.merged or pair.normalised or pair.attention:
        return
    if not (_trains(first) and _trains(second)):
        return
    if any(layer.kernel_weight is not None and layer.kernel_weight.initializer.is_zero for layer in (first, second)):
        return  # a zero convolution joins something that starts without it
    if _is_given(first) or _is_given(second):
        return  # a filter that somebody worked out, a map that starts as the identity: meant as it is
    if pair.other_axes or first.depthwise or second.depthwise or first.groups > 1 or second.groups > 1:
        return
    if not pair.no_bottleneck and not _is_no_bottleneck(first, second):
        return
    if _is_linear_by_name(pair.model, options["deep-linear-names"]):
        return
    if set(pair.between) & AGGREGATES:
        return  # a sum over a set or over space: the maps collapse, the design is deliberate
    strided = any(layer.kernel > 1 and layer.stride > 1 for layer in (first, second))
    yield Hit(
        at=second.place,
        caption=f"linear on top of {first.path}",
        also=(
            (first.place, "first linear map, no activation behind it"),
            *(((pair.container, "in this sequence"),) if pair.container is not None else ()),
        ),
        confidence="low" if strided else pair.confidence,
        model=pair.model,
        layer=second.path,
        fields={
            "first": first.path,
            "second": second.path,
            "between": f" ({', '.join(pair.between)} between them changes nothing)" if pair.between else "",
            "cure": "activation= on the first" if first.framework == "keras" else "an activation between them",
        },
    )


def _is_linear_by_name(model: str, names: Sequence[str]) -> bool:
    """True for a model that is called a linear network."""
    said = model.lower().replace("non_linear", "").replace("nonlinear", "")
    return any(name in said for name in names)


def _is_given(layer: Layer) -> bool:
    """True for weights that are put in place one by one, not drawn: the identity, values from a computation."""
    weight = layer.kernel_weight
    if weight is None:
        return False
    family, write = weight.initializer.family, weight.write
    return family == "identity" or (family == "opaque" and write.kind == "statement" and not write.sweep)


def _trains(layer: Layer) -> bool:
    return layer.kernel_weight is None or layer.kernel_weight.trainable


def _is_no_bottleneck(first: Layer, second: Layer) -> bool:
    """True when the inner width is certainly no smaller than one of both ends: nothing is factorised."""
    inner = first.out_features if first.out_features is not None else second.in_features
    ends = [width for width in (first.in_features, second.out_features) if width is not None]
    return inner is not None and any(inner >= width for width in ends)
