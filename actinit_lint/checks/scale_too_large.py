"""ACT401: a spread that somebody chose saturates units from the start, or makes a plain chain blow up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actinit_lint.checks._chain import after, chain_hit, counted, fate, spell_spread
from actinit_lint.checks._cure import cure
from actinit_lint.checks._remedy import draws, weight_remedy
from actinit_lint.judgement import spell
from actinit_lint.model import Activation, Chain, Gates, Place
from actinit_lint.rule import Hit, on
from actinit_lint.signal import Verdict, saturated_gates, verdict


@on(Chain, Gates)
def check(fact: Chain | Gates, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the first initialiser of a chain, or the one of a cell's gates, whose spread is too large."""
    if isinstance(fact, Gates):
        yield from _of_gates(fact)
        return
    found = verdict(fact)
    if found is None or found.code != "ACT401" or found.prediction is None:
        return
    first = found.at[0]
    drawn = spell_spread(first.initializer)
    if found.saturated is None:
        where = f"in {counted(found.at, fact)} in front of {after(found.at)}"
        told, numbers = fate(found.prediction), {}
    else:
        where, told = f"in front of {after(found.at)}", f"{found.saturated:.0%} of the units start saturated"
        numbers = {"saturated": found.saturated}
    at, caption = first.link.weight.write.place, f"{drawn} is too large here"
    hit = chain_hit(fact, found, at, caption, drawn=drawn, where=where, told=told)
    hit.numbers = {**hit.numbers, **numbers}
    hit.also += tuple(_drawn_alike(fact, found, drawn))
    yield hit


def _drawn_alike(chain: Chain, found: Verdict, drawn: str) -> Iterator[tuple[Place, str]]:
    """The other layers of the chain, and those that it feeds, which have the same spread and are not judged by it."""
    to_blame = [step.layer for step in found.at]
    near = [*(step.layer for step in chain.steps), *chain.steps[-1].link.downstream]
    for layer in near:
        weight = layer.kernel_weight
        if weight is None or layer in to_blame or not weight.writes or layer.scale_free:
            continue
        if weight.initializer == found.at[0].initializer:
            yield weight.write.place, f"{drawn} here too"


def _of_gates(gates: Gates) -> Iterator[Hit]:
    share = saturated_gates(gates)
    if share is None:
        return
    write, layer = gates.weight.write, gates.layer
    inside = " and ".join(spell(name) for name in gates.names)
    built = () if layer.place == write.place else ((layer.place, "this layer"),)
    drawn = spell_spread(write.initializer)
    healed = weight_remedy(gates.model, gates.weight, Activation(gates.names[0]))
    remedies = () if healed is None else (healed,)
    yield Hit(
        at=write.place,
        caption=f"{drawn} is too large here",
        also=(*write.also, *built, *gates.places),
        confidence="medium" if gates.fan_in is None else gates.confidence,
        model=gates.model,
        layer=layer.path,
        initializer=write.initializer.name,
        activation=gates.names[0],
        numbers={"saturated": share},
        fields={
            "drawn": drawn,
            "where": f"on {gates.weight.name}, in front of {inside} gates"
            if layer.recurrent
            else f"in front of {inside}",
            "told": f"{share:.0%} of the units start saturated",
            "cure": cure(healed, layer.framework),
        },
        remedies=remedies,
        mends=draws((gates.weight,), remedies),
    )
