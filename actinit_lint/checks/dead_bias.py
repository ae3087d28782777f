"""ACT403: a bias that leaves the ReLU units behind it switched off for almost every input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

from actinit_lint.checks._remedy import draw
from actinit_lint.judgement import spell
from actinit_lint.model import Link
from actinit_lint.reference.dead_units import active_probability, bias_limit, dead_bias_probability
from actinit_lint.reference.normal_form import Initializer, constant
from actinit_lint.rule import Hit, Remedy, on
from actinit_lint.signal import drives
from actinit_lint.signal.verdict import DEADLY


@on(Link)
def check(link: Link, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the initialiser of the bias of a hidden layer in front of ReLU."""
    bias = link.layer.bias
    if bias is None or not bias.writes or not bias.trainable or bias.initializer.is_default:
        return
    if link.activation.name not in DEADLY or not link.hidden or link.gate or link.branch_end or link.residual:
        return
    if link.norm_between or link.layer.recurrent or link.layer.scale_free:
        return  # the mean over units or over the batch is taken out again
    found = drives(link)
    if not found:
        return
    value, drive = bias.initializer.constant_value, max(found)
    spread = sqrt(drive)
    if value is not None:
        active = active_probability(drive, value)
        if value >= 0 or active >= options["active"]:
            return
        dead, words = 1.0, f"A bias of {value:.3g}"
        told = f"the units are on for {'hardly any' if active < 1e-4 else f'{active:.1%}'} of the inputs"
    else:
        dead = max(0.0, min(_dead_share(bias.initializer, drive, options["active"]) for drive in found))
        if dead < options["dead-units"]:
            return
        words = f"A bias of {_spread(bias.initializer)}"
        told = f"{dead:.0%} of the units are on for less than {options['active']:.0%} of the inputs"
    yield Hit(
        at=bias.write.place,
        caption="switches units off",
        also=(*bias.write.also, (link.layer.place, "this layer"), *link.activation.places),
        confidence=link.confidence,
        model=link.model,
        layer=link.layer.path,
        initializer=bias.initializer.name,
        activation=link.activation.name,
        numbers={"pre_activation_std": spread, "dead_units": dead},
        fields={"words": words, "after": spell(link.activation), "spread": f"{spread:.2g}", "told": told},
        remedies=(Remedy(link.model, link.layer.path, bias.name, constant(0.0)),),
        mends=(draw(bias, constant(0.0)),),
    )


def _dead_share(initializer: Initializer, drive: float, active: float) -> float:
    """Share of units whose own bias leaves them active on less than the share `active` of their inputs."""
    if initializer.family == "normal" and initializer.std is not None and initializer.mean is not None:
        return dead_bias_probability(drive, initializer.mean, initializer.std**2, active)
    if initializer.family == "uniform" and initializer.low is not None and initializer.high is not None:
        low, high = initializer.low, initializer.high
        return min(1.0, max(0.0, (bias_limit(drive, active) - low) / (high - low))) if high > low else 0.0
    return 0.0


def _spread(initializer: Initializer) -> str:
    if initializer.family == "normal":
        return f"std {initializer.std:.3g}"
    return f"{initializer.low:.3g} to {initializer.high:.3g}"
