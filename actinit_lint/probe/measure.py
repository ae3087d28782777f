"""What the child does with a subject: several fresh models, two kinds of input, the remedies, a step of training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch

from actinit_lint.probe.cure import Cure
from actinit_lint.probe.measurement import Measurement, Replacement, Stuck, Task
from actinit_lint.probe.observe.places import Constructions, recorded
from actinit_lint.probe.observe.weights import Owner
from actinit_lint.probe.session import NothingToMeasure, Session, output_leaves, projection
from actinit_lint.probe.subject import Subject

#: Fresh models measured on N(0, 1) inputs, on U(0, 1) inputs, and with the remedies; and where time is short.
DRAWS = (5, 3, 3)
FEW_DRAWS = (3, 1, 3)
#: The batch, and the smaller ones where a model is slow.
BATCHES = (64, 32, 16, 8)
#: Products of numbers that all forward passes of one model together should take at most: some seconds on one core.
WORK = 1e10
#: Seconds of a single run beyond which there are few draws.
SLOW = 1.0
#: Seconds for the extra models that are drawn to count those dead at birth.
BIRTH_PATIENCE = 3.0
#: Steps of Adam after which a weight without a gradient is stuck: zero branches wake up one after the other.
STEPS = 6
RATE = 1e-2


def prepare(framework: str) -> None:
    """Called once in the child, before any of the user's code is loaded."""
    torch.set_num_threads(1)


def measure(subject: Subject, task: Any) -> Any:
    """Measure a subject; JSON data of a `Measurement`."""
    return asdict(measured(subject, task_from(task)))


def task_from(data: Any) -> Task:
    if not data:
        return Task()
    if isinstance(data, Task):
        return data
    replacements = [
        Replacement(
            one["model"],
            one["layer"],
            one["weight"],
            [(file, line) for file, line in one["constructed"]],
            one["initializer"],
            one["number"],
            one["beside"],
        )
        for one in data.get("replacements", ())
    ]
    return Task(replacements, int(data.get("births", 0)))


def measured(subject: Subject, task: Task) -> Measurement:
    measurement = Measurement(subject.framework)
    with recorded() as constructions, _deterministic():
        session = Session(subject, measurement, constructions)
        batch, (normal, uniform, cured) = _plan(subject, constructions, bool(task.replacements))
        model = None
        for seed in range(normal):
            model = session.run(seed, batch, "normal")
        for seed in range(uniform):
            session.run(seed, batch, "uniform")
        if task.replacements:
            cure = Cure(task.replacements, f"{subject.path}::{subject.name}")
            for seed in range(cured):
                session.run(seed, batch, "normal", cure=cure)
            measurement.replaced, measurement.not_replaced = sorted(cure.replaced), sorted(cure.missed)
        if model is not None and any(run.backward for run in measurement.runs):
            train(session, model, batch, measurement)
        _bear(session, task.births, batch)
    if not (measurement.layers or measurement.activations or measurement.gates):
        raise NothingToMeasure("nothing to measure: no layer and no activation of it ran")
    return measurement


@contextmanager
def _deterministic() -> Iterator[None]:
    """Leave the generators as they were, for callers in whose process this runs."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


def _plan(subject: Subject, constructions: Constructions, curing: bool) -> tuple[int, tuple[int, int, int]]:
    """The batch and the numbers of draws that a model gets, from what one run of the smallest batch computes.

    The work decides and not the clock, so that a busy machine measures the same; only a very slow run cuts the draws.
    """
    smallest = subject.batch or max(BATCHES[-1], subject.least_batch)
    trial = Measurement(subject.framework)
    started = time.perf_counter()
    session = Session(subject, trial, constructions)
    session.run(0, smallest, "normal")
    spent = time.perf_counter() - started
    straight = sum(one.runs[0].rows * one.runs[0].units * one.fan_in for one in trial.layers if one.runs)
    work = (straight + session.recurrent_products) / smallest
    runs = sum(DRAWS if curing else DRAWS[:2])
    if subject.batch is not None or work * smallest * runs > WORK:
        return smallest, FEW_DRAWS if spent > SLOW else DRAWS
    batch = next(batch for batch in (*BATCHES, smallest) if work * batch * runs <= WORK)
    return max(batch, smallest), DRAWS


def train(
    session: Session,
    model: Any,
    batch: int,
    measurement: Measurement,
    loss: Callable[[Any], Any] | None = None,
) -> None:
    """Find the weights that get no gradient, and whether a few steps of an optimiser wake them up."""
    owners = {
        name: owner
        for name, owner in session.owners(model).items()
        if owner.parameter.requires_grad and owner.parameter.dim() > 1
    }
    measurement.unused = sorted(name for name, owner in owners.items() if owner.parameter.grad is None)
    still = {name: owner for name, owner in owners.items() if _is_zero(owner)}
    if not still:
        return
    optimizer = torch.optim.Adam([owner.parameter for owner in session.owners(model).values()], lr=RATE)
    for step in range(1, STEPS + 1):
        optimizer.step()
        optimizer.zero_grad()
        args, kwargs = session.feed(100 + step, batch, "normal")
        output = session.call(model, args, kwargs)
        objective = projection(list(output_leaves(output)), 100 + step) if loss is None else loss(output)
        if objective is None:
            return
        objective.backward()
        measurement.steps = step
        still = {name: owner for name, owner in still.items() if _is_zero(owner)}
        if not still:
            return
    lines = {record.weight: record.constructed for record in measurement.layers}
    measurement.stuck = [Stuck(name, owner.layer, lines.get(name)) for name, owner in still.items()]


def _is_zero(owner: Owner) -> bool:
    gradient = owner.parameter.grad
    return gradient is not None and not bool(gradient.count_nonzero() if not gradient.is_sparse else 1)


def _bear(session: Session, births: int, batch: int) -> None:
    """Draw more models and only look which layers are off."""
    started = time.perf_counter()
    for seed in range(births):
        if time.perf_counter() - started > BIRTH_PATIENCE:
            return
        session.run(1000 + seed, batch, "normal", backward=False)
