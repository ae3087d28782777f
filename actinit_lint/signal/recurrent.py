"""A recurrent layer as the signal sees it: the map in front of its candidates, and what time adds to it."""

from __future__ import annotations

from actinit_lint.model import Recurrence, Step, Weight
from actinit_lint.reference.recurrence import CELLS, cell, memory_gain
from actinit_lint.signal.maps import Map, bias_moments, drawn_moments

#: A bias of more than this second moment moves the gates away from their mean.
SMALL_BIAS = 0.1


def recurrent_map(step: Step, recurrence: Recurrence, unknown: int, inputs: int | None) -> tuple[Map, float] | None:
    """(map to the candidates' pre-activations, second moment of the output over their activations' at most).

    `unknown` and `inputs` are as in `map_of`. None where a number is not known, weights or biases are not centred, or
    the number of time steps decides.
    """
    units = step.layer.out_features or unknown
    kernel = _moments(step.link.weight, units, recurrence, inputs or unknown)
    recurrent = _moments(recurrence.weight, units, recurrence, units)
    biases = [bias_moments(bias.initializer, units, units) for bias in recurrence.biases]
    if kernel is None or recurrent is None or None in biases:
        return None
    (mean, variance, width), (centre, spread, _) = kernel, recurrent
    bias = sum(found[1] for found in biases if found is not None)
    if mean or centre or bias > SMALL_BIAS or any(found is not None and found[0] for found in biases):
        return None
    memory = memory_gain(cell(recurrence.cell, recurrence.forget_bias), units * spread)
    if memory is None:
        return None
    return Map(mean, variance, width, units * recurrence.directions, width, 0.0, bias), memory


def _moments(weight: Weight, units: int, of: Recurrence, inputs: int) -> tuple[float, float, int] | None:
    """(mean, variance, inputs) of one of the matrices that lie behind one another in a weight."""
    torch = weight.layer.framework == "torch"
    known = weight.shape[1 if torch else 0] if weight.shape is not None and len(weight.shape) == 2 else None
    inner, outer = known or inputs, CELLS[of.cell].matrices * units
    if weight.initializer.is_default and torch:
        return 0.0, 1 / (3 * units), inner  # U(±1/√units): torch/nn/modules/rnn.py, `reset_parameters`
    found = drawn_moments(weight.initializer, (outer, inner) if torch else (inner, outer), not torch)
    return None if found is None else (*found, inner)
