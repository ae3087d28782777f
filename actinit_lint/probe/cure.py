"""Remedies applied in memory: weights drawn again from the initialisers that would fit."""

from __future__ import annotations

import torch

from actinit_lint.probe.measurement import Replacement
from actinit_lint.probe.observe.weights import Owner
from actinit_lint.reference.normal_form import Initializer
from actinit_lint.reference.sampling import sample, torch_source


class Cure:
    """Writes replacements into a fresh model's weights."""

    def __init__(self, replacements: list[Replacement], model: str) -> None:
        self._replacements = replacements
        self._model = model
        self.replaced: set[str] = set()
        self.missed: set[str] = set()

    def __call__(self, owners: dict[str, Owner], seed: int) -> None:
        written: set[str] = set()
        for number, one in enumerate(self._replacements):
            exact = [item for item in owners.items() if one.model == self._model and _same_path(one, item[1])]
            found = exact or [item for item in owners.items() if _same_line(one, item[1])]
            for name, owner in found:
                if name in written:
                    continue
                if self._write(one, owner, seed * 1000 + number):
                    written.add(name)
                    self.replaced.add(name)
            if not found:
                self.missed.add(f"{one.layer}.{one.weight}")

    def _write(self, one: Replacement, owner: Owner, seed: int) -> bool:
        initializer = Initializer(**one.initializer)
        try:
            drawn = sample(initializer, list(owner.parameter.shape), torch_source(seed), owner.layout)  # type: ignore[arg-type]
        except ValueError as problem:
            self.missed.add(f"{one.layer}.{one.weight}: {problem}")
            return False
        with torch.no_grad():
            owner.parameter.copy_(drawn.to(owner.parameter))
        return True


def _same_path(one: Replacement, owner: Owner) -> bool:
    return (owner.layer, owner.name) in ((one.layer, one.weight), ("", one.layer))


def _same_line(one: Replacement, owner: Owner) -> bool:
    """Made by the same constructor call: in a block of another model, or where paths are spelled otherwise."""
    return owner.constructed in one.constructed and (owner.name == one.weight or one.layer.endswith(owner.name))
