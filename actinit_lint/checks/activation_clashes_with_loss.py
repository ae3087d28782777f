"""ACT504: the model's output went through an activation that the loss applies itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._losses import is_softmax_over_one_unit, loss_hit
from actinit_lint.model import Loss
from actinit_lint.rule import Hit, Mend, on


@on(Loss)
def check(loss: Loss, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a loss on logits that gets probabilities."""
    if loss.output != "activation" or loss.activation is None:
        return
    if is_softmax_over_one_unit(loss):
        return
    if loss.framework == "keras":
        clashes = loss.from_logits is True and loss.activation.name in options["keras"]
    else:
        clashes = loss.activation.name in options["torch"].get(loss.name, ())
    if not clashes:
        return
    in_keras = loss.framework == "keras"
    hit = loss_hit(
        loss,
        "expects logits" if not in_keras else "from_logits=True expects logits",
        repair=" (the TensorFlow backend may repair it, with a warning)" if in_keras else "",
        cure="set from_logits=False, or drop the activation" if in_keras else "return the raw scores from the model",
    )
    hit.mends = (Mend("probabilities", loss.place) if in_keras else Mend("unwrap", loss.activation.place),)
    yield hit
