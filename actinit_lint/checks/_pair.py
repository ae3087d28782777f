"""The hit that rules 101 to 104 share: a weight and the activation that it meets."""

from __future__ import annotations

from math import sqrt

from actinit_lint.checks._chain import chain_numbers, fate
from actinit_lint.checks._cure import cure
from actinit_lint.checks._remedy import draws, remedy
from actinit_lint.judgement import reference_gains, spell, spell_gain, weight_std
from actinit_lint.model import Link, Place
from actinit_lint.rule import Hit, Level
from actinit_lint.signal import Prediction, predict


def pair_hit(link: Link, level: Level | None = None, **fields: object) -> Hit:
    """A hit at the write that a person would edit; fields beyond those that every pair has come as keywords.

    A pair keeps the page's level, is an info when something rescues it, and an error when its chain cannot carry a
    signal. `level` overrules all of that.
    """
    wanted = reference_gains(link.activation)[0]
    gain = link.initializer.gain
    healed = remedy(link)
    remedies = () if healed is None else (healed,)
    return Hit(
        at=link.weight.write.place,
        caption=pair_caption(link, wanted),
        also=pair_places(link),
        level=level or pair_level(link),
        confidence=link.confidence,
        model=link.model,
        layer=link.layer.path,
        initializer=link.initializer.name,
        activation=link.activation.name,
        numbers=pair_numbers(link, wanted),
        fields={
            "after": spell(link.activation),
            "asked": "unknown" if gain is None else spell_gain(gain),
            "wanted": spell_gain(wanted),
            "rescue": rescue(link) or outlook(link),
            "cure": cure(healed, link.layer.framework),
            **fields,
        },
        remedies=remedies,
        mends=draws((link.weight,), remedies),
    )


def pair_level(link: Link) -> Level | None:
    """None stands for the page's level."""
    if link.rescued:
        return "info"
    found = prediction_of(link)
    return "error" if found is not None and found.level == "error" else None


def prediction_of(link: Link) -> Prediction | None:
    """What is predicted of the chain that the link is part of; None where nothing is, and of a layer on its own."""
    if link.rescued or link.chain is None or len(link.chain.steps) < 2:
        return None
    return predict(link.chain)


def outlook(link: Link) -> str:
    """How the chain fares, as the end of a sentence, where it loses or gains a factor of ten."""
    found = prediction_of(link)
    if found is None or found.level is None:
        return ""
    return f"; {fate(found)} after {len(found.course.points)} layers"


def pair_numbers(link: Link, wanted: float) -> dict[str, float]:
    """Gains, standard deviations where the widths are known, and what is predicted of the chain."""
    found = prediction_of(link)
    numbers = {} if found is None else chain_numbers(found, len(found.course.points))
    numbers["wanted_gain"] = wanted
    if link.initializer.gain is not None:
        numbers["gain"] = link.initializer.gain
    std = weight_std(link.weight)
    if std is not None:
        numbers["std"] = std
        if link.layer.fan_in:
            numbers["wanted_std"] = wanted / sqrt(link.layer.fan_in)
    return numbers


def pair_caption(link: Link, wanted: float) -> str:
    """What stands under the initialiser: standard deviations where known, gains otherwise."""
    numbers, after = pair_numbers(link, wanted), spell(link.activation)
    if "wanted_std" in numbers:
        return f"std {numbers['std']:.2g}; {after} wants {numbers['wanted_std']:.2g}"
    if "gain" in numbers:
        return f"gain {spell_gain(numbers['gain'])}; {after} wants {spell_gain(wanted)}"
    return f"{after} wants gain {spell_gain(wanted)}"


def pair_places(link: Link) -> tuple[tuple[Place, str], ...]:
    """The related places of a pair: the way of the write, the layer, the activation where applied and where built."""
    write = link.weight.write
    layer = () if link.layer.place == write.place else ((link.layer.place, "this layer"),)
    return (*write.also, *layer, *link.activation.places, *link.layer.built)


def rescue(link: Link) -> str:
    """What makes the mistake harmless, as the end of a sentence; empty when nothing does."""
    if link.layer.scale_free:
        return "; weight normalisation sets the scale here"
    if link.normalised:
        return "; normalisation repairs the scale here"
    return "; the residual connection carries the signal here" if link.residual else ""
