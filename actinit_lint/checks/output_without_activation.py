"""ACT505: a loss on probabilities gets an output that is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._losses import loss_hit
from actinit_lint.model import Loss
from actinit_lint.rule import Hit, on


@on(Loss)
def check(loss: Loss, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a loss that takes a raw score, or a rectified or tanh one, for a probability."""
    if loss.name not in options[loss.framework]:
        return
    if loss.framework == "keras" and loss.from_logits is not False:
        return
    if loss.activation is not None and loss.activation.name not in options["no-probability"]:
        return
    if loss.activation is None and loss.output != "raw":
        return
    wants = "log-probabilities" if loss.name == "nll" else "probabilities"
    yield loss_hit(loss, f"expects {wants}", wants=wants, cure=_cure(loss))


def _cure(loss: Loss) -> str:
    if loss.framework == "keras":
        output = "sigmoid" if loss.name.startswith("binary") else "softmax"
        return f'activation="{output}" on the output layer, or from_logits=True and no activation'
    if loss.name == "nll":
        return "nn.CrossEntropyLoss on the raw output, or F.log_softmax before NLLLoss"
    return "nn.BCEWithLogitsLoss on the raw output, or torch.sigmoid before BCELoss"
