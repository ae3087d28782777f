"""ACT303: a layer that the model's own initialisation passes over because of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

from actinit_lint.checks._cure import example
from actinit_lint.checks._remedy import draws, remedy
from actinit_lint.judgement import agree, mistake, reference_gains, spell, spell_gain, variance_ratio
from actinit_lint.model import LeftOut, Link
from actinit_lint.rule import Hit, on


@on(LeftOut)
def check(left: LeftOut, options: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the constructor of the layer that was left to the framework's default."""
    if not left.hidden:
        return
    link = left.link
    wrong = None if link is None else _wrong_gain(link, options["gain-ratio"])
    healed = None if link is None else remedy(link)
    remedies = () if healed is None else (healed,)
    yield Hit(
        at=left.layer.place,
        caption="keeps the framework's default",
        also=((left.kinds, f"picks {_joined(left.handled)} only"), *(() if link is None else link.activation.places)),
        level="info" if wrong is None else "warning",
        confidence=left.confidence,
        model=left.model,
        layer=left.layer.path,
        initializer=None if link is None else link.initializer.name,
        activation=None if link is None else link.activation.name,
        numbers={} if wrong is None else {"gain": wrong[0], "wanted_gain": wrong[1]},
        fields={
            "kind": left.layer.kind,
            "handled": _joined(left.handled),
            "effect": "" if wrong is None or link is None else _effect(link, *wrong),
            "cure": example(remedies, left.layer.framework),
        },
        remedies=remedies,
        mends=() if wrong is None or link is None else draws((link.weight,), remedies),
    )


def _wrong_gain(link: Link, ratio: float) -> tuple[float, float] | None:
    """The default's gain and the nearest that fits the activation, where they differ and nothing repairs it."""
    if not link.hidden or link.rescued or link.gate or link.gated or link.branch_end:
        return None
    if not link.trainable or link.layer.recurrent:
        return None
    if mistake(link) is not None:  # the pair is reported by its own rule
        return None
    measured = variance_ratio(link)
    gain = link.initializer.gain if measured is None else sqrt(measured)
    wanted = reference_gains(link.activation)
    if gain is None or not wanted or any(agree(gain, fits, ratio) for fits in wanted):
        return None
    return gain, wanted[0]


def _effect(link: Link, gain: float, wanted: float) -> str:
    return f", whose gain is {spell_gain(gain)} where {spell(link.activation)} needs {spell_gain(wanted)}"


def _joined(kinds: tuple[str, ...]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"
