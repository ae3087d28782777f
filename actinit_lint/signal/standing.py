"""Where a layer stands in its chain: its own factor, and what has become of the signal and the gradient there."""

from __future__ import annotations

from dataclasses import dataclass

from actinit_lint.model import Link
from actinit_lint.signal.predict import predict


@dataclass(frozen=True, slots=True)
class Standing:
    """Logarithms to base 10 of ratios of standard deviations, at a layer's pre-activations."""

    position: int  # in the chain, from 0
    layers: int  # of the chain
    second_moment: float  # of the pre-activations, behind a standardised input
    factor: float  # batch signal over the one at the layer before; 0 at the first
    signal: float  # batch signal over the one at the first layer
    gradient: float  # gradient, summed over positions, over the one at the last layer
    certain: bool  # every size is known; else the mildest of what may be


def standing(link: Link) -> Standing | None:
    """None for a link that is in no chain, or in one whose numbers cannot be told."""
    prediction = predict(link.chain) if link.chain is not None else None
    if link.chain is None or prediction is None or link not in link.chain.links:
        return None
    points = prediction.course.points
    index = link.chain.links.index(link)
    return Standing(
        index,
        len(points),
        points[index].q,
        points[index].forward,
        sum(point.forward for point in points[: index + 1]),
        sum(point.backward + point.flatten for point in points[index + 1 :]),
        prediction.widths_known and prediction.course.trusted,
    )
