"""ACT503: softmax as the activation of a hidden layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.judgement import spell
from actinit_lint.model import HiddenSoftmax
from actinit_lint.rule import Hit, on


@on(HiddenSoftmax)
def check(hidden: HiddenSoftmax, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a softmax whose output a later layer takes for features."""
    activation, layer = hidden.activation, hidden.layer
    yield Hit(
        at=activation.place,
        caption=f"{spell(activation)} feeds another layer",
        also=(*activation.places[1:], *(((layer.place, "of this layer"),) if layer is not None else ())),
        confidence=hidden.confidence,
        model=hidden.model,
        layer=None if layer is None else layer.path,
        activation=activation.name,
        fields={
            "after": spell(activation),
            "units": "the units" if layer is None or layer.out_features is None else f"{layer.out_features} units",
        },
    )
