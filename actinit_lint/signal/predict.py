"""A chain's prediction: its course where every size is known, else the mildest over what the sizes may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

from actinit_lint.judgement import SMALLEST_GAIN, reference_gains
from actinit_lint.model import Activation, Chain, Link, Step
from actinit_lint.reference.activations import CATALOGUE, activation
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.rule import Level
from actinit_lint.signal.course import Block, Course, course
from actinit_lint.signal.maps import Map, map_of
from actinit_lint.signal.recurrent import recurrent_map

#: An unknown width is judged at both, and only what holds at both is reported.
WIDTHS = (64, 4096)
#: A dropout of unknown probability is judged with none and with the usual half.
DROPOUTS = (0.0, 0.5)
#: Decades of m for error, warning and info. Of 88 networks that were trained, all 43 below 1.5 learned; above 2.5 none
#: of 32 did with SGD, above 5 one of 15 with Adam (200 steps of 64-wide networks).
LEVELS: tuple[tuple[float, Level], ...] = ((5.0, "error"), (3.0, "warning"), (1.0, "info"))

#: Who chose a layer's scale: the framework, a name that rules 101 to 104 judge, or a number that someone wrote.
Choice = Literal["default", "named", "spread"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is known of a chain's signal before any training."""

    course: Course
    courses: tuple[Course, ...]  # for every combination of the sizes that are not known
    m: float  # 0 where the sizes that are not known decide, or chance does
    widths_known: bool
    blame: Choice | None  # whose layers make most of m; None: m is 0

    @property
    def level(self) -> Level | None:
        return level_of(self.m)

    @property
    def per_layer(self) -> float:
        """Geometric mean of the factor on the std, for the quantity that m is about."""
        steps = max(1, len(self.course.points) - 1)
        return float(10 ** ((self.course.gradient if self.course.by_gradient else self.course.signal) / steps))


def level_of(m: float) -> Level | None:
    return next((level for least, level in LEVELS if abs(m) >= least), None)


def predict(chain: Chain) -> Prediction | None:
    """The chain's prediction, made once; None where a number of it cannot be told."""
    if chain.prediction is None:
        chain.prediction = (_predict(chain),)
    found: tuple[Prediction | None] = chain.prediction  # type: ignore[assignment]
    return found[0]


def drives(link: Link) -> list[float]:
    """Second moments of the pre-activations without their bias, one for each combination of sizes that are not known.

    Behind a standardised input where the link is in no chain; empty where a number cannot be told.
    """
    prediction = predict(link.chain) if link.chain is not None else None
    if link.chain is not None and prediction is not None:
        index = link.chain.links.index(link) if link in link.chain.links else 0
        return [one.points[index].drive for one in prediction.courses]
    maps = [map_of(link.layer, link.weight, width) for width in WIDTHS]
    return [one.fan_in * (one.variance + one.mean**2) for one in maps if one is not None]


def _predict(chain: Chain) -> Prediction | None:
    courses = []
    for blocks in _scenarios(chain):
        if blocks is None:
            return None
        courses.append(course(blocks, 1.0 if chain.start is None else chain.start))
    mildest = min(courses, key=lambda one: abs(one.m))
    agree = all(one.m * mildest.m > 0 for one in courses)
    known = _sizes_known(chain)
    m = mildest.m if agree else 0.0
    return Prediction(mildest, tuple(courses), m, known, _blame(chain, mildest) if m else None)


def _sizes_known(chain: Chain) -> bool:
    return all(
        step.layer.out_features is not None and (step.layer.fan_in is not None or _inputs(chain, index) is not None)
        for index, step in enumerate(chain.steps)
    )


def _scenarios(chain: Chain) -> Iterator[tuple[Block, ...] | None]:
    """The chain with every combination of what is not known."""
    widths = WIDTHS if not _sizes_known(chain) else WIDTHS[:1]
    dropouts = DROPOUTS if any(None in step.dropout for step in chain.steps) else DROPOUTS[:1]
    for width in widths:
        maps = [_map(step, width, _inputs(chain, i)) for i, step in enumerate(chain.steps)]
        known = [one for one in maps if one is not None]
        if len(known) < len(maps):
            yield None
            return
        for dropout in dropouts:
            yield tuple(
                _block(step, one, memory, dropout, _flattened(chain, index))
                for index, (step, (one, memory)) in enumerate(zip(chain.steps, known))
            )


def _map(step: Step, unknown: int, inputs: int | None) -> tuple[Map, float] | None:
    """The layer's map, and what its state makes of its activations."""
    if step.recurrence is not None:
        return recurrent_map(step, step.recurrence, unknown, inputs)
    found = map_of(step.layer, step.link.weight, unknown, inputs)
    return None if found is None else (found, 1.0)


def _inputs(chain: Chain, index: int) -> int | None:
    """Channels that a layer gets from the one before; None where a flatten may lie in between."""
    layer, before = chain.steps[index].layer, chain.steps[index - 1] if index else None
    if before is None or before.merges or ("Conv" in before.layer.kind) != ("Conv" in layer.kind):
        return None
    units = before.layer.out_features
    return units * before.recurrence.directions if units and before.recurrence is not None else units


def _flattened(chain: Chain, index: int) -> float:
    """Positions of one channel of the layer before that reach this one as inputs of their own; 1 where not known."""
    layer, before = chain.steps[index].layer, chain.steps[index - 1] if index else None
    if before is None or before.merges or "Conv" not in before.layer.kind or "Conv" in layer.kind:
        return 1.0
    return max(1.0, (layer.in_features or 0) / (before.layer.out_features or inf))


def _block(step: Step, one: Map, memory: float, dropout: float, positions: float) -> Block:
    kept = 1.0
    for p in step.dropout:
        kept *= 1 - (dropout if p is None else p)
    return Block(
        one,
        nonlinearity(step.activation),
        1 - kept,
        step.norm,  # type: ignore[arg-type]
        step.link.norm_between,
        step.layer.framework == "keras",
        memory,
        positions,
        step.merges,
    )


def nonlinearity(given: Activation) -> Nonlinearity:
    """The activation of the catalogue. An rrelu keeps the mean slope that it has in evaluation."""
    if given.name == "rrelu":
        return activation("leaky_relu", 11 / 48 if given.slope is None else given.slope)
    if given.slope is not None and CATALOGUE[given.name].parameters and given.name != "softplus":
        return activation(given.name, given.slope)
    return activation(given.name)


def choice(step: Step) -> Choice:
    """Who chose the scale of a layer's weights."""
    initializer = step.initializer
    if initializer.is_default:
        return "default"
    if initializer.family in ("variance_scaling", "orthogonal"):
        small = initializer.gain is not None and initializer.gain < SMALLEST_GAIN
        return "spread" if small or not reference_gains(step.activation) else "named"
    return "spread"


def _blame(chain: Chain, found: Course) -> Choice:
    """Whose layers make most of m. The first layer has no step before it and is not asked."""
    shares: dict[Choice, float] = {}
    for step, point in list(zip(chain.steps, found.points))[1:]:
        share = point.backward if found.by_gradient else point.forward
        shares[choice(step)] = shares.get(choice(step), 0.0) + share * (1 if found.m > 0 else -1)
    return max(shares, key=lambda one: shares[one])
