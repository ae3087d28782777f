"""Linear maps by a weight: what goes in and what comes out of them, and the gradient that comes back."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod, sqrt

import torch

from actinit_lint.probe.measurement import LayerRecord
from actinit_lint.probe.observe import functions
from actinit_lint.probe.observe.book import Book, LayerSums
from actinit_lint.probe.observe.call import Call
from actinit_lint.probe.observe.places import calling_line
from actinit_lint.probe.observe.tags import Tag, put
from actinit_lint.probe.observe.weights import Owner
from actinit_lint.probe.statistics import sample_by_unit, second_moment


class LinearMap:
    """A call that multiplies data with a weight."""

    __slots__ = ("call", "data", "fed", "owner", "parameter", "position", "weight", "weight_axis")

    def __init__(self, call: Call, position: int, parameter: str, owner: Owner, data: int) -> None:
        self.call, self.position, self.parameter, self.owner, self.data = call, position, parameter, owner, data
        self.weight, self.fed = call.operands[position], call.operands[data]
        self.weight_axis = _weight_axis(call.name, position > data)

    @property
    def tag(self) -> Tag | None:
        """Of the data."""
        return self.call.tags[self.data]

    def unit_axis(self, result: torch.Tensor) -> int:
        name = self.call.name
        if name.startswith("conv"):
            return 1 if result.dim() > 2 else -1
        if name not in ("linear", "einsum", "tensordot") and self.position < self.data:
            return -2 if result.dim() > 1 else -1
        return -1

    def fan_in(self, result: torch.Tensor) -> float:
        """Products that are summed in one output."""
        name, args, kwargs, weight = self.call.name, self.call.args, self.call.kwargs, self.weight
        if name.startswith("conv_transpose"):
            stride = kwargs.get("stride", args[3] if len(args) > 3 else 1)
            spread = prod(stride) if isinstance(stride, list | tuple) else stride ** (weight.dim() - 2)
            groups = kwargs.get("groups", args[6] if len(args) > 6 else 1)
            return weight.shape[0] / groups * prod(weight.shape[2:]) / spread
        if name.startswith("conv"):
            return float(prod(weight.shape[1:]))
        if name in ("einsum", "tensordot", "inner"):
            return sqrt(self.fed.numel() * weight.numel() / max(1, result.numel()))
        return float(weight.shape[1] if name == "linear" else weight.shape[-2 if self.weight_axis == -1 else -1])

    def axis_in_parameter(self) -> int:
        """The parameter's axis that a transposed view of it, or something computed from it, has at the weight's."""
        parameter, weight, name = self.owner.parameter, self.weight, self.call.name
        if self.owner.layout == "keras" and name.startswith("conv") and parameter.dim() == weight.dim():
            return parameter.dim() - (
                2 if name.startswith("conv_transpose") else 1
            )  # [*kernel, in, out], out before in
        axis = self.weight_axis % weight.dim()
        size = weight.shape[axis]
        if weight.untyped_storage().data_ptr() == parameter.untyped_storage().data_ptr():
            strides = zip(parameter.stride(), parameter.shape, strict=True)
            same = [i for i, found in enumerate(strides) if found == (weight.stride(axis), size)]
            if same:
                return same[0]
        if weight.shape == parameter.shape:
            return axis
        matching = [i for i, n in enumerate(parameter.shape) if n == size]
        return matching[0] if matching else 0


def linear_map(call: Call, owners: Mapping[str, Owner]) -> LinearMap | None:
    """None where two tensors of data meet."""
    found = _weight_among(call)
    if found is None:
        return None
    position, parameter = found
    owner = owners.get(parameter)
    if owner is None or call.operands[position].dim() < 2:
        return None
    others = (i for i, tag in enumerate(call.tags[:3]) if i != position and (tag is None or not tag.weights))
    return LinearMap(call, position, parameter, owner, next(others, 0 if position != 0 else 1))


def record(book: Book, found: LinearMap, result: torch.Tensor) -> None:
    """Take the statistics of a call, and be told its gradient when that comes."""
    tag, owner = found.tag, found.owner
    sources, via = (tag.sources, tag.via) if tag is not None else (frozenset[int](), frozenset[str]())
    if tag is not None and tag.bends:
        via = via | {"activation"}
    index = book.layer(
        (found.parameter, found.call.name),
        lambda: LayerRecord(
            weight=found.parameter,
            layer=owner.layer,
            kind=found.call.name,
            shape=list(owner.parameter.shape),
            unit_axis=found.axis_in_parameter(),
            fan_in=found.fan_in(result),
            constructed=owner.constructed,
            called=calling_line(),
            sources=sorted(sources),
            via=sorted(via),
            trainable=owner.parameter.requires_grad,
        ),
    )
    sums = book.layer_sums.get(index)
    if sums is None:
        axis = book.measurement.layers[index].unit_axis
        sums = book.layer_sums[index] = LayerSums(owner.parameter, axis)
    axis = found.unit_axis(result)
    sample = sample_by_unit(result, axis)
    sums.rows += result.numel() // max(1, result.shape[axis])
    sums.fed += _fed(found)
    sums.out.add(sample)
    if result.requires_grad:
        _hook(result, axis, sums, found.fed.shape[0] if found.fed.dim() > 1 else 1)
    behind = Tag(frozenset({index}))
    behind.sample, behind.version = sample, result._version
    put(result, behind)


def _fed(found: LinearMap) -> float:
    """E x² of what goes in, taken once for all that a tensor is fed to."""
    tag, version = found.tag, found.fed._version
    if tag is None:
        return second_moment(found.fed)
    if tag.second is None or tag.second[1] != version:
        tag.second = second_moment(found.fed), version
    return tag.second[0]


def _weight_among(call: Call) -> tuple[int, str] | None:
    """(position, parameter's name) of the weight of a linear map."""
    tags, count = call.tags, len(call.operands)
    fixed = functions.LINEAR[call.name]
    if fixed is not None:
        tag = tags[fixed] if fixed < count else None
        return (fixed, tag.weights[0]) if tag is not None and tag.weights else None
    first = 1 if call.name in ("addmm", "baddbmm") and count > 2 else 0
    weights = [(i, tag.weights[0]) for i, tag in enumerate(tags) if i >= first and tag is not None and tag.weights]
    return weights[0] if len(weights) == 1 and count - first >= 2 else None


def _weight_axis(name: str, right: bool) -> int:
    """The axis of the weight, as the function gets it, that counts units."""
    if name == "linear":
        return 0
    if name.startswith("conv_transpose"):
        return 1
    if name.startswith("conv"):
        return 0
    return -1 if right else -2


def _hook(result: torch.Tensor, axis: int, sums: LayerSums, batch: int) -> None:
    """Add the gradient's square to the sums when it comes: summed over positions, mean over batch and units."""
    units = result.shape[axis]

    def take(gradient: torch.Tensor) -> None:
        if gradient is not None:
            sums.back += second_moment(gradient) * gradient.numel() / max(1, units * batch)
            sums.back_rows += 1
            sums.got = True

    result.register_hook(take)
