"""ACT508: several sigmoid units under a loss for exclusive classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._losses import loss_hit
from actinit_lint.model import Loss
from actinit_lint.rule import Hit, on


@on(Loss)
def check(loss: Loss, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a categorical loss whose probabilities need not add up to 1."""
    if loss.name not in options["losses"]:
        return
    if loss.activation is None or loss.activation.name != "sigmoid":
        return
    if loss.units is None or loss.units < 2:
        return
    if loss.from_logits is not False:
        return  # ACT504 where it is True; where it is not known, nothing can be said
    yield loss_hit(loss, "expects one distribution over the classes", units=loss.units)
