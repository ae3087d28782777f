"""Which axis of the data a linear map works on: two maps over different axes do not collapse into one layer."""

from __future__ import annotations

from collections.abc import Sequence

from actinit_lint.model import Layer

#: Operations that put axes in another order, or lay channels out over space and back.
MOVES = frozenset(
    {"transpose", "permute", "t", "T", "mT", "swapaxes", "swapdims", "movedim", "moveaxis", "permute_dimensions"}
    | {"rearrange", "Rearrange", "Permute", "einops_rearrange"}
    | {"PixelShuffle", "PixelUnshuffle", "pixel_shuffle", "pixel_unshuffle", "depth_to_space", "space_to_depth"}
)
#: Operations that leave the axes of a tensor as they are.
SAME_AXES = frozenset(
    {"Dropout", "dropout", "Identity", "contiguous", "float", "half", "double", "to", "clone", "detach", "-", "+"}
)


def other_axes(first: Layer, second: Layer, between: Sequence[str]) -> bool:
    """Whether the second of two linear maps works on another axis than the first; False where that is not certain."""
    if _separable(_kernel(first), _kernel(second)):
        return True
    moved = any(name in MOVES for name in between)
    if _over_channels(first) == _over_channels(second):
        return moved
    return not moved and all(name in SAME_AXES for name in between)


def _over_channels(layer: Layer) -> bool:
    """True for a map over axis 1, torch's channels; False for one over the last axis, with the channels of Keras."""
    return layer.framework == "torch" and "Conv" in layer.kind


def _kernel(layer: Layer) -> tuple[int | None, ...]:
    """The sizes of a convolution's kernel; none for other layers."""
    weight = layer.kernel_weight
    if weight is None or weight.shape is None or "Conv" not in layer.kind:
        return ()
    return weight.shape[2:] if layer.framework == "torch" else weight.shape[:-2]


def _separable(one: tuple[int | None, ...], two: tuple[int | None, ...]) -> bool:
    """Whether two kernels have no axis in common: 1×k and then k×1, over time and then over the electrodes."""
    return (
        len(one) == len(two)
        and all(1 in pair for pair in zip(one, two))
        and any(size != 1 for size in one)
        and any(size != 1 for size in two)
    )
