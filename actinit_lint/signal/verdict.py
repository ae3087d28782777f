"""One finding per chain: which of rules 302, 401, 402, 404 and 405 a chain breaks, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from actinit_lint.judgement import SATURATING
from actinit_lint.model import Chain, Step
from actinit_lint.reference.dead_units import born_dead
from actinit_lint.reference.zones import saturated_probability
from actinit_lint.rule import Level
from actinit_lint.signal.predict import Prediction, choice, nonlinearity, predict

Code = Literal["ACT302", "ACT401", "ACT402", "ACT404", "ACT405"]

GRAVITY: dict[Level, int] = {"info": 0, "warning": 1, "error": 2}
#: A saturating activation starts saturated when more than this share of its units has |φ'| < 0.05.
SATURATED_SHARE = 0.5
#: So many plain sigmoid layers are reported whatever their weights: with five of them top layers move by 5e-5 of the
#: input's spread, and from three on training stands still (200 units, torch's default).
SIGMOIDS = 3
SIGMOID = frozenset({"sigmoid", "hardsigmoid"})
#: ReLU layers up to this width count as narrow: beyond it a layer is born dead less than once in 500 draws.
NARROW = 8
#: Probability of a dead chain from which it is reported.
DEAD = 0.1
#: Activations that are 0 for all negative inputs, so that a layer can be dead for an input.
DEADLY = frozenset({"relu", "relu6", "relu2"})
#: Layers whose units are single numbers: a channel of a convolution has many positions and seldom dies as a whole.
DENSE = frozenset({"Linear", "LazyLinear", "NonDynamicallyQuantizableLinear", "Dense", "Parameter"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a chain: one rule, its level, and the layers to blame in execution order."""

    code: Code
    level: Level
    prediction: Prediction | None
    at: tuple[Step, ...]
    saturated: float | None = None  # the largest share of units that start saturated
    dead: float | None = None  # P(dead at birth)


def verdict(chain: Chain) -> Verdict | None:
    """The one rule that the chain breaks, the gravest cause first; None for a chain that is fine. Made once."""
    if chain.verdict is None:
        chain.verdict = (_verdict(chain),)
    found: tuple[Verdict | None] = chain.verdict  # type: ignore[assignment]
    return found[0]


def _verdict(chain: Chain) -> Verdict | None:
    prediction = predict(chain)
    if chain.modulates:
        return None if prediction is None else _starts_saturated(chain, prediction)
    if not chain.plain:  # the prediction is the most that can be left; frameworks' recurrent defaults fade by design
        spread = None if prediction is None else _spread(chain, prediction)
        return spread if spread is not None and spread.code == "ACT402" else None
    own = _plain(chain, prediction)
    whole = verdict(chain.within) if chain.within is not None else None
    told = whole is not None and (own is None or GRAVITY[whole.level] >= GRAVITY[own.level])
    return None if told else own


def _plain(chain: Chain, prediction: Prediction | None) -> Verdict | None:
    if chain.normed:
        return _saturating(chain, prediction)
    narrow = _narrow(chain)
    if narrow is not None:
        return narrow
    if prediction is None:
        return _saturating(chain, None)
    saturated = _starts_saturated(chain, prediction)
    if saturated is not None:
        return saturated
    spread = _spread(chain, prediction)
    if spread is not None and spread.level != "info":
        return spread
    return _saturating(chain, prediction) or spread or _default(chain, prediction)


def _starts_saturated(chain: Chain, prediction: Prediction) -> Verdict | None:
    """401: written-out spreads before activations that saturate at once, whatever the sizes that are not known."""
    found: list[tuple[Step, float]] = []
    if not prediction.course.trusted:
        return None
    for index, step in enumerate(chain.steps):
        if step.activation.name not in SATURATING or choice(step) != "spread":
            continue
        if chain.start is None and (index == 0 or chain.steps[index - 1].activation.name not in SATURATING):
            continue  # the scale of what comes in is not known
        if index == 0 and step.layer.fan_in is None:
            continue  # the data may have a few features only, where hidden layers have many
        points = [one.points[index] for one in prediction.courses]
        share = min(saturated_probability(nonlinearity(step.activation), point.q) for point in points)
        if share > SATURATED_SHARE:
            found.append((step, share))
    if not found:
        return None
    worst = max(share for _, share in found)
    return Verdict("ACT401", "warning", prediction, tuple(step for step, _ in found), saturated=worst)


def _spread(chain: Chain, prediction: Prediction) -> Verdict | None:
    """401 and 402: written-out spreads whose chain grows or fades."""
    level = prediction.level
    if level is None or prediction.blame != "spread":
        return None
    at = tuple(step for step in chain.steps if choice(step) == "spread")
    if prediction.m < 0:
        return Verdict("ACT402", level, prediction, at)
    if any(step.layer.fan_in is None for step in at):
        return None
    return Verdict("ACT401", level, prediction, at)


def _saturating(chain: Chain, prediction: Prediction | None) -> Verdict | None:
    """404: three sigmoid layers, or saturating activations that leave less than a thousandth of the gradient."""
    steps = chain.steps
    sigmoids = [step for step in steps if step.activation.name in SIGMOID]
    gradient = prediction.course.gradient if prediction is not None and prediction.course.trusted else 0.0
    certain = prediction is not None and prediction.m <= -3
    all_flat = all(step.activation.name in SATURATING for step in steps)
    if len(sigmoids) < SIGMOIDS and not (all_flat and certain and gradient <= -3):
        return None
    chosen = any(choice(step) != "default" for step in steps)
    level: Level = "error" if chosen and prediction is not None and prediction.m <= -5 else "warning"
    return Verdict("ACT404", level, prediction, tuple(steps if all_flat else sigmoids))


def _default(chain: Chain, prediction: Prediction) -> Verdict | None:
    """302: what the framework draws when nobody says. Never more than a warning."""
    level = prediction.level
    if level is None or prediction.blame != "default":
        return None
    at = tuple(step for step in chain.steps if choice(step) == "default")
    return Verdict("ACT302", "warning" if level == "error" else level, prediction, at)


def _narrow(chain: Chain) -> Verdict | None:
    """405: a run of narrow ReLU layers that is dead at birth too often."""
    best: tuple[float, list[Step]] = (0.0, [])
    for run in _narrow_runs(chain.steps):
        if len(run) > 1:
            best = max(best, (born_dead(step.layer.out_features or NARROW for step in run), run), key=lambda b: b[0])
    if best[0] <= DEAD:
        return None
    return Verdict("ACT405", "warning", None, tuple(best[1]), dead=best[0])


def _narrow_runs(steps: Sequence[Step]) -> list[list[Step]]:
    runs: list[list[Step]] = [[]]
    for step in steps:
        if _is_narrow(step):
            runs[-1].append(step)
        elif runs[-1]:
            runs.append([])
    return runs


def _is_narrow(step: Step) -> bool:
    width, bias = step.layer.out_features, step.layer.bias
    if step.activation.name not in DEADLY or step.layer.kind not in DENSE or width is None or width > NARROW:
        return False
    return bias is None or not (bias.initializer.constant_value or 0) > 0
