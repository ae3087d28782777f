"""ACT404: sigmoid layers on top of each other, or saturating ones that leave nothing of the gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._chain import chain_hit, fate
from actinit_lint.checks._cure import cure
from actinit_lint.model import Chain
from actinit_lint.rule import Hit, on
from actinit_lint.signal import verdict


@on(Chain)
def check(chain: Chain, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the first activation of the chain."""
    found = verdict(chain)
    if found is None or found.code != "ACT404":
        return
    first = found.at[0]
    told = f": {fate(found.prediction)}" if found.prediction is not None and found.prediction.m else ""
    sigmoid = any(step.activation.name.endswith("sigmoid") for step in found.at)
    hit = chain_hit(chain, found, first.activation.place, "the first of them", told=told)
    if sigmoid:
        hit.fields, hit.remedies = {**hit.fields, "cure": cure(None, first.layer.framework)}, ()
        hit.mends = ()  # no weights carry a gradient through it
    yield hit
