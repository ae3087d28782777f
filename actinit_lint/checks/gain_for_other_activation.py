"""ACT103: the gain that the call asks for belongs to another activation than the one that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._pair import pair_hit
from actinit_lint.judgement import SQRT_2, agree, mistake
from actinit_lint.model import Link
from actinit_lint.rule import Hit, on


@on(Link)
def check(link: Link, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the call whose gain fits neither the activation nor a case that rules 101, 102 and 104 own."""
    ratio = options["gain-ratio"]
    if mistake(link, ratio=ratio, smallest=options["smallest-gain"]) != "ACT103":
        return
    name = link.initializer.nonlinearity
    spelled = f' of "{name}"' if name not in (None, "leaky_relu") else ""  # "leaky_relu" is what kaiming_* assumes
    yield pair_hit(link, "info" if _is_policy_recipe(link, ratio) else None, spelled=spelled)


def _is_policy_recipe(link: Link, ratio: float) -> bool:
    """Orthogonal with gain sqrt(2) before tanh: what PPO implementations use, and harmless in their two layers."""
    gain = link.initializer.gain
    return (
        link.initializer.family == "orthogonal"
        and link.activation.name == "tanh"
        and gain is not None
        and agree(gain, SQRT_2, ratio)
    )
