"""What each kind of torch layer takes, with the sizes that are usual for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from actinit_lint.probe.inference.specs import BATCH, Spec

LENGTH = 32  # of sequences
SIZES = (64, 32, 28, 128, 224, 256, 96, 84, 48, 16, 299, 227, 112, 512, 384)  # image sides people use


def leaves_of(model: Any) -> list[Any]:
    """The layers with parameters of their own, in the order of registration."""
    import torch

    found = []
    inside: set[int] = set()
    for layer in model.modules():
        if id(layer) in inside:
            continue
        whole = isinstance(layer, (torch.nn.MultiheadAttention, torch.nn.Transformer, torch.nn.TransformerEncoderLayer))
        if whole:
            inside.update(id(part) for part in layer.modules())
        if whole or (
            any(True for _ in layer.parameters(recurse=False)) and (layer is not model or not list(layer.children()))
        ):
            found.append(layer)
    return found


def specs_for(layer: Any, model: Any) -> Iterator[Spec]:
    """What a layer takes, with the sizes that are usual for it."""
    from torch import nn

    n = BATCH
    match layer:
        case nn.Embedding() | nn.EmbeddingBag():
            yield Spec((n, LENGTH), "int", layer.num_embeddings)
            yield Spec((n,), "int", layer.num_embeddings)
        case nn.Conv2d():
            sides = [_side(model), 32, 224, 28, 16, 128]
            for side in [28, *sides] if layer.in_channels == 1 and not _declared_side(model) else sides:
                yield Spec((n, layer.in_channels, side, side))
        case nn.ConvTranspose2d():
            for side in (1, 4, 8, 16):
                yield Spec((n, layer.in_channels, side, side))
            yield Spec((n, layer.in_channels))
        case nn.Conv1d() | nn.ConvTranspose1d():
            for length in (128, 1024, 32):
                yield Spec((n, layer.in_channels, length))
            yield Spec((n, 128, layer.in_channels))
        case nn.Conv3d() | nn.ConvTranspose3d():
            for depth, side in ((16, 32), (4, 64), (16, 112), (32, 32)):
                yield Spec((n, layer.in_channels, depth, side, side))
        case nn.RNNBase():
            yield Spec((n, LENGTH, layer.input_size))
        case nn.RNNCellBase():
            yield Spec((n, layer.input_size))
            yield Spec((n, LENGTH, layer.input_size))
        case nn.Linear():
            yield from _for_linear(layer.in_features, model)
        case nn.MultiheadAttention():
            yield Spec((n, LENGTH, layer.embed_dim))
        case nn.TransformerEncoderLayer():
            yield Spec((n, LENGTH, layer.self_attn.embed_dim))
        case nn.Transformer():
            yield Spec((n, LENGTH, layer.d_model))
        case nn.BatchNorm1d() | nn.InstanceNorm1d():
            yield Spec((n, layer.num_features))
            yield Spec((n, layer.num_features, LENGTH))
        case nn.BatchNorm2d() | nn.InstanceNorm2d():
            yield Spec((n, layer.num_features, 32, 32))
        case nn.BatchNorm3d() | nn.InstanceNorm3d():
            yield Spec((n, layer.num_features, 4, 16, 16))
        case nn.GroupNorm():
            yield Spec((n, layer.num_channels, 32, 32))
            yield Spec((n, layer.num_channels, LENGTH))
        case nn.LayerNorm():
            yield Spec((n, LENGTH, *layer.normalized_shape))
            yield Spec((n, *layer.normalized_shape))
        case nn.Bilinear():
            yield Spec((n, layer.in1_features))
        case _:
            yield from _for_bare_parameters(layer)


def _for_linear(features: int, model: Any) -> Iterator[Spec]:
    """Features as they are, or the image or patches they are made of."""
    for channels in (3, 1):
        patch = next((side for side in (16, 8, 4, 32, 14) if side * side * channels == features), None)
        if patch is not None:
            yield Spec((BATCH, channels, _side(model), _side(model)))
    yield Spec((BATCH, features))
    yield Spec((BATCH, LENGTH, features))
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if side * side * channels == features and side >= 8:
            yield Spec((BATCH, channels, side, side))


def _for_bare_parameters(layer: Any) -> Iterator[Spec]:
    weight = next(iter(layer.parameters(recurse=False)))
    width = int(weight.shape[-1]) if weight.dim() == 2 else int(max(weight.shape, default=1))
    if weight.dim() == 2:  # x @ W or x @ W.T
        yield Spec((BATCH, int(weight.shape[0])))
    if weight.dim() >= 3 and weight.shape[0] == 1 and weight.shape[-1] == 1:
        yield Spec((BATCH, width, 32, 32))
    yield Spec((BATCH, LENGTH, width))
    yield Spec((BATCH, width))
    yield Spec((BATCH, width, 32, 32))


def _declared_side(model: Any) -> int | None:
    """The image size a model keeps as an attribute."""
    for name in ("image_size", "img_size", "input_size", "resolution"):
        size = getattr(model, name, None)
        size = size[0] if isinstance(size, (tuple, list)) and size else size
        if type(size) is int and 8 <= size <= 1024:
            return size
    return None


def _side(model: Any) -> int:
    return _declared_side(model) or 64
