"""What rules 504, 505 and 508 share: the hit at a loss that does not fit the model's output."""

from __future__ import annotations

from actinit_lint.judgement import spell
from actinit_lint.model import Loss, Place
from actinit_lint.rule import Hit

#: Losses as people write them in prose.
SPELLED = {
    "cross_entropy": "cross entropy",
    "nll": "NLLLoss",
    "bce": "BCELoss",
    "bce_with_logits": "BCEWithLogitsLoss",
    "multilabel_soft_margin": "MultiLabelSoftMarginLoss",
}


def is_softmax_over_one_unit(loss: Loss) -> bool:
    """True where rule 506 has said all there is to say."""
    return loss.units == 1 and loss.activation is not None and loss.activation.name in ("softmax", "log_softmax")


def output_name(loss: Loss) -> str:
    """What feeds the loss, in words."""
    if loss.activation is not None:
        return spell(loss.activation)
    return "a layer without activation" if loss.layer is None else f"{loss.layer.path}, which has no activation"


def loss_hit(loss: Loss, caption: str, **fields: object) -> Hit:
    """A hit at the loss, related to the output activation and the layer before it."""
    places: list[tuple[Place, str]] = list(loss.also)
    if loss.activation is not None:
        places += loss.activation.places
    if loss.layer is not None and all(place != loss.layer.place for place, _ in places):
        places.append((loss.layer.place, "the output layer"))
    return Hit(
        at=loss.place,
        caption=caption,
        also=tuple(places),
        confidence=loss.confidence,
        model=loss.model,
        layer=None if loss.layer is None else loss.layer.path,
        activation=None if loss.activation is None else loss.activation.name,
        fields={"loss": SPELLED.get(loss.name, loss.name), "output": output_name(loss), **fields},
    )
