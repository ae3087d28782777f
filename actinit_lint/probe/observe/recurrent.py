"""The gates of torch's recurrent layers, which run as one function: replayed step by step to see inside.

Equations of torch/nn/modules/rnn.py (2.13): LSTM gates in the order i, f, g, o; GRU r, z, n; one matrix product of the
input and one of the state each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

#: Steps that are replayed: the state has settled after a few.
STEPS = 16


class Gate(NamedTuple):
    """One gate at one step."""

    name: str  # its activation
    values: torch.Tensor  # pre-activations [batch, units]
    fed: torch.Tensor
    state: torch.Tensor


def gates_of(module: Any, args: tuple[Any, ...]) -> Iterator[Gate]:
    """Every gate of every step of the first layer and direction."""
    if not args or not isinstance(args[0], torch.Tensor) or not args[0].dtype.is_floating_point:
        return
    inputs = args[0].detach()
    if isinstance(module, torch.nn.RNNCellBase):
        weights = [module.weight_ih, module.weight_hh, module.bias_ih, module.bias_hh]
        kind = type(module).__name__.removesuffix("Cell")
        given = args[1] if len(args) > 1 else None
        state = _given_state(given) if given is not None else None
        yield from _replay(kind, module, [inputs if inputs.dim() == 2 else inputs[None]], weights, state)
    elif isinstance(module, torch.nn.RNNBase) and getattr(module, "proj_size", 0) == 0 and inputs.dim() == 3:
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights = [getattr(module, name, None) for name in names]
        steps = inputs.unbind(1 if module.batch_first else 0)[:STEPS]
        yield from _replay(module.mode.partition("_")[0], module, list(steps), weights, None)


def products(module: Any, args: tuple[Any, ...]) -> int:
    """Products of numbers that a call of a recurrent layer takes: each step multiplies each of its matrices."""
    inputs = getattr(args[0], "data", None) if args else None  # of a packed sequence too
    if not isinstance(inputs, torch.Tensor):
        return 0
    steps = inputs.numel() // max(1, inputs.shape[-1])
    return steps * sum(weight.numel() for weight in module.parameters() if weight.dim() > 1)


def _given_state(given: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    first, second = (given[0], given[1]) if isinstance(given, list | tuple) else (given, given)
    if not isinstance(first, torch.Tensor) or first.dim() != 2:
        return None
    return first.detach(), second.detach()


def _replay(
    kind: str,
    module: Any,
    steps: list[torch.Tensor],
    weights: list[Any],
    state: tuple[torch.Tensor, torch.Tensor] | None,
) -> Iterator[Gate]:
    from_input, from_state, input_bias, state_bias = weights
    units = from_state.shape[1]
    zero = steps[0].new_zeros(steps[0].shape[0], units)
    hidden, cell = state or (zero, zero)
    for step in steps:
        inward = F.linear(step, from_input, input_bias)
        around = F.linear(hidden, from_state, state_bias)
        if kind == "LSTM":
            i, f, g, o = (inward + around).chunk(4, 1)
            yield from (Gate("sigmoid", gate, step, hidden) for gate in (i, f, o))
            yield Gate("tanh", g, step, hidden)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(cell)
        elif kind == "GRU":
            (ir, iz, inn), (hr, hz, hn) = inward.chunk(3, 1), around.chunk(3, 1)
            reset, update = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
            new = inn + reset * hn
            yield from (Gate("sigmoid", gate, step, hidden) for gate in (ir + hr, iz + hz))
            yield Gate("tanh", new, step, hidden)
            hidden = (1 - update) * torch.tanh(new) + update * hidden
        elif getattr(module, "nonlinearity", "tanh") == "tanh":
            yield Gate("tanh", inward + around, step, hidden)
            hidden = torch.tanh(inward + around)
        else:
            return
