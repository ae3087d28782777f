"""Finds inputs that a model accepts: real forward passes, the error of each deciding what is tried next."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from actinit_lint.probe.inference.inputs import starting_inputs
from actinit_lint.probe.inference.reshape import proposals
from actinit_lint.probe.inference.specs import BATCH, Inputs, Spec
from actinit_lint.probe.loading.stubs import NotInstalled
from actinit_lint.probe.subject import Limits

SLOW = 1.0  # seconds of a forward pass above which the batch stays as small as the search's
SHARE_OF_MEMORY = 0.5  # of the limit that the tensors kept for a backward pass may take
BATCH_OF_MEASUREMENT = 8


@dataclass(slots=True)
class Found:
    """Accepted inputs. `batch` is the only size that works, None where others do; `trains` whether train mode works."""

    inputs: Inputs
    trains: bool
    batch: int | None


class NoInput(Exception):
    """Nothing was accepted. `closest` are the inputs that got furthest, `cause` what the model said to them."""

    def __init__(self, tries: int, closest: Inputs | None, cause: BaseException | None) -> None:
        super().__init__(f"no accepted input after {tries} tries")
        self.tries, self.closest, self.cause = tries, closest, cause


@dataclass(order=True, slots=True)
class _Waiting:
    """`rank`: candidates that follow an attempt which got far come first."""

    rank: float
    order: int
    inputs: Inputs = field(compare=False)


def search(
    model: Any,
    limits: Limits,
    called_with: Sequence[Spec] = (),
    sizes: Mapping[str, int] = MappingProxyType({}),
    fixed: Inputs | None = None,
    supplies: Callable[[BaseException], bool] = lambda _: False,
) -> Found:
    """Inputs for a model. `fixed` are the settings' own. `supplies` may put right what an error is about elsewhere.

    Raises NoInput, and NotInstalled where a missing package is what fails.
    """
    starts = [fixed] if fixed is not None else starting_inputs(model, called_with, sizes)
    attempt = _Attempt(model, supplies)
    model.train()
    found = _first_accepted(starts, attempt, limits, repairing=fixed is None)
    if found is not None:
        return Found(found, True, _only_batch(found, attempt, limits))
    failure = NoInput(attempt.tries, attempt.closest, attempt.cause)
    model.eval()
    again = ([attempt.closest] if attempt.closest is not None else []) + starts[:4]
    for inputs in again:
        if attempt(inputs) is None:
            return Found(inputs, False, _only_batch(inputs, attempt, limits))
    raise failure


def _first_accepted(starts: list[Inputs], attempt: _Attempt, limits: Limits, repairing: bool) -> Inputs | None:
    until = time.monotonic() + limits.search_seconds
    waiting = [_Waiting(-0.5, order, inputs) for order, inputs in enumerate(starts)]
    tried = set()
    order = len(waiting)
    while waiting and attempt.tries < limits.tries and time.monotonic() < until:
        # every fourth try goes to the next start, however promising the repairs of another are
        starting = [item for item in waiting if item.order < len(starts)]
        best = min(starting, key=lambda item: item.order) if starting and attempt.tries % 4 == 3 else min(waiting)
        waiting.remove(best)
        if best.inputs.key() in tried:
            continue
        tried.add(best.inputs.key())
        error = attempt(best.inputs)
        if error is None:
            return best.inputs
        if repairing:
            for place, inputs in enumerate(_few(proposals(error, best.inputs))):
                if inputs.key() not in tried:
                    waiting.append(_Waiting(place * 0.1 - attempt.reached, order, inputs))
                    order += 1
    return None


def _few(found: Iterator[Inputs], most: int = 12) -> Iterator[Inputs]:
    seen = set()
    for inputs in found:
        if inputs.key() not in seen:
            seen.add(inputs.key())
            yield inputs
            if len(seen) >= most:
                return


def _only_batch(inputs: Inputs, attempt: _Attempt, limits: Limits) -> int | None:
    """The search's batch size, or one, if a larger one does not work, or would take much time or memory."""
    if attempt.seconds > SLOW:
        return int(BATCH)
    kept = attempt.kept_for_backward(inputs)
    bound = limits.memory_mb * SHARE_OF_MEMORY * 2**20
    if kept > bound:
        return 1 if attempt(inputs, 1) is None else int(BATCH)
    if kept * BATCH_OF_MEASUREMENT / int(BATCH) > bound:
        return int(BATCH)
    return None if attempt(inputs, BATCH_OF_MEASUREMENT) is None else int(BATCH)


class _Attempt:
    """Calls the model; remembers which inputs got furthest, by the number of layers that were entered."""

    def __init__(self, model: Any, supplies: Callable[[BaseException], bool]) -> None:
        self.model, self.supplies = model, supplies
        self.tries = self.reached = 0
        self.closest: Inputs | None = None
        self.cause: BaseException | None = None
        self.seconds = 0.0
        self._furthest = -1

    def __call__(self, inputs: Inputs, batch: int = int(BATCH)) -> BaseException | None:
        """What the model raised; None when it accepted."""
        import torch

        self.tries += 1
        while True:
            started = time.monotonic()
            try:
                with torch.no_grad(), self._counting():
                    args, kwargs = inputs.make(batch, "normal")
                    self.model(*args, **kwargs)
                self.seconds = time.monotonic() - started
                return None
            except NotInstalled:
                raise
            except Exception as error:
                if self.supplies(error):
                    continue
                if self.reached > self._furthest:
                    self._furthest, self.closest, self.cause = self.reached, inputs, error
                return error

    def kept_for_backward(self, inputs: Inputs) -> int:
        """Bytes that a forward pass with the search's batch keeps for the backward pass."""
        import torch

        total = 0

        def pack(tensor: Any) -> Any:
            nonlocal total
            total += tensor.numel() * tensor.element_size()
            return tensor

        args, kwargs = inputs.make(int(BATCH), "normal")
        with contextlib.suppress(Exception), torch.autograd.graph.saved_tensors_hooks(pack, _unchanged):
            self.model(*args, **kwargs)
        return total

    @contextlib.contextmanager
    def _counting(self) -> Iterator[None]:
        from torch.nn.modules.module import register_module_forward_pre_hook

        self.reached = 0

        def count(*_: Any) -> None:
            self.reached += 1

        handle = register_module_forward_pre_hook(count)
        try:
            yield
        finally:
            handle.remove()


def _unchanged(tensor: Any) -> Any:
    return tensor
