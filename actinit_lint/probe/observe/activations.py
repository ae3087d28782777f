"""Activations: which function a tensor went through since the last layer, and what came in and out of it."""

from __future__ import annotations

import torch

from actinit_lint.probe.measurement import Line
from actinit_lint.probe.observe.book import ActivationSums, Book
from actinit_lint.probe.observe.identify import identify, is_straight, sample_of
from actinit_lint.probe.observe.tags import Bend, Tag
from actinit_lint.probe.statistics import response_to, sample_by_unit, second_moment
from actinit_lint.reference.nonlinearity import Nonlinearity


class Activations:
    """Records them in a book."""

    def __init__(self, book: Book, batch: int) -> None:
        self._book = book
        self._batch = batch

    def consume(self, tensor: torch.Tensor, tag: Tag | None, end: str) -> None:
        """The function that led from the base to `tensor` is complete: find out which it was, and record it."""
        if tag is None or tag.recorded or tag.base is None or not (tag.bends or tag.met):
            return
        tag.recorded = True
        if tag.met is not None or len(tag.bends) > 1:
            whole = _whole(tensor, tag)
            if whole is not None:
                known, before = whole
                last = tag.bends[-1] if tag.bends else None
                line, module = (last.line, last.module) if last is not None else tag.met or (None, "")
                after = self.record(Bend(known.name, known, before, tensor.detach(), line, module, None), tag, end)
                tag.second = after, tensor._version
                return
        for bend in tag.bends:
            if not bend.recorded:
                found = bend.known or identify(sample_of(bend.before), sample_of(bend.after))
                if found is not None:
                    bend.known = found
                    after = self.record(bend, tag, end)
                    if bend.after.data_ptr() == tensor.data_ptr() and bend.after.shape == tensor.shape:
                        tag.second = after, tensor._version
                bend.close()
        tag.let_go()

    def record(self, bend: Bend, tag: Tag, end: str) -> float:
        """Take the statistics of one function, behind the layers that the tag names; E y² of what comes out."""
        before, known = bend.before, bend.known
        if before.numel() == 0 or not before.dtype.is_floating_point:
            return second_moment(bend.after)
        line: Line | None = bend.line
        index = self._book.activation(bend.name, known, line, bend.module, sorted(tag.sources), sorted(tag.via))
        record = self._book.measurement.activations[index]
        if end and (not record.end or end in ("gate", "add")):
            record.end = end
        sums = self._book.activation_sums.setdefault(index, ActivationSums())
        sample = bend.sample or sample_by_unit(before, self._unit_axis(before, tag))
        sums.before.add(sample)
        after = second_moment(bend.after)
        sums.after += after
        if known is not None:
            sums.response.join(bend.response or response_to(sample.values, known))
            if known.family == "rectifier":
                self._book.add_silent(sums.response.silent, self._batch)
        return after

    def _unit_axis(self, before: torch.Tensor, tag: Tag) -> int:
        """Where the units of the layer before are: the channels of a map, else the last axis."""
        sums = self._book.layer_sums
        widths = {sums[index].out.units for index in tag.sources if index in sums}
        if before.dim() > 2:
            for axis in (1, -1):
                if before.shape[axis] in widths:
                    return axis
            return 1
        return -1


def _whole(tensor: torch.Tensor, tag: Tag) -> tuple[Nonlinearity, torch.Tensor] | None:
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
