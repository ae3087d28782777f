"""The hit that rules 302, 401, 402, 404 and 405 share: a chain, at the first line to blame, with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from actinit_lint.checks._cure import cure
from actinit_lint.checks._remedy import chain_remedies, draws
from actinit_lint.judgement import spell
from actinit_lint.model import Chain, Place, Step
from actinit_lint.reference.normal_form import Initializer
from actinit_lint.rule import Hit
from actinit_lint.signal import Prediction, Verdict


def chain_hit(chain: Chain, verdict: Verdict, at: Place, caption: str, **fields: object) -> Hit:
    """A hit on a chain; fields beyond those that every chain has come as keywords."""
    first = verdict.at[0]
    healed = chain_remedies(chain, verdict.at)
    stacked = any(step.link.weight.stacked for step in verdict.at)
    each = ", on each matrix of the stack" if stacked and healed else ""
    return Hit(
        at=at,
        caption=caption,
        also=related(at, verdict.at),
        level=verdict.level,
        confidence=chain.confidence,
        model=chain.model,
        layer=first.layer.path,
        initializer=first.initializer.name,
        activation=first.activation.name,
        numbers=chain_numbers(verdict.prediction, len(chain.steps)),
        fields={
            "count": counted(verdict.at, chain),
            "after": after(verdict.at),
            "fate": "" if verdict.prediction is None else fate(verdict.prediction),
            "cure": cure(next(iter(healed), None), first.layer.framework) + each,
            **fields,
        },
        remedies=() if stacked else healed,  # an initialiser takes its fans from the whole stack
        mends=draws([step.link.weight for step in verdict.at], healed),
    )


def counted(steps: Sequence[Step], chain: Chain) -> str:
    """`13 layers`, `one layer or more` where a loop of unknown length makes them."""
    number = "one layer" if len(steps) == 1 else f"{len(steps)} layers"
    return f"{number} or more" if any(step.layer.repeated for step in chain.steps) else number


def after(steps: Iterable[Step]) -> str:
    """The activations behind some layers, as people write them."""
    names = list(dict.fromkeys(spell(step.activation) for step in steps))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def chain_numbers(prediction: Prediction | None, layers: int) -> dict[str, float]:
    """What is predicted of a chain, as JSON shows it. Ratios are of standard deviations."""
    if prediction is None:
        return {}
    course = prediction.course
    signal = {} if course.merges else {"signal_ratio": 10**course.signal}
    return {
        "layers": layers,
        "m": prediction.m,
        "per_layer": prediction.per_layer,
        **signal,
        "gradient_ratio": 10**course.gradient,
        "uncertainty": course.uncertainty,
    }


def fate(prediction: Prediction) -> str:
    """What becomes of the signal or the gradient, whichever fares worse: `×0.4 per layer leaves 2e-5 of the signal`."""
    course = prediction.course
    ratio = 10 ** (course.gradient if course.by_gradient else course.signal)
    what = "gradient" if course.by_gradient else "signal"
    factor = f"×{prediction.per_layer:.2g} per layer"
    widths = "" if prediction.widths_known else " whatever the width"
    if ratio > 1:
        times = f"{ratio:,.0f}" if ratio < 1e6 else f"{ratio:.0e}"
        return f"{factor} makes the {what} {times} times as large{widths}"
    return f"{factor} leaves {ratio:.2g} of the {what}{widths}"


def related(at: Place, steps: Iterable[Step]) -> tuple[tuple[Place, str], ...]:
    """The lines of the layers to blame: where each is drawn, built and activated; the first of each kind first."""
    drawn: list[tuple[Place, str]] = []
    built: list[tuple[Place, str]] = []
    active: list[tuple[Place, str]] = []
    blocks: list[tuple[Place, str]] = []
    for step in steps:
        write = step.link.weight.write
        drawn += [*write.also, (write.place, "drawn here" if write.kind != "default" else "this layer too")]
        built.append((step.layer.place, "this layer"))
        active += step.activation.places
        blocks += step.layer.built
    firsts = [group[0] for group in (drawn, built, active, blocks) if group]
    return tuple((place, caption) for place, caption in [*firsts, *drawn, *built, *active, *blocks] if place != at)


def spell_spread(initializer: Initializer) -> str:
    """A spread as people write it: `std 0.01`, `uniform ±1`, `gain 0.01`."""
    if initializer.family in ("normal", "sparse") and initializer.std is not None:
        mean = f"mean {initializer.mean:.3g} and " if initializer.mean else ""
        return f"{mean}std {initializer.std:.3g}"
    if initializer.family == "uniform" and initializer.low is not None and initializer.high is not None:
        low, high = initializer.low, initializer.high
        return f"uniform ±{high:.3g}" if low == -high else f"uniform {low:.3g} to {high:.3g}"
    if initializer.gain is not None:
        return f"gain {initializer.gain:.3g}"
    return initializer.name
