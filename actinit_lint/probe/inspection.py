"""Measuring a model that stands ready in the caller's own process, for a notebook or a test."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from actinit_lint.model import Place
from actinit_lint.pages import pages
from actinit_lint.probe.feed import inferred_inputs
from actinit_lint.probe.join import Joint
from actinit_lint.probe.measure import train
from actinit_lint.probe.measurement import Measurement
from actinit_lint.probe.observe.places import Constructions
from actinit_lint.probe.session import Session
from actinit_lint.probe.subject import Distribution, Framework, Result, Subject
from actinit_lint.probe.symptoms import Symptom, symptoms
from actinit_lint.report.look import Look
from actinit_lint.rule import Hit, Level

#: Batches measured of each kind of input, and the size of those that are made up.
DRAWS: tuple[tuple[Distribution, int], ...] = (("normal", 3), ("uniform", 2))
BATCH = 64
LEVELS: tuple[Level, ...] = ("info", "warning", "error")


class ProbeFindings(AssertionError):
    """Raised by `Report.raise_for_findings`; the message has a line for each finding."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A finding of rules 701 to 707."""

    code: str
    name: str
    level: Level
    message: str
    layer: str
    activation: str | None
    numbers: Mapping[str, float]

    def __str__(self) -> str:
        return f"{self.code} {self.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured of one model; `str(report)` is the table of `actinit-lint probe`."""

    model: str
    measurement: Measurement
    findings: tuple[Measured, ...]

    def raise_for_findings(self, level: Level = "warning") -> None:
        """Raise `ProbeFindings` when there is a finding of this level or above."""
        grave = [one for one in self.findings if LEVELS.index(one.level) >= LEVELS.index(level)]
        if grave:
            raise ProbeFindings("\n".join(f"{self.model}: {one}" for one in grave))

    def __str__(self) -> str:
        from rich import box
        from rich.console import Console
        from rich.table import Table

        from actinit_lint.probe.report import COLUMNS, rows

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        shown = [column for column in COLUMNS if column not in ("initialiser", "predicted")]
        for column in shown:
            table.add_column(column)
        joint = Joint(Result("", self.model, 0), self.measurement)
        for row in rows(joint, Look()):
            table.add_row(*(cell for column, cell in zip(COLUMNS, row) if column in shown))
        out = io.StringIO()
        Console(file=out, width=160, highlight=False, markup=False, emoji=False).print(table)
        lines = [line.rstrip() for line in out.getvalue().strip("\n").split("\n")]
        return "\n".join([self.model, *lines, *map(str, self.findings)])


def inspect(model: Any, inputs: Any = None, loss: Callable[[Any], Any] | None = None) -> Report:
    """Measure a torch module or a Keras model (torch backend) as it stands.

    `inputs`: a tensor, a tuple of positional arguments, or a dictionary of keyword arguments; a list holds several
    such batches. Without it, batches of 64 are made up from N(0, 1) and U(0, 1), where the first layer tells their
    shape; else ValueError. `loss` takes the model's output and gives a scalar; without it the gradient is that of a
    random projection of the output. The weights, buffers, gradients, modes and random state are left as they were.
    """
    framework = _framework_of(model)
    batches = _given(inputs)
    make = None if batches else inferred_inputs(model, framework)
    if not batches and make is None:
        raise ValueError("the inputs of this model cannot be told from its first layer: give inputs=")
    name = type(model).__name__
    measurement = Measurement(framework)
    taken: list[int] = []

    def feed(batch: int, distribution: Distribution) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if make is not None:
            return make(batch, distribution)
        taken.append(0)
        return batches[(len(taken) - 1) % len(batches)]

    with _left_alone(model, framework) as restore:

        def build() -> Any:
            restore()
            return model

        trains = bool(getattr(model, "training", True)) if framework == "torch" else True
        subject = Subject(name, "", 0, framework, build, feed, trains=trains)
        session = Session(subject, measurement, Constructions(), fresh=False)
        draws = DRAWS if make is not None else (("normal", max(len(batches), 3)),)
        for distribution, count in draws:
            for seed in range(count):
                session.run(seed, BATCH, distribution, model=build(), loss=loss)
        if any(run.backward for run in measurement.runs):
            session.run(0, BATCH, "normal", model=build(), loss=loss)
            train(session, model, BATCH, measurement, loss)
    joint = Joint(Result("", name, 0), measurement)
    return Report(name, measurement, tuple(_finding(one, name) for one in symptoms(joint)))


def _finding(symptom: Symptom, model: str) -> Measured:
    page = pages()[symptom.code]
    hit = Hit(
        Place("", 0), model=model, layer=symptom.layer, activation=symptom.activation, numbers=symptom.numbers,
        fields=symptom.fields,
    )  # fmt: skip
    level = symptom.level or page.matter.level
    return Measured(
        symptom.code, page.name, level, page.message(hit), symptom.layer, symptom.activation, dict(symptom.numbers)
    )


def _framework_of(model: Any) -> Framework:
    import sys

    keras = sys.modules.get("keras")
    if keras is not None and isinstance(model, keras.Layer):
        if keras.backend.backend() != "torch":
            raise ValueError(
                f"the probe needs Keras on torch: set KERAS_BACKEND=torch (it is {keras.backend.backend()})"
            )
        return "keras"
    if isinstance(model, torch.nn.Module):
        return "torch"
    raise TypeError(f"expected a torch module or a Keras model, got {type(model).__name__}")


def _given(inputs: Any) -> Sequence[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Batches as (args, kwargs)."""
    if inputs is None:
        return ()
    batches = inputs if isinstance(inputs, list) else [inputs]
    if not batches:
        raise ValueError("inputs is an empty list")
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    for one in batches:
        if isinstance(one, Mapping):
            found.append(((), dict(one)))
        else:
            found.append((one, {}) if isinstance(one, tuple) else ((one,), {}))
    return found


@contextmanager
def _left_alone(model: Any, framework: Framework) -> Iterator[Callable[[], None]]:
    """Give a function that puts weights and buffers back; at the end gradients, modes and random state too."""
    if framework == "keras":
        kept = [variable.value.detach().clone() for variable in model.variables]
        parameters = [variable.value for variable in model.variables]
    else:
        parameters = [*model.parameters(), *model.buffers()]
        kept = [one.detach().clone() for one in parameters]
    gradients = [one.grad for one in parameters]
    modes = {} if framework == "keras" else {module: module.training for module in model.modules()}
    state = torch.get_rng_state()

    def restore() -> None:
        with torch.no_grad():
            for one, value in zip(parameters, kept):
                one.copy_(value)

    try:
        yield restore
    finally:
        restore()
        for one, gradient in zip(parameters, gradients):
            one.grad = gradient
        for module, training in modes.items():
            module.training = training
        torch.set_rng_state(state)
