"""ACT506: softmax over an axis of size 1, whose output never changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.judgement import spell
from actinit_lint.model import OneUnitSoftmax
from actinit_lint.rule import Hit, on


@on(OneUnitSoftmax)
def check(one: OneUnitSoftmax, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a softmax that has nothing to choose from."""
    activation, layer = one.activation, one.layer
    is_convolution = layer.kind.startswith(("Conv", "Separable"))
    if activation.dim == 1 and not one.is_output and not is_convolution:
        return  # axis 1 of three axes is a sequence: attention scores
    place = activation.place
    layers = () if layer.place == place else ((layer.place, "this layer has one unit"),)
    yield Hit(
        at=place,
        caption="over one unit",
        also=(*activation.places[1:], *layers),
        confidence=one.confidence,
        model=one.model,
        layer=layer.path,
        activation=activation.name,
        fields={
            "after": spell(activation),
            "always": "0" if activation.name == "log_softmax" else "1",
            "cure": _cure(layer.framework),
        },
    )


def _cure(framework: str) -> str:
    if framework == "keras":
        return 'activation="sigmoid" for two classes, no activation for a regression'
    return "torch.sigmoid for two classes (or BCEWithLogitsLoss on the raw output), nothing for a regression"
