"""Recurrent cells as links of a chain: how much of what a candidate activation lets through comes out at most.

With weights so small that every gate stays near its mean and tanh near the identity, a cell is a linear recurrence

    s_t = keep·s_{t-1} + write·x_t + feedback·U·s_{t-1},     output_t = read·s_t,

x_t being the candidate's activation of the layer's input, and U the candidate's recurrent matrix, which multiplies
second moments by γ = n·Var U:

    RNN, Elman 1990                      keep 0, write 1, feedback 1, read 1
    GRU, Cho et al. 2014                 keep z, write 1 - z, feedback (1 - z)·r, read 1; z = r = 1/2 = σ(0)
    LSTM, Hochreiter & Schmidhuber 1997  keep f, write i, feedback i·o, read o; i = o = 1/2, f = σ(forget bias)

Most comes out where the input is the same at every step. The state settles at s = (1 - keep - feedback·U)⁻¹·write·x, a
geometric series of independent terms:

    E|output|² / E|x|² = (read·write/(1 - keep))² / (1 - (feedback/(1 - keep))²·γ).

Inputs that change from step to step cancel out in part; where they are independent, read²·write² / (1 - keep² -
feedback²·γ) is left: for small γ a third of it, in a GRU and in an LSTM. The gradient of a candidate's pre-activations
sums up what later steps send back through the same recurrence, so that the same holds for its square.
"""

from __future__ import annotations

from math import exp
from typing import Literal, NamedTuple

CellKind = Literal["rnn", "gru", "lstm"]


class Cell(NamedTuple):
    """The coefficients of the recurrence, and how many matrices lie behind one another in a weight."""

    keep: float
    write: float
    feedback: float
    read: float
    matrices: int


CELLS: dict[CellKind, Cell] = {
    "rnn": Cell(0.0, 1.0, 1.0, 1.0, 1),
    "gru": Cell(0.5, 0.5, 0.25, 1.0, 3),
    "lstm": Cell(0.5, 0.5, 0.25, 0.5, 4),
}


def cell(kind: CellKind, forget_bias: float = 0.0) -> Cell:
    """The cell with its gates at their means; `forget_bias` is an LSTM's (1 in Keras, Jozefowicz et al. 2015)."""
    found = CELLS[kind]
    return found._replace(keep=1 / (1 + exp(-forget_bias))) if kind == "lstm" else found


def memory_gain(of: Cell, recurrent_gain: float) -> float | None:
    """Second moment of the output over that of the candidate's activation, at most; `recurrent_gain` is γ.

    None where the recurrence does not settle: what comes out then grows with the number of steps.
    """
    settles = 1 - (of.feedback / (1 - of.keep)) ** 2 * recurrent_gain
    return (of.read * of.write / (1 - of.keep)) ** 2 / settles if settles > 0 else None
