"""What a check is: a function over facts of one kind, registered by decorator, yielding hits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from actinit_lint.model import Place
from actinit_lint.reference.normal_form import Initializer

Level = Literal["error", "warning", "info"]
Confidence = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """The initialiser that would fit a weight: what a fix writes into the code and the probe into the memory."""

    model: str
    layer: str  # path in the model: "net.0"
    weight: str  # "weight", "kernel", "weight_hh_l0", "bias"
    initializer: Initializer


@dataclass(slots=True)
class Hit:
    """One place where a rule applies. The words come from the rule's page; `fields` fill its templates."""

    at: Place
    caption: str = ""  # what the full report writes under the primary span
    also: tuple[tuple[Place, str], ...] = ()  # related places with captions
    level: Level | None = None  # None: the page's level
    confidence: Confidence = "high"
    model: str | None = None
    layer: str | None = None
    initializer: str | None = None
    activation: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)  # placeholders of the page's message and help templates
    help: str | None = None  # replaces the page's help template
    remedies: tuple[Remedy, ...] = ()  # what would heal it, for each weight it speaks of
    #: hits of one rule with the same key and place are one finding: their related places and remedies are joined
    key: object = None


Check = Callable[[Any, Mapping[str, Any]], Iterable[Hit]]
C = TypeVar("C", bound=Check)


def on(*kinds: type) -> Callable[[C], C]:
    """Mark a check with the kinds of fact it looks at: `@on(Link)`. The check gets (fact, options of its page)."""

    def mark(check: C) -> C:
        check.kinds = kinds  # type: ignore[attr-defined]
        return check

    return mark
