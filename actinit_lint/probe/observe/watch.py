"""The observer: one TorchFunctionMode that sees every function call, and a stack that knows the module around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from actinit_lint.probe.measurement import LayerRecord, Line
from actinit_lint.probe.observe import functions
from actinit_lint.probe.observe.book import ActivationSums, Book, LayerSums
from actinit_lint.probe.observe.functions import known_activation, plain_name
from actinit_lint.probe.observe.identify import identify, is_straight, sample_of
from actinit_lint.probe.observe.places import calling_line
from actinit_lint.probe.observe.tags import Bend, Tag, put, tag_of, take_off, tensors_in, together
from actinit_lint.probe.observe.weights import Owner
from actinit_lint.probe.statistics import by_unit, second_moment
from actinit_lint.reference.nonlinearity import Nonlinearity

#: Multiples of a base that are kept to compare with.
MOST_IMAGES = 6


class Watch(TorchFunctionMode):  # type: ignore[misc]
    """Watches one forward pass. Statistics are taken at once; of the tensors nothing is kept beyond their lifetime."""

    def __init__(self, book: Book, owners: Mapping[str, Owner], batch: int) -> None:
        super().__init__()
        self.book = book
        self.modules: list[str] = [""]
        self.blocked: set[str] = set()
        self.faults: set[str] = set()
        self.paused = False
        self._owners = owners
        self._batch = batch
        self._tagged: list[torch.Tensor] = []

    def __enter__(self) -> Watch:
        for name, owner in self._owners.items():
            put(owner.parameter, Tag(weights=(name,)))
        super().__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        for owner in self._owners.values():
            take_off(owner.parameter)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        name = plain_name(func)
        operands = [*tensors_in(args), *tensors_in(kwargs)]
        kept = self._copy_if_overwritten(func, name, args, kwargs) if name in functions.ELEMENTWISE else None
        tags = [tag_of(one) for one in operands]
        result = func(*args, **kwargs)
        if name in functions.BLOCKS and any(one.requires_grad for one in operands):
            self.blocked.add(name)
        try:
            self._note(name, args, kwargs, operands, tags, result, kept)
        except Exception as problem:  # a fault of the observer is no fault of the model
            text = " ".join(f"{type(problem).__name__}: {problem}".split())
            self.faults.add(f"{name} was not observed: {text}")
        return result

    def _note(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        operands: list[torch.Tensor],
        tags: list[Tag | None],
        result: Any,
        kept: torch.Tensor | None,
    ) -> None:
        if isinstance(result, torch.Tensor):
            self._call(name, args, kwargs, operands, tags, result, kept)
        elif isinstance(result, list | tuple) and operands:
            made = [one for one in tensors_in(result) if one.dtype.is_floating_point]
            if made:
                self._passed(name, operands, tags, made)

    def finish(self, leaves: list[torch.Tensor]) -> None:
        """Take what the model gives back as consumed."""
        for leaf in leaves:
            self._consume(leaf, tag_of(leaf), "output")

    # -- what a call is

    def _call(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        operands: list[torch.Tensor],
        tags: list[Tag | None],
        result: torch.Tensor,
        kept: torch.Tensor | None,
    ) -> None:
        if not operands:
            return
        if all(tag is not None and tag.weights for tag in tags):
            names = tuple(dict.fromkeys(one for tag in tags if tag is not None for one in tag.weights))
            if result is not operands[0]:
                put(result, Tag(weights=names))
            return
        if name in functions.LINEAR and self._linear(name, args, kwargs, operands, tags, result):
            return
        if name in functions.ELEMENTWISE and any(one.shape == result.shape for one in operands):
            self._elementwise(name, args, kwargs, operands, tags, result, kept)
            return
        if name in functions.SOFTMAXES:
            self._softmax(name, operands[0], tags[0], result)
            return
        self._passed(name, operands, tags, [result])

    def _passed(
        self, name: str, operands: list[torch.Tensor], tags: list[Tag | None], results: list[torch.Tensor]
    ) -> None:
        """Anything that is neither elementwise nor a layer: it consumes, and what it makes is a new base."""
        data = [(one, tag) for one, tag in zip(operands, tags) if tag is not None and not tag.weights]
        merged = len({id(tag) for _, tag in data}) > 1
        end = (
            "gate" if merged and name in functions.MULTIPLIES else "add" if merged and name in functions.ADDS else name
        )
        for one, tag in data:
            self._consume(one, tag, end)
        sources, via = together(tag for _, tag in data)
        tables = (("norm", functions.NORMS), ("pool", functions.POOLS), ("mean", functions.MEANS))
        extra = {word for word, names in tables if name in names}
        if merged:
            extra.add(end if end in ("gate", "add") else "joined")
        extra |= {bend.known.name if bend.known else bend.name for _, tag in data for bend in tag.bends}
        if any(tag.bends for _, tag in data):
            extra.add("activation")
        for result in results:
            put(result, Tag(sources, via | extra))

    # -- layers

    def _linear(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        operands: list[torch.Tensor],
        tags: list[Tag | None],
        result: torch.Tensor,
    ) -> bool:
        """Record a linear map by a weight; False where two tensors of data meet."""
        found = _weight_among(name, operands, tags)
        if found is None:
            return False
        position, weight, parameter_name = found
        owner = self._owners.get(parameter_name)
        if owner is None or weight.dim() < 2:
            return False
        data = next(
            (i for i, tag in enumerate(tags) if i != position and (tag is None or not tag.weights) and i < 3), None
        )
        if data is None:
            data = 0 if position != 0 else 1
        fed, tag = operands[data], tags[data]
        self._consume(fed, tag, "layer")
        axis = 1 if name.startswith("conv") and result.dim() > 2 else -1
        weight_axis = _weight_axis(name, position > data)
        if name not in ("linear", "einsum", "tensordot") and not name.startswith("conv") and position < data:
            axis = -2 if result.dim() > 1 else -1
        sources, via = (tag.sources, tag.via) if tag is not None else (frozenset[int](), frozenset[str]())
        if tag is not None and tag.bends:
            via = via | {"activation"}
        line = calling_line(3)
        index = self.book.layer(
            (parameter_name, name),
            lambda: LayerRecord(
                weight=parameter_name,
                layer=owner.layer,
                kind=name,
                shape=list(owner.parameter.shape),
                unit_axis=_axis_in_parameter(name, weight, weight_axis, owner),
                fan_in=_fan_in(name, args, kwargs, weight, weight_axis, fed, result),
                constructed=owner.constructed,
                called=line,
                sources=sorted(sources),
                via=sorted(via),
                trainable=owner.parameter.requires_grad,
            ),
        )
        sums = self._layer_sums(index, owner, weight)
        sums.fed += second_moment(fed)
        sums.out.add(by_unit(result, axis))
        if result.requires_grad:
            _hook(result, axis, sums, fed.shape[0] if fed.dim() > 1 else 1)
        put(result, Tag(frozenset({index})))
        return True

    def _layer_sums(self, index: int, owner: Owner, weight: torch.Tensor) -> LayerSums:
        sums = self.book.layer_sums.get(index)
        if sums is None:
            record = self.book.measurement.layers[index]
            variance, mean = torch.var_mean(weight.detach(), correction=0)
            sums = LayerSums(owner.parameter, record.unit_axis, float(mean), float(variance))
            self.book.layer_sums[index] = sums
        return sums

    # -- activations

    def _copy_if_overwritten(
        self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> torch.Tensor | None:
        """The values of the first operand, where the call is about to write over them."""
        spelled = str(getattr(func, "__name__", ""))
        in_place = kwargs.get("inplace") or (spelled.endswith("_") and not spelled.endswith("__")) or name[:1] == "i"
        if not in_place or not args or not isinstance(args[0], torch.Tensor):
            return None
        return args[0].detach().clone()

    def _elementwise(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        operands: list[torch.Tensor],
        tags: list[Tag | None],
        result: torch.Tensor,
        kept: torch.Tensor | None,
    ) -> None:
        wide = [(one, tag) for one, tag in zip(operands, tags) if one.numel() > 1 or one.shape == result.shape]
        data = [(one, tag) for one, tag in wide if tag is not None and not tag.weights]
        parametric = name == "prelu"
        if not data or (len(data) < len(wide) and not parametric):
            if not data and not any(tag is not None for _, tag in wide):
                self._bend(name, args, kwargs, operands[0], None, result, kept)  # an activation of the bare input
            else:
                self._passed("shift", operands, tags, [result])
            return
        bases = {id(tag.base) if tag.base is not None else id(one) for one, tag in data}
        if len(bases) > 1:
            kind = "gate" if name in functions.MULTIPLIES else "add"
            for one, tag in data:
                self._consume(one, tag, kind)
            sources, via = together(tag for _, tag in data)
            extra = {kind} | ({"activation"} if any(tag.bends for _, tag in data) else set())
            put(result, Tag(sources, via | extra))
            return
        if len(data) == 1 or parametric:
            self._bend(name, args, kwargs, data[0][0], data[0][1], result, kept)
            return
        first = max((tag for _, tag in data), key=lambda tag: len(tag.bends))
        base = next((tag.base for _, tag in data if tag.base is not None), data[0][0].detach())
        bends = tuple(dict.fromkeys(bend for _, tag in data for bend in tag.bends))
        images = {id(image): image for _, tag in data for image in tag.images}
        where = calling_line(4), self.modules[-1]
        put(result, Tag(first.sources, first.via, (), base, bends, tuple(images.values())[-MOST_IMAGES:], where))

    def _bend(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        operand: torch.Tensor,
        tag: Tag | None,
        result: torch.Tensor,
        kept: torch.Tensor | None,
    ) -> None:
        """A function of one tensor."""
        before = kept if kept is not None else operand.detach()
        if tag is None:
            tag = Tag()
            put(operand, tag)
        if tag.base is None:
            tag.base = before  # noted on the operand too: what else is made from it has the same base
        base = tag.base
        bends, images = tag.bends, tag.images
        if name in functions.STRAIGHT:
            if not bends and tag.met is None:
                images = (*images, result.detach())[-MOST_IMAGES:]
        elif result.dtype.is_floating_point:
            known = known_activation(name, args, kwargs)
            bend = Bend(name, known, before, result.detach(), calling_line(4), self.modules[-1])
            bends = (*bends, bend)
        put(result, Tag(tag.sources, tag.via, (), base, bends, images, tag.met))

    def _softmax(self, name: str, operand: torch.Tensor, tag: Tag | None, result: torch.Tensor) -> None:
        self._consume(operand, tag, name)
        tag = tag or Tag()
        self._record(name, None, operand.detach(), result.detach(), calling_line(4), self.modules[-1], tag, "")
        put(result, Tag(tag.sources, tag.via | {"activation", name}))

    def _consume(self, tensor: torch.Tensor, tag: Tag | None, end: str) -> None:
        """The function that led from the base to `tensor` is complete: find out which it was, and record it."""
        if tag is None or tag.recorded or tag.base is None or not (tag.bends or tag.met):
            return
        tag.recorded = True
        if tag.met is not None or len(tag.bends) > 1:
            whole = self._whole(tensor, tag)
            if whole is not None:
                known, before = whole
                last = tag.bends[-1] if tag.bends else None
                line, module = (last.line, last.module) if last is not None else tag.met or (None, "")
                self._record(known.name, known, before, tensor.detach(), line, module, tag, end)
                return
        for bend in tag.bends:
            if bend.recorded:
                continue
            bend.recorded = True
            found = bend.known or identify(sample_of(bend.before), sample_of(bend.after))
            if found is not None:
                self._record(bend.name, found, bend.before, bend.after, bend.line, bend.module, tag, end)

    def _whole(self, tensor: torch.Tensor, tag: Tag) -> tuple[Nonlinearity, torch.Tensor] | None:
        """The one activation that leads to `tensor`, and from where: the base, or a multiple of it."""
        assert tag.base is not None
        if not tensor.dtype.is_floating_point:
            return None
        after = sample_of(tensor)
        for before in (tag.base, *tag.images):
            if before.shape != tensor.shape or is_straight(sample_of(before), after):
                continue
            known = identify(sample_of(before), after)
            if known is not None:
                return known, before
        return None

    def _record(
        self,
        name: str,
        known: Nonlinearity | None,
        before: torch.Tensor,
        after: torch.Tensor,
        line: Line | None,
        module: str,
        tag: Tag,
        end: str,
    ) -> None:
        if before.numel() == 0 or not before.dtype.is_floating_point:
            return
        index = self.book.activation(name, known, line, module, sorted(tag.sources), sorted(tag.via))
        record = self.book.measurement.activations[index]
        if end and (not record.end or end in ("gate", "add")):
            record.end = end
        sums = self.book.activation_sums.setdefault(index, ActivationSums())
        axis = self._unit_axis(before, tag)
        values = by_unit(before, axis)
        sums.before.add(values)
        sums.after.add(by_unit(after, axis))
        if known is not None:
            sums.response.add(values, known)
            if known.family == "rectifier":
                self.book.add_silent(sums.response.silent, self._batch)

    def _unit_axis(self, before: torch.Tensor, tag: Tag) -> int:
        """Where the units of the layer before are: the channels of a map, else the last axis."""
        widths = {self.book.layer_sums[index].out.units for index in tag.sources if index in self.book.layer_sums}
        if before.dim() > 2:
            for axis in (1, -1):
                if before.shape[axis] in widths:
                    return axis
            return 1
        return -1


def _weight_among(
    name: str, operands: list[torch.Tensor], tags: list[Tag | None]
) -> tuple[int, torch.Tensor, str] | None:
    """(position, tensor, parameter's name) of the weight of a linear map."""
    fixed = functions.LINEAR[name]
    if fixed is not None:
        tag = tags[fixed] if fixed < len(tags) else None
        return (fixed, operands[fixed], tag.weights[0]) if tag is not None and tag.weights else None
    first = 1 if name in ("addmm", "baddbmm") and len(operands) > 2 else 0
    weights = [i for i in range(first, len(operands)) if (tag := tags[i]) is not None and tag.weights]
    if len(weights) != 1 or len(operands) - first < 2:
        return None
    found = tags[weights[0]]
    assert found is not None
    return weights[0], operands[weights[0]], found.weights[0]


def _weight_axis(name: str, right: bool) -> int:
    """The axis of the weight, as the function gets it, that counts units."""
    if name == "linear":
        return 0
    if name.startswith("conv_transpose"):
        return 1
    if name.startswith("conv"):
        return 0
    return -1 if right else -2


def _axis_in_parameter(name: str, weight: torch.Tensor, axis: int, owner: Owner) -> int:
    """The parameter's axis that a transposed view of it, or something computed from it, has at `axis`."""
    parameter = owner.parameter
    if owner.layout == "keras" and name.startswith("conv") and parameter.dim() == weight.dim():
        return parameter.dim() - (2 if name.startswith("conv_transpose") else 1)  # [*kernel, in, out], out before in
    axis %= weight.dim()
    size = weight.shape[axis]
    if weight.untyped_storage().data_ptr() == parameter.untyped_storage().data_ptr():
        same = [i for i, s in enumerate(parameter.stride()) if s == weight.stride(axis) and parameter.shape[i] == size]
        if same:
            return same[0]
    if weight.shape == parameter.shape:
        return axis
    matching = [i for i, n in enumerate(parameter.shape) if n == size]
    return matching[0] if matching else 0


def _fan_in(
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    weight: torch.Tensor,
    axis: int,
    fed: torch.Tensor,
    result: torch.Tensor,
) -> float:
    """Products that are summed in one output."""
    if name.startswith("conv_transpose"):
        stride = kwargs.get("stride", args[3] if len(args) > 3 else 1)
        spread = prod(stride) if isinstance(stride, list | tuple) else stride ** (weight.dim() - 2)
        groups = kwargs.get("groups", args[6] if len(args) > 6 else 1)
        return weight.shape[0] / groups * prod(weight.shape[2:]) / spread
    if name.startswith("conv"):
        return float(prod(weight.shape[1:]))
    if name in ("einsum", "tensordot", "inner"):
        return sqrt(fed.numel() * weight.numel() / max(1, result.numel()))
    return float(weight.shape[1] if name == "linear" else weight.shape[-2 if axis == -1 else -1])


def _hook(result: torch.Tensor, axis: int, sums: LayerSums, batch: int) -> None:
    """Add the gradient's square to the sums when it comes: summed over positions, mean over batch and units."""
    units = result.shape[axis]

    def take(gradient: torch.Tensor) -> None:
        if gradient is not None:
            sums.back += second_moment(gradient) * gradient.numel() / max(1, units * batch)
            sums.back_rows += 1
            sums.got = True

    result.register_hook(take)
