"""One model under observation: build it, feed it, run it forward and back, and keep the numbers."""

from __future__ import annotations

import dataclasses
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from actinit_lint.probe.measurement import Measurement, Run
from actinit_lint.probe.observe.book import Book
from actinit_lint.probe.observe.modules import followed
from actinit_lint.probe.observe.places import Constructions
from actinit_lint.probe.observe.recurrent import gates_of, products
from actinit_lint.probe.observe.watch import Watch
from actinit_lint.probe.observe.weights import Owner, module_paths, owners_of
from actinit_lint.probe.subject import Distribution, Subject
from actinit_lint.reference.activations import activation
from actinit_lint.reference.operations import tensor_operations
from actinit_lint.reference.zones import SATURATED


class NothingToMeasure(Exception):
    """The model ran, but gave nothing back that could be measured; one line."""


def seed_everything(seed: int) -> None:
    """Python's, numpy's and torch's generators; Keras draws its seeds from Python's."""
    random.seed(seed)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # asked first: to seed devices that nobody uses costs more than a small layer
        torch.cuda.manual_seed_all(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)


class Session:
    """Runs of one subject, all into one book."""

    def __init__(
        self, subject: Subject, measurement: Measurement, constructions: Constructions, *, fresh: bool = True
    ) -> None:
        """`fresh` is false where `build` gives one and the same model, in the caller's own process."""
        self.subject = subject
        self._fresh = fresh
        self.measurement = measurement
        self._book = Book(measurement)
        self._constructions = constructions
        self.recurrent_products = 0  # that recurrent layers took, whose inner maps are no records

    def model(self, seed: int) -> Any:
        """A fresh model in the mode it is measured in."""
        self._constructions.forget()
        if self.subject.framework == "keras" and self._fresh:
            sys.modules["keras"].utils.clear_session(free_memory=False)  # automatic names count from the beginning
        seed_everything(seed)
        model = self.subject.build()
        if self.subject.framework == "torch":
            model.train(self.subject.trains)
        else:
            args, kwargs = self.feed(seed, max(2, self.subject.least_batch), "normal")
            with torch.no_grad():
                self.call(model, args, kwargs)  # subclassed models get their weights with the first call
            seed_everything(seed)
        return model

    def feed(self, seed: int, batch: int, distribution: Distribution) -> tuple[tuple[Any, ...], dict[str, Any]]:
        seed_everything(10_000 + seed)
        return self.subject.inputs(batch, distribution)

    def call(self, model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if self.subject.framework == "keras":
            kwargs = {"training": self.subject.trains, **kwargs}
        return model(*args, **kwargs)

    def owners(self, model: Any) -> dict[str, Owner]:
        return owners_of(model, self.subject.framework, self._constructions)

    def run(
        self,
        seed: int,
        batch: int,
        distribution: Distribution,
        *,
        backward: bool = True,
        cure: Callable[[dict[str, Owner], int], None] | None = None,
        model: Any = None,
        loss: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Measure one fresh model on one batch; the model, with its gradients."""
        model = self.model(seed) if model is None else model
        owners = self.owners(model)
        if cure is not None:
            cure(owners, seed)
        args, kwargs = self.feed(seed, batch, distribution)
        batch = _batch_of(args, kwargs) or batch
        for owner in owners.values():
            owner.parameter.grad = None
        watch = Watch(self._book, owners, batch)
        paths = module_paths(model, self.subject.framework)
        with torch.set_grad_enabled(backward):
            with watch, followed(watch.modules, paths, self.subject.framework, self._replayer(watch, paths)):
                output = self.call(model, args, kwargs)
            leaves = list(output_leaves(output))
            watch.paused = True
            watch.finish(leaves)
            back = backward and self._backward(leaves if loss is None else [loss(output)], seed)
        run = len(self.measurement.runs)
        silent = self._book.close_run(run, back)
        self.measurement.runs.append(Run(seed, distribution, batch, cure is not None, back, not backward, silent))
        self.measurement.notes = sorted({*self.measurement.notes, *watch.faults})
        self.measurement.blocked_by = sorted({*self.measurement.blocked_by, *watch.blocked})
        return model

    def _replayer(self, watch: Watch, paths: Mapping[int, str]) -> Callable[[Any, tuple[Any, ...], Any], None]:
        def done(module: Any, args: tuple[Any, ...], output: Any) -> None:
            if not isinstance(module, torch.nn.RNNBase | torch.nn.RNNCellBase):
                return
            self.recurrent_products += products(module, args)
            watch.paused = True
            try:
                with torch.no_grad():
                    for gate in gates_of(module, args):
                        sums = self._book.gate(paths[id(module)], gate.name, self._constructions.of(module))
                        reference = activation(gate.name)
                        values = gate.values.to(torch.float64)
                        slopes = reference.derivative(values, tensor_operations())
                        sums.calls += 1
                        sums.saturated += float((slopes.abs() < SATURATED).to(torch.float64).mean())
                        sums.slope += float(slopes.square().mean()) / reference.derivative(0.0) ** 2
                        sums.second += float(values.square().mean())
                        sums.fed += float(gate.fed.square().mean())
                        sums.state += float(gate.state.square().mean())
            finally:
                watch.paused = False

        return done

    def _backward(self, leaves: list[torch.Tensor], seed: int) -> bool:
        """A gradient without a loss: from a random projection of the outputs. False where nothing can be derived."""
        objective = projection(leaves, seed)
        if objective is None:
            return False
        objective.backward()
        return True


def projection(leaves: list[torch.Tensor], seed: int) -> torch.Tensor | None:
    """Σ y·ξ / N with ξ ~ N(0, 1), drawn apart for every leaf; a scalar leaf is a loss and counts as it is.

    Σ y alone would be blind: the outputs of a softmax always sum to one.
    """
    generator = torch.Generator().manual_seed(20_000 + seed)
    total: torch.Tensor | None = None
    for leaf in leaves:
        if not leaf.requires_grad or leaf.numel() == 0:
            continue
        if leaf.numel() == 1:
            term = leaf.reshape(())
        else:
            cotangent = torch.randn(leaf.shape, generator=generator, dtype=torch.float32).to(leaf)
            term = (leaf * cotangent).sum() / leaf.shape[0]
        if term.is_complex():
            term = term.abs()
        total = term if total is None else total + term
    return total


def output_leaves(value: Any, depth: int = 4) -> Iterator[torch.Tensor]:
    """The floating tensors of a model's output: of tuples, dictionaries, data classes and distributions too."""
    if isinstance(value, torch.Tensor):
        if value.dtype.is_floating_point or value.is_complex():
            yield value
    elif depth == 0:
        return
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from output_leaves(one, depth - 1)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from output_leaves(one, depth - 1)
    elif isinstance(value, torch.distributions.Distribution):
        for name in ("logits", "loc", "mean"):
            found = getattr(value, name, None)
            if isinstance(found, torch.Tensor):
                yield from output_leaves(found)
                return
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from output_leaves(getattr(value, field.name), depth - 1)


def _batch_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | None:
    """The length of the first tensor's first axis."""
    for value in (*args, *kwargs.values()):
        for leaf in value if isinstance(value, list | tuple) else [value]:
            if isinstance(leaf, torch.Tensor) and leaf.dim():
                return leaf.shape[0]
    return None
