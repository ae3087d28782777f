"""Inputs for a model that is there already, from its declared inputs or its first layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from actinit_lint.probe.subject import Distribution, Framework

#: Positions of a sequence, and the side of an image, where nothing says them.
STEPS, SIDE = 16, 32
Feed = Callable[[int, Distribution], tuple[tuple[Any, ...], dict[str, Any]]]


def inferred_inputs(model: Any, framework: Framework) -> Feed | None:
    """A function that draws one batch, the first shape that the model accepts; None where none is."""
    for shapes in _keras_shapes(model) if framework == "keras" else _torch_shapes(model):
        feed = _feed(shapes)
        state = torch.get_rng_state()
        try:
            with torch.no_grad():
                args, kwargs = feed(2, "normal")
                model(*args, **kwargs)
        except Exception:  # the model's own complaint about a guess
            continue
        finally:
            torch.set_rng_state(state)
        return feed
    return None


def _feed(shapes: Sequence[tuple[int, ...] | tuple[str, int, int]]) -> Feed:
    def feed(batch: int, distribution: Distribution) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(_tensor(shape, batch, distribution) for shape in shapes), {}

    return feed


def _tensor(shape: tuple[Any, ...], batch: int, distribution: Distribution) -> torch.Tensor:
    if shape and shape[0] == "tokens":
        return torch.randint(0, shape[1], (batch, shape[2]))
    return torch.randn(batch, *shape) if distribution == "normal" else torch.rand(batch, *shape)


def _keras_shapes(model: Any) -> list[list[tuple[Any, ...]]]:
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return []
    return [[tuple(SIDE if size is None else size for size in one.shape[1:]) for one in inputs]]


def _torch_shapes(model: Any) -> list[list[tuple[Any, ...]]]:
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            features = module.in_features
            found: list[tuple[Any, ...]] = [(features,), (STEPS, features)]
            found += [(c, side, side) for c in (1, 3) for side in range(2, 257) if c * side * side == features]
            return [[shape] for shape in found]
        if isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
            axes = len(module.kernel_size)
            return [[(module.in_channels, *[side] * axes)] for side in (SIDE, 2 * SIDE, 7 * SIDE)]
        if isinstance(module, torch.nn.ConvTranspose1d | torch.nn.ConvTranspose2d | torch.nn.ConvTranspose3d):
            axes = len(module.kernel_size)
            return [[(module.in_channels, *[side] * axes)] for side in (1, 8)]
        if isinstance(module, torch.nn.Embedding):
            return [[("tokens", module.num_embeddings, STEPS)]]
        if isinstance(module, torch.nn.RNNBase):
            return [[(STEPS, module.input_size)]]
        if isinstance(module, torch.nn.LayerNorm):
            return [[(STEPS, *module.normalized_shape)], [tuple(module.normalized_shape)]]
    return []
