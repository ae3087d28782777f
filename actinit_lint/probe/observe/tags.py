"""What a tensor remembers of where it comes from: the layers behind it and the function since the last of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import ReferenceType

import torch

from actinit_lint.probe.measurement import Line
from actinit_lint.probe.statistics import Response, Sample, is_quick, response_to
from actinit_lint.reference.nonlinearity import Nonlinearity

_ATTRIBUTE = "_actinit_lint_tag"
_CONTAINERS = (list, tuple, dict)
_NOTHING = torch.empty(0)


class Bend:
    """One non-linear function on the way from a base, with what goes in and comes out until it is recorded."""

    __slots__ = ("after", "before", "known", "line", "module", "name", "recorded", "response", "sample")

    def __init__(
        self,
        name: str,
        known: Nonlinearity | None,
        before: torch.Tensor,
        after: torch.Tensor,
        line: Line | None,
        module: str,
        sample: Sample | None,
    ) -> None:
        self.name, self.known, self.line, self.module = name, known, line, module
        self.before, self.after = before, after
        self.sample = sample  # of `before`, where it was taken already
        self.response: Response | None = None
        if known is not None and sample is not None and is_quick(known):  # now that the values are still in the cache
            self.response = response_to(sample.values, known)
        self.recorded = False

    def close(self) -> None:
        """Recorded. The memory goes to what the model makes next, as it would without the probe."""
        self.recorded = True
        self.before = self.after = _NOTHING
        self.sample = self.response = None


class Tag:
    """Hangs on a tensor as an attribute, and dies with it.

    A tensor made from weights alone has `weights`. Data has `sources`, the layers it comes from directly, and `via`,
    what lies between. While only elementwise functions of one tensor are applied, that tensor is the `base`, `bends`
    are the non-linear ones among them, and `images` what multiples and shifts of the base were met on the way. `met` is
    where branches of the base met again, as in z·σ(z). Once a function is recorded its tag keeps no base alive: it then
    meets only branches that have the base still. `sample` is of the tensor itself, as it was at `version`, and `second`
    its second moment with the version that it had then.
    """

    __slots__ = (
        "_base",
        "bends",
        "images",
        "met",
        "recorded",
        "sample",
        "second",
        "sources",
        "version",
        "via",
        "weights",
    )

    def __init__(
        self,
        sources: frozenset[int] = frozenset(),
        via: frozenset[str] = frozenset(),
        weights: tuple[str, ...] = (),
        base: torch.Tensor | None = None,
        bends: tuple[Bend, ...] = (),
        images: tuple[torch.Tensor, ...] = (),
        met: tuple[Line | None, str] | None = None,
    ) -> None:
        self.sources, self.via, self.weights = sources, via, weights
        self._base: torch.Tensor | ReferenceType[torch.Tensor] | None = base
        self.bends, self.images, self.met = bends, images, met
        self.recorded = False
        self.sample: Sample | None = None
        self.version = 0
        self.second: tuple[float, int] | None = None

    @property
    def base(self) -> torch.Tensor | None:
        return self._base() if isinstance(self._base, ReferenceType) else self._base

    @base.setter
    def base(self, tensor: torch.Tensor) -> None:
        self._base = tensor

    def let_go(self) -> None:
        """Keep no base alive."""
        if isinstance(self._base, torch.Tensor):
            self._base = ReferenceType(self._base)


def tag_of(tensor: torch.Tensor) -> Tag | None:
    return getattr(tensor, _ATTRIBUTE, None)


def put(tensor: torch.Tensor, tag: Tag) -> None:
    setattr(tensor, _ATTRIBUTE, tag)


def take_off(tensor: torch.Tensor) -> None:
    if hasattr(tensor, _ATTRIBUTE):
        delattr(tensor, _ATTRIBUTE)


def tensors_in(values: Iterable[Any], depth: int = 1) -> list[torch.Tensor]:
    """The tensors among arguments, in lists and dictionaries too."""
    found: list[torch.Tensor] = []
    for one in values:
        if isinstance(one, torch.Tensor):
            found.append(one)
        elif depth and isinstance(one, _CONTAINERS):
            found += tensors_in(one.values() if isinstance(one, dict) else one, depth - 1)
    return found


def together(tags: Iterable[Tag]) -> tuple[frozenset[int], frozenset[str]]:
    """Sources and ways of several tags."""
    sources: frozenset[int] = frozenset()
    via: frozenset[str] = frozenset()
    for tag in tags:
        sources |= tag.sources
        via |= tag.via
    return sources, via
