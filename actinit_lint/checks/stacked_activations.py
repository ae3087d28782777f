"""ACT502: an activation fed straight into another, with no weights between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._losses import SPELLED
from actinit_lint.judgement import spell
from actinit_lint.model import OneSided, Stack
from actinit_lint.rule import Hit, on

#: Activations that leave their own output, and that of the others here, as it is.
IDEMPOTENT = frozenset({"relu", "relu6"})
#: Activations that turn scores into weights that add up to 1.
SCORES = frozenset({"softmax", "log_softmax"})


@on(Stack, OneSided)
def check(stack: Stack | OneSided, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the second of two activations in a row, also where it is inside a loss or other scores are added."""
    if isinstance(stack, OneSided):
        yield _of_score(stack)
        return
    first, second = stack.first, stack.second
    if stack.gate:
        return
    if "linear" in (first.name, second.name):
        return
    if second.name in SCORES and not stack.second_is_output:
        return  # attention and other weights of a sum: a softmax of scores that were bent first
    yield Hit(
        at=second.place,
        caption=f"{spell(second)} of {spell(first)}",
        also=(*second.places[1:], *first.places),
        confidence=stack.confidence,
        model=stack.model,
        activation=second.name,
        fields={
            "first": spell(first),
            "second": spell(second),
            "effect": _effect(first.name, second.name, set(options["non-negative"])),
        },
    )


def _of_score(score: OneSided) -> Hit:
    first = spell(score.first)
    second = "sigmoid" if score.loss is None else f"the sigmoid in {SPELLED.get(score.loss, score.loss)}"
    return Hit(
        at=score.place,
        caption=f"{second} of a sum with {first}" if score.added else f"{second} of {first}",
        also=(*score.also, *score.first.places, (score.layer.place, "this layer"), *score.layer.built),
        confidence=score.confidence,
        model=score.model,
        layer=score.layer.path,
        activation=score.first.name,
        fields={
            "first": f"a sum with {first}" if score.added else first,
            "second": second,
            "effect": "that summand can only raise the score, and learns nothing from inputs that leave it at 0"
            if score.added
            else "it never falls below 0.5 here",
        },
        help="leave the score as it is: no activation behind the last layer",
    )


def _effect(first: str, second: str, non_negative: set[str]) -> str:
    if first == second and first in IDEMPOTENT:
        return "the second changes nothing"
    if second == "sigmoid" and first in non_negative:
        return "sigmoid never falls below 0.5 here"
    if second in SCORES and first in non_negative:
        return "no score can fall below 0"
    if second in IDEMPOTENT and first in non_negative:
        return "the second cuts off nothing below 0"
    return "the signal is bent twice with no weights between"
