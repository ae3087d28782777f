"""One call of a function of torch's, as an observer sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from actinit_lint.probe.observe import functions
from actinit_lint.probe.observe.tags import Tag, tag_of, tensors_in
from actinit_lint.probe.statistics import Sample


class Call:
    """The function by its plain name, and its operands with their tags; an elementwise one as it is before it runs.

    `before` holds the values of the first operand, where an elementwise function is about to write over them, and
    `sample` the statistics that were taken of that operand, unless it has been written to since.
    """

    __slots__ = ("args", "before", "kwargs", "module", "name", "operands", "sample", "tags")

    def __init__(
        self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any], module: str
    ) -> None:
        self.name = name
        self.args, self.kwargs, self.module = args, kwargs, module
        self.operands = tensors_in(args)
        if kwargs:
            self.operands += tensors_in(kwargs.values())
        self.tags = [tag_of(one) for one in self.operands]
        self.before: torch.Tensor | None = None
        self.sample: Sample | None = None
        if name in functions.ELEMENTWISE and self.operands:
            first, tag = self.operands[0], self.tags[0]
            if tag is not None and tag.sample is not None and tag.version == first._version:
                self.sample = tag.sample
            if _overwrites(function, name, kwargs) and args and first is args[0]:
                self.before = first.detach().clone()
                if self.sample is not None:
                    self.sample.keep()

    @property
    def of_weights_alone(self) -> bool:
        return all(tag is not None and tag.weights for tag in self.tags)

    @property
    def data(self) -> list[tuple[torch.Tensor, Tag]]:
        """The operands that come from the model's input by way of a layer or function."""
        return [(one, tag) for one, tag in zip(self.operands, self.tags) if tag is not None and not tag.weights]


def _overwrites(function: Callable[..., Any], name: str, kwargs: dict[str, Any]) -> bool:
    spelled = str(getattr(function, "__name__", ""))
    return bool(kwargs.get("inplace")) or (spelled.endswith("_") and not spelled.endswith("__")) or name[:1] == "i"
