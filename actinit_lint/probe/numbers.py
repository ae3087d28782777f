"""What the runs say together: medians over fresh models, ratios along chains, and the theory's numbers beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isfinite, log10, sqrt
from statistics import median
from typing import Protocol, TypeVar

from actinit_lint.model import Layer
from actinit_lint.probe.join import Joint
from actinit_lint.probe.measurement import ActivationRun, GateRun, LayerRecord, LayerRun, Measurement
from actinit_lint.reference.initializers import Layout, weight_moments
from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity
from actinit_lint.signal.maps import bias_moments

R = TypeVar("R", LayerRun, ActivationRun, GateRun)


class Record(Protocol[R]):
    """A record of a layer, an activation or a gate."""

    runs: list[R]


#: Decades that a measured factor may differ from the predicted one besides chance: zero padding, dropout, a batch that
#: is no sample of N(0, 1).
SLACK = 0.05
#: Variance of ln|a|² behind one layer of n units, times n. Hanin & Rolnick 2018.
FINITE_WIDTH = 5.0


def runs_of(
    record: Record[R], measurement: Measurement, *, cured: bool = False, distribution: str = "normal"
) -> list[R]:
    """The record's runs of one kind; the extra draws that only count births are left out."""
    kinds = measurement.runs
    return [
        one
        for one in record.runs
        if (kinds[one.run].cured, kinds[one.run].distribution) == (cured, distribution) and kinds[one.run].backward
    ] or [
        one
        for one in record.runs
        if (kinds[one.run].cured, kinds[one.run].distribution) == (cured, distribution) and not kinds[one.run].birth
    ]


def middle(values: Iterable[float | None]) -> float | None:
    """The median of the values that are there and finite."""
    known = [value for value in values if value is not None and isfinite(value)]
    return median(known) if known else None


def decades(ratio_of_squares: float) -> float:
    """log10 of the root."""
    return 0.5 * log10(ratio_of_squares)


def steps_by_run(
    joint: Joint, chain: Sequence[int], cured: bool, distribution: str, take: Callable[[LayerRun], float | None]
) -> list[list[float]]:
    """For each run the value of every layer of a chain, unless one is missing, zero or not finite."""
    runs = joint.measurement.runs
    tables: list[dict[int, float]] = []
    for index in chain:
        values = {}
        for one in joint.measurement.layers[index].runs:
            run = runs[one.run]
            value = take(one)
            if run.cured == cured and run.distribution == distribution and not run.birth:
                if value is not None and isfinite(value) and value > 0:
                    values[one.run] = value
        tables.append(values)
    return [[table[run] for table in tables] for run in sorted(set.intersection(*map(set, tables)))] if tables else []


def chain_ratios(
    joint: Joint, chain: Sequence[int], *, cured: bool = False, distribution: str = "normal"
) -> tuple[list[float], list[float]]:
    """log10 of the standard deviations' ratios in each run: (signal, last over first; gradient, first over last)."""
    signals = steps_by_run(joint, chain, cured, distribution, lambda one: one.signal)
    gradients = steps_by_run(joint, chain, cured, distribution, lambda one: one.gradient)
    pairs = [
        place
        for place, index in enumerate(chain)
        if place and "mean" not in joint.measurement.layers[index].via  # a step across a mean is left out
    ]
    if not pairs:
        return [], []
    return (
        [sum(decades(row[i] / row[i - 1]) for i in pairs) for row in signals],
        [sum(decades(row[i - 1] / row[i]) for i in pairs) for row in gradients],
    )


def chain_m(
    joint: Joint, chain: Sequence[int], *, cured: bool = False, distribution: str = "normal"
) -> tuple[float, bool] | None:
    """(m, whether it is the gradient's): the median ratio that is larger in magnitude; None where nothing is known."""
    signals, gradients = chain_ratios(joint, chain, cured=cured, distribution=distribution)
    signal, gradient = middle(signals), middle(gradients)
    if signal is None and gradient is None:
        return None  # an empty chain too
    if signal is None or (gradient is not None and abs(gradient) >= abs(signal)):
        assert gradient is not None
        return gradient, True
    return signal, False


def expected_moment(joint: Joint, sources: Sequence[int], cured: bool = False) -> float | None:
    """E z² behind some linear maps that are added, by the initialisers that the code names and the inputs measured."""
    total = 0.0
    biased: set[int] = set()
    for index in sources:
        record, layer = joint.measurement.layers[index], joint.static.get(index)
        fed = middle(one.fed for one in runs_of(record, joint.measurement, cured=cured))
        if layer is None or fed is None:
            return None
        layout: Layout = "keras" if layer.framework == "keras" else "torch"
        weight = next((w for name, w in layer.weights.items() if index in joint.of(layer, name)), None)
        drawn = None if weight is None else weight_moments(weight.initializer, shape=record.shape, layout=layout)
        if drawn is None:
            return None
        total += record.fan_in * (drawn.variance + drawn.mean**2) * fed
        if id(layer) not in biased:
            biased.add(id(layer))
            total += bias_second(layer, record)
    return total


def bias_second(layer: Layer, record: LayerRecord) -> float:
    """E b² of a layer's bias."""
    if layer.bias is None:
        return 0.0
    known = bias_moments(layer.bias.initializer, record.shape[record.unit_axis], record.fan_in)
    return 0.0 if known is None else known[1] + known[0] ** 2


def forward_factor(second_out: float, fed: float) -> float:
    """By how much a layer and its activation change the root mean square of what goes through them."""
    return sqrt(second_out / fed)


def slope_share(activation: Nonlinearity, slope_second: float) -> float:
    """What an activation lets through of a gradient, as a share of what it lets through at 0."""
    return sqrt(slope_second) / abs(activation.derivative(0.0))


def expected_share(activation: Nonlinearity, q: float) -> float:
    return slope_share(activation, moments(activation, q).slope_second)


def tolerance(units: int, runs: int) -> float:
    """Decades by which the mean factor of a layer of `units` may miss the prediction by chance, two deviations."""
    return SLACK + 2 * 0.5 * 0.4342944819032518 * sqrt(FINITE_WIDTH / max(1, units) / max(1, runs))
