"""The signal's course through a chain: second moment, batch signal and gradient at every layer's pre-activations."""

from __future__ import annotations

from functools import lru_cache
from math import exp, expm1, floor, log, log10
from typing import NamedTuple

from actinit_lint.reference.finite_width import RELU_NOISE, decades, finite_width_decades, lengths, own_share
from actinit_lint.reference.layer_defaults import NORM_EPS
from actinit_lint.reference.moments import moments
from actinit_lint.reference.nonlinearity import Nonlinearity, Smooth
from actinit_lint.reference.propagation import (
    NormKind,
    Signal,
    coherent_gain,
    drop,
    drop_backward,
    linear,
    normalise,
)
from actinit_lint.reference.signal_gap import LINEAR, signal_gap
from actinit_lint.signal.maps import Map

#: Beyond this a float has no room for its square; what has grown so far is enough to judge.
LARGEST = 1e150
#: Below this the square root of a number is still one, and its logarithm finite.
SMALLEST = 1e-300
#: Points per factor of e in q at which the share of the signal that an activation passes on is computed.
GRID = 4
#: Beyond this q an activation that grows is as good as its asymptotes, whose share no longer depends on q.
FAR = 1e3
#: A variance of ln q of this size is decades of q: where that is reached, nothing is known of it any more.
MOST_APART = 20.0


class Block(NamedTuple):
    """A layer, the activation behind it, and what lies between that and the next layer."""

    map: Map
    activation: Nonlinearity
    dropout: float = 0.0  # probability that a value is dropped, all dropouts together
    norm: NormKind | None = None
    norm_first: bool = False  # between layer and activation, not behind the activation
    keras: bool = False  # whose eps a norm has
    memory: float = (
        1.0  # of a recurrent cell: what comes out of it, in second moments, over what its activation lets in
    )
    positions: float = 1.0  # of one channel of the layer before, which a flatten hands to this layer as so many inputs
    merges: bool = False  # with other data, taken as standardised: what comes forward starts anew


class Point(NamedTuple):
    """At the pre-activations of one layer. Steps are log10 of ratios of standard deviations."""

    q: float  # second moment
    s: float  # variance across the batch
    drive: float  # second moment without the bias
    forward: float  # batch signal here over the one at the layer before; 0 at the first, and where other data joins
    backward: float  # gradient at the layer before over the one here; 0 at the first
    bias_rules: bool  # a constant bias outweighs what the layer computes: no number behind it can be trusted
    flatten: float = 0.0  # what a flatten in front of this layer adds to `backward`; rules count it as a factor of 1
    joined: bool = False  # other data joins in front of this layer


class Course(NamedTuple):
    """A whole chain."""

    points: tuple[Point, ...]
    uncertainty: float  # decades of std that a draw of finite widths may differ from the prediction

    @property
    def signal(self) -> float:
        """log10 of the batch signal's std ratio, last layer over first; 0 where other data joins."""
        return 0.0 if self.merges else sum(point.forward for point in self.points)

    @property
    def merges(self) -> bool:
        """Whether other data joins on the way: what comes forward is theirs too, what goes back is not."""
        return any(point.joined for point in self.points)

    @property
    def gradient(self) -> float:
        """log10 of the gradient's std ratio, first layer over last, with flatten as a factor of 1: what rules judge."""
        return sum(point.backward for point in self.points)

    @property
    def flatten(self) -> float:
        """What flattened maps add to `gradient` where the gradient is summed over positions, as a measurement is."""
        return sum(point.flatten for point in self.points)

    @property
    def m(self) -> float:
        """The larger of both in magnitude; 0 where chance alone can make that much."""
        larger = max(self.signal, self.gradient, key=abs)
        return larger if abs(larger) > self.uncertainty and self.trusted else 0.0

    @property
    def by_gradient(self) -> bool:
        return abs(self.gradient) >= abs(self.signal)

    @property
    def trusted(self) -> bool:
        return not any(point.bias_rules for point in self.points)


@lru_cache(maxsize=512)
def course(blocks: tuple[Block, ...], start: float = 1.0) -> Course:
    """Follow a signal of second moment and batch variance `start` through the blocks, and the gradient back.

    The equations are those of `reference.propagation`, with what `reference.finite_width` adds. The gradient of a layer
    is summed over positions, so that strides and pooling change nothing.
    """
    points: list[Point] = []
    signal, slope = Signal(start, start), 1.0  # slope: E φ'² and the like of the block before
    common, back = 0.0, 0.0  # common: second moment of what all units of the layer before share
    apart = 0.0  # variance across the batch of ln q, inputs being of different lengths
    chance = 0.0  # variance of ln q from one draw of the weights to the next
    for index, block in enumerate(blocks):
        m = block.map
        if index == 0:
            apart = 2 / m.fan_in  # of normal inputs
        second = m.variance + m.mean**2
        grown = linear(signal, m.fan_in * second)
        if m.mean and signal.q > 0:  # what all inputs share adds up coherently
            together = coherent_gain(m.fan_in, m.mean) * common
            grown = Signal(grown.q + together, grown.s + together * min(1.0, signal.s / signal.q))
        bias_rules = m.bias_mean**2 > max(grown.q, SMALLEST)
        q = min(LARGEST, max(SMALLEST, grown.q + m.bias_variance + m.bias_mean**2))
        differs = grown.s + (grown.q - grown.s) * _by_length(apart)  # a bias adds nothing to it,
        apart *= min(1.0, grown.q / q) ** 2  # but what was length is direction in part
        s = min(q, max(SMALLEST, (differs - q * _by_length(apart)) / (1 - _by_length(apart))))
        seen = min(q, max(SMALLEST, differs))
        joined = index > 0 and blocks[index - 1].merges
        before = seen if joined or not index else points[-1].s
        if index:
            back = _decades(m.fan_out * second * slope)
            chance += RELU_NOISE / m.width
        flatten = _decades(block.positions)
        points.append(Point(q, seen, grown.q, _decades(seen / before), back, bias_rules, flatten, joined))
        share = 0.0  # of the pre-activations' second moment, what all units have in common
        if m.mean and grown.q > 0:
            share = min(1.0, (m.fan_in * m.mean**2 * signal.q + coherent_gain(m.fan_in, m.mean) * common) / q)
        signal, slope, common = _through(block, Signal(q, s), share)
        if index + 1 < len(blocks):
            known = lengths(block.activation, q)
            fresh = known.noise * own_share(s / q) / blocks[index + 1].map.fan_in
            # what differs is what the theory says; a part of it is now length, and directions differ by so much less
            turned = signal.q * known.turned * apart / 4
            direction = turned + max(signal.s / 2, signal.s - (signal.q - signal.s) * expm1(fresh / 4))
            signal = Signal(signal.q, min(signal.q, direction))
            grows = min(MOST_APART, known.kept**2 * apart + fresh)
            apart = 0.0 if block.norm else grows  # a norm gives every input one length
            chance = 0.0 if block.norm else min(MOST_APART, known.kept**2 * chance)
            if block.merges:
                signal, common, apart = Signal(1.0, 1.0), 0.0, 2 / blocks[index + 1].map.fan_in
    by_gradient = finite_width_decades(block.map.width for block in blocks[1:])
    return Course(tuple(points), max(decades(chance), by_gradient))


def _through(block: Block, signal: Signal, share: float) -> tuple[Signal, float, float]:
    """From pre-activations to the next layer's inputs: (signal, factor of the gradient's square, common part).

    Units whose pre-activations correlate by `share` have E φ(u)φ(v) = E φ² - G(q, (1 - share)·q) in common.
    """
    eps = NORM_EPS.get(block.norm or "", (0.0, 0.0))[block.keras]
    factor = 1.0
    if block.norm is not None and block.norm_first:
        signal, factor = normalise(signal, block.norm, eps)
    known = moments(block.activation, signal.q)
    factor *= known.slope_second * block.memory
    after, common = Signal(known.second, passed_on(block.activation, signal.q, signal.s)), known.mean**2
    if block.memory != 1:
        after = Signal(after.q * block.memory, after.s * block.memory)
    if share:
        common = max(common, after.q - passed_on(block.activation, signal.q, (1 - share) * signal.q))
    if block.norm is not None and not block.norm_first:
        after, scale = normalise(after, block.norm, eps, mean=known.mean)
        factor, common = factor * scale, common * scale if block.norm == "rms" else 0.0
    return drop(after, block.dropout), factor * drop_backward(block.dropout), common


def passed_on(activation: Nonlinearity, q: float, s: float) -> float:
    """`signal_gap`, which is costly for smooth activations, between two points of a grid of q: within 0.2 %."""
    share = min(1.0, s / q)
    if not isinstance(activation.form, Smooth) or share < LINEAR or q < SMALLEST / LINEAR:
        return signal_gap(activation, q, s)
    slopes = [side.slope for side in activation.form.asymptotes or ()]
    place = GRID * log(min(q, FAR) if any(slopes) else q)
    below, part = floor(place), place - floor(place)
    ratio = _ratio(activation, below, share) ** (1 - part) * _ratio(activation, below + 1, share) ** part
    return moments(activation, q).second * ratio


def _ratio(activation: Nonlinearity, point: int, share: float) -> float:
    """The part of E φ² that differs between inputs, at q = e^(point/GRID)."""
    q = exp(point / GRID)
    second = moments(activation, q).second
    return signal_gap(activation, q, share * q) / second if second > 0 else 0.0


def _by_length(apart: float) -> float:
    """Share of q in which inputs of one direction differ, 1 - E √(q·q')/q; ln q is normal of variance `apart`."""
    return -expm1(-apart / 4)


def _decades(square: float) -> float:
    """log10 of the root."""
    return 0.5 * log10(min(LARGEST, max(SMALLEST, square)))
