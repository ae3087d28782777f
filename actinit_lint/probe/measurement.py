"""What the child measures and the parent reads: plain records, JSON on the way, standard library only.

Moments are plain numbers (not standard deviations). A list that is called `runs` has one entry for each run that met
the site, in the order of the runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

#: File and line, as frames of the user's code spell them.
Line = tuple[str, int]


@dataclass(slots=True)
class Replacement:
    """One remedy on its way to the child: what to draw, and how to find the weight."""

    model: str  # "/path/of/file.py::Net"
    layer: str  # path in the model: "net.0"
    weight: str  # "weight", "kernel", "bias"
    constructed: list[Line]  # lines that may hold the layer's constructor call
    initializer: dict[str, Any]  # the fields of a reference `Initializer`
    number: int = 0  # which of the layers that this line makes
    beside: int = 1  # how many there are


@dataclass(slots=True)
class Task:
    """What `measure` is asked to do beside measuring."""

    replacements: list[Replacement] = field(default_factory=list)
    births: int = 0  # extra models to draw, to count those that are dead at birth


@dataclass(slots=True)
class Run:
    """One fresh model, one batch, one backward pass."""

    seed: int
    distribution: Literal["normal", "uniform"]
    batch: int
    cured: bool = False
    backward: bool = True  # a gradient came back
    birth: bool = False  # an extra draw, forward only
    silent: float | None = None  # share of inputs for which some ReLU layer has no active unit


@dataclass(slots=True)
class LayerRun:
    """One linear map in one run, all of its calls together."""

    run: int
    rows: int  # batch times positions
    units: int
    fed: float  # E x² of what goes in
    second: float  # E z² of what comes out
    signal: float  # variance of z across rows, mean over units
    gradient: float | None = None  # Σ δ² over positions, mean over batch and units; None: no gradient came
    twins: float = 0.0  # share of units whose weights equal another unit's
    gradient_twins: float | None = None  # share whose weights and gradients both do
    finite: bool = True


@dataclass(slots=True)
class LayerRecord:
    """A linear map: a layer, or a raw parameter multiplied with the data."""

    weight: str  # full name of the parameter: "net.0.weight", "dense/kernel"
    layer: str  # path of the module that owns it
    kind: str  # "linear", "conv2d", "matmul" ...
    shape: list[int]  # of the parameter
    unit_axis: int  # the axis of the shape that counts units
    fan_in: float  # products summed in one output
    constructed: Line | None  # where the owner (or the raw parameter) was made
    called: Line | None
    sources: list[int] = field(default_factory=list)  # layers that feed it, by index
    via: list[str] = field(
        default_factory=list
    )  # what lies between: "norm", "add", "gate", "pool", "mean", "activation" ...
    trainable: bool = True
    runs: list[LayerRun] = field(default_factory=list)


@dataclass(slots=True)
class ActivationRun:
    """One activation in one run."""

    run: int
    rows: int
    units: int
    second_in: float
    signal_in: float
    second_out: float
    slope: float | None = None  # E φ'², by the reference derivative; None: not identified
    saturated: float | None = None  # share of pre-activations with |φ'| < 0.05
    dead: float | None = None  # share of units with φ' = 0 on every row; None where φ is nowhere flat
    quiet: float | None = None  # share of units with φ' != 0 on less than 1 % of the rows
    active: float | None = None  # share of entries with φ' != 0
    finite: bool = True  # what comes out: an attention's mask puts infinities in


@dataclass(slots=True)
class ActivationRecord:
    """A non-linearity where it is applied."""

    name: str  # of the catalogue where identified, else the function's
    parameters: dict[str, float]
    identified: bool
    module: str  # path of the innermost module around the call
    called: Line | None
    sources: list[int]  # layers whose outputs meet here
    via: list[str]
    end: str = ""  # what consumes it: "gate", "add", "output", or another operation
    runs: list[ActivationRun] = field(default_factory=list)


@dataclass(slots=True)
class GateRun:
    """The gates of a recurrent layer in one run."""

    run: int
    saturated: float  # share of pre-activations with |φ'| < 0.05
    slope: float  # E φ'²/φ'(0)²
    second_in: float
    fed: float  # E x² of the input
    state: float  # E h² of the state


@dataclass(slots=True)
class GateRecord:
    """One kind of gate of a recurrent layer, found again by replaying the layer step by step."""

    layer: str
    name: str  # "sigmoid" or "tanh"
    constructed: Line | None
    runs: list[GateRun] = field(default_factory=list)


@dataclass(slots=True)
class Stuck:
    """A trainable weight whose gradient is zero and stays zero."""

    weight: str
    layer: str
    constructed: Line | None


@dataclass(slots=True)
class Measurement:
    framework: str
    runs: list[Run] = field(default_factory=list)
    layers: list[LayerRecord] = field(default_factory=list)  # in the order of execution
    activations: list[ActivationRecord] = field(default_factory=list)
    gates: list[GateRecord] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)
    steps: int = 0  # optimiser steps after which `stuck` were still without a gradient
    blocked_by: list[str] = field(default_factory=list)  # operations that let no gradient through
    unused: list[str] = field(default_factory=list)  # trainable parameters that no output depends on
    replaced: list[str] = field(default_factory=list)  # weights that remedies were written to
    not_replaced: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
