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


@dataclass(frozen=True, slots=True)
class Mend:
    """A change that would cure a hit: what is to become of a place. `fixes` knows how to write each kind."""

    how: Literal[
        "draw",  # the write to a weight there draws with `to`, a normal form
        "rename",  # the called function is spelled `to`
        "argument",  # the argument `of` is spelled `to`
        "text",  # the string `of` there, or among the arguments of the call there, is `to`
        "guard",  # the call there leaves out parameters of fewer than two dimensions
        "data",  # the method called there writes through `.data`
        "unwrap",  # the activation applied there is left out
        "probabilities",  # the loss built there is told that it gets probabilities
    ]
    at: Place
    to: Initializer | str | None = None
    of: str | None = None  # draw: the weight's name
    framework: Literal["torch", "keras", "tensorflow"] = "torch"
    built: bool = False  # draw: the place builds the layer, and nothing else writes the weight


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
    mends: tuple[Mend, ...] = ()  # changes that together would cure it; none: nobody can say where to make them
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
