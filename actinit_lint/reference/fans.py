"""Fans: those that initialisers compute from a shape, and those of the operation itself, which the signal sees."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple


class Fans(NamedTuple):
    """Inputs and outputs of one unit. Floats, because a stride shares inputs out unevenly."""

    fan_in: float
    fan_out: float


def torch_fans(shape: Sequence[int]) -> Fans:
    """Fans of a torch weight [out, in, *kernel]: size(1)·kernel and size(0)·kernel.

    torch/nn/init.py `_calculate_fan_in_and_fan_out`, 2.13. Transposed convolutions keep their weight as
    [in, out/groups, *kernel], so that "fan_in" counts their outputs. Raises ValueError below two dimensions, as torch.
    """
    if len(shape) < 2:
        raise ValueError(f"fans need a shape of at least two dimensions, got {tuple(shape)}")
    receptive = prod(shape[2:])
    return Fans(shape[1] * receptive, shape[0] * receptive)


def keras_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> Fans:
    """Fans of a Keras kernel [*kernel, in, out]: shape[-2]·kernel and shape[-1]·kernel; a vector's length is both.

    keras/src/initializers/random_initializers.py `compute_fans`, 3.15: with both axes given (MultiHeadAttention,
    EinsumDense), the products over those axes instead.
    """
    if input_axes is not None and output_axes is not None:
        return Fans(prod(shape[axis] for axis in input_axes), prod(shape[axis] for axis in output_axes))
    if not shape:
        return Fans(1, 1)
    if len(shape) == 1:
        return Fans(shape[0], shape[0])
    receptive = prod(shape[:-2])
    return Fans(shape[-2] * receptive, shape[-1] * receptive)


def dense_fans(inputs: int, outputs: int) -> Fans:
    """Fans of the operation of a dense layer: inputs summed per output, outputs that one input reaches."""
    return Fans(inputs, outputs)


def convolution_fans(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> Fans:
    """Fans of the operation of a convolution in its interior; `kernel` and `stride` are products over all axes.

    Each output sums inputs/groups·kernel products. Each input reaches outputs/groups·kernel/stride outputs.
    """
    return Fans(inputs / groups * kernel, outputs / groups * kernel / stride)


def transposed_convolution_fans(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> Fans:
    """Fans of the operation of a transposed convolution, where the stride thins out the inputs of an output."""
    return Fans(inputs / groups * kernel / stride, outputs / groups * kernel)
