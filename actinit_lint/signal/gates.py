"""How many units of a recurrent cell's gates start saturated."""

from __future__ import annotations

from actinit_lint.model import Gates
from actinit_lint.reference.activations import activation
from actinit_lint.reference.initializers import weight_moments
from actinit_lint.reference.zones import saturated_probability
from actinit_lint.signal.predict import WIDTHS
from actinit_lint.signal.verdict import SATURATED_SHARE

#: Second moment that the state of a cell is given credit for: a gated tanh stays well below 1.
STATE = 0.25


def saturated_gates(gates: Gates) -> float | None:
    """The share of units of the least saturated kind of gate, where it is more than half; None below that.

    Only spreads that somebody wrote are judged. A fan-in of unknown size is judged at both `WIDTHS`, data of unknown
    scale as if standardised.
    """
    initializer = gates.weight.initializer
    if initializer.is_default or initializer.family not in ("normal", "uniform"):
        return None
    drawn = weight_moments(initializer)
    fans = WIDTHS if gates.fan_in is None else (gates.fan_in,)
    start = gates.start if gates.start is not None else STATE if gates.weight.role == "recurrent" else 1.0
    if drawn is None:
        return None
    second = drawn.variance + drawn.mean**2
    share = min(saturated_probability(activation(name), fan * second * start) for name in gates.names for fan in fans)
    return share if share > SATURATED_SHARE else None
