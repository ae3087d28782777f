"""ACT507: plain dropout or batch normalisation in a self-normalising network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.model import SeluCompanion
from actinit_lint.rule import Hit, on


@on(SeluCompanion)
def check(companion: SeluCompanion, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the dropout or the normalisation beside a SELU."""
    if companion.kind == "dropout":
        problem, caption = "Plain dropout moves the mean and the variance that SELU keeps", "sets units to 0"
        cure = "use AlphaDropout, which keeps both"
    else:
        problem, caption = "Batch normalisation repeats what SELU does by itself", "normalises again"
        cure = "drop the normalisation, or use ReLU with it"
    yield Hit(
        at=companion.place,
        caption=caption,
        also=companion.activation.places,
        confidence=companion.confidence,
        model=companion.model,
        activation=companion.activation.name,
        fields={"problem": problem, "cure": cure},
    )
