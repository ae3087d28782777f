"""The records of every site, kept across runs, and the sums of the run in progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch

from actinit_lint.probe.measurement import (
    ActivationRecord,
    ActivationRun,
    GateRecord,
    GateRun,
    LayerRun,
    Line,
    Measurement,
)
from actinit_lint.probe.statistics import Moments, Response, either
from actinit_lint.probe.twins import twins
from actinit_lint.reference.nonlinearity import Nonlinearity


@dataclass(slots=True)
class LayerSums:
    """A linear map in the run in progress."""

    parameter: torch.Tensor
    unit_axis: int  # of the parameter
    rows: int = 0
    fed: float = 0.0
    out: Moments = field(default_factory=Moments)
    back: float = 0.0
    back_rows: int = 0  # calls
    got: bool = False  # a gradient arrived


@dataclass(slots=True)
class ActivationSums:
    before: Moments = field(default_factory=Moments)
    after: float = 0.0
    response: Response = field(default_factory=Response)


@dataclass(slots=True)
class GateSums:
    calls: int = 0
    saturated: float = 0.0
    slope: float = 0.0
    second: float = 0.0
    fed: float = 0.0
    state: float = 0.0


class Book:
    """Sites by key. A key is the same in every run: names, lines and what feeds the site, never identities."""

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self._layers: dict[tuple[object, ...], int] = {}
        self._activations: dict[tuple[object, ...], int] = {}
        self._gates: dict[tuple[object, ...], int] = {}
        self.layer_sums: dict[int, LayerSums] = {}
        self.activation_sums: dict[int, ActivationSums] = {}
        self.gate_sums: dict[int, GateSums] = {}
        self.silent: torch.Tensor | None = None

    def layer(self, key: tuple[object, ...], make: Any) -> int:
        """The index of a layer's record, made when it is met for the first time."""
        if key not in self._layers:
            self._layers[key] = len(self.measurement.layers)
            self.measurement.layers.append(make())
        return self._layers[key]

    def activation(
        self, name: str, known: Nonlinearity | None, line: Line | None, module: str, sources: list[int], via: list[str]
    ) -> int:
        key = (name, line, module, tuple(sources))
        if key not in self._activations:
            self._activations[key] = len(self.measurement.activations)
            self.measurement.activations.append(ActivationRecord(name, {}, False, module, line, sources, via))
        index = self._activations[key]
        record = self.measurement.activations[index]
        if known is not None and not record.identified:
            record.name, record.parameters, record.identified = known.name, dict(known.parameters), True
        return index

    def gate(self, layer: str, name: str, constructed: Line | None) -> GateSums:
        key = (layer, name)
        if key not in self._gates:
            self._gates[key] = len(self.measurement.gates)
            self.measurement.gates.append(GateRecord(layer, name, constructed))
        return self.gate_sums.setdefault(self._gates[key], GateSums())

    def add_silent(self, rows: torch.Tensor | None, batch: int) -> None:
        """Note the inputs for which a whole layer is off; layers with other rows than the batch's are passed over."""
        if rows is not None and rows.shape == (batch,):
            self.silent = either(self.silent, rows)

    def close_run(self, run: int, backward: bool) -> float | None:
        """Write the sums into the records and begin anew; the share of inputs for which some layer is off."""
        for index, layer in self.layer_sums.items():
            self.measurement.layers[index].runs.append(_layer_run(run, layer, backward))
        for index, sums in self.activation_sums.items():
            self.measurement.activations[index].runs.append(_activation_run(run, sums))
        for index, gate in self.gate_sums.items():
            calls = max(1, gate.calls)
            self.measurement.gates[index].runs.append(
                GateRun(
                    run,
                    gate.saturated / calls,
                    gate.slope / calls,
                    gate.second / calls,
                    gate.fed / calls,
                    gate.state / calls,
                )
            )
        silent = None if self.silent is None else float(self.silent.sum()) / max(1, self.silent.numel())
        self.layer_sums, self.activation_sums, self.gate_sums, self.silent = {}, {}, {}, None
        return silent


def _layer_run(run: int, sums: LayerSums, backward: bool) -> LayerRun:
    second, signal = sums.out.mean()
    calls = max(1, sums.out.calls)
    equal, alike = twins(sums.parameter, sums.parameter.grad if backward else None, sums.unit_axis)
    return LayerRun(
        run=run,
        rows=sums.rows,
        units=sums.out.units,
        fed=sums.fed / calls,
        second=second,
        signal=signal,
        gradient=sums.back / max(1, sums.back_rows) if sums.got else None,
        twins=equal,
        gradient_twins=alike,
        finite=sums.out.finite,
    )


def _activation_run(run: int, sums: ActivationSums) -> ActivationRun:
    second, signal = sums.before.mean()
    after = sums.after / max(1, sums.before.calls)
    result = ActivationRun(run, sums.before.rows, sums.before.units, second, signal, after, finite=isfinite(after))
    response = sums.response
    if response.calls:
        result.slope, result.saturated = response.slope / response.calls, response.saturated / response.calls
        flat = response.dead()
        if flat is not None:
            result.dead, result.quiet, result.active = flat
    return result
