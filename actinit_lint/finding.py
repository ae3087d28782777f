"""A finding: a rule's words at a place, ready for every report."""

from __future__ import annotations

from dataclasses import dataclass, field

from actinit_lint.rule import Confidence, Level, Remedy


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of source, lines and columns counted from 1.

    Columns are in code points, `end_column` is one past the last. In a notebook `line` counts inside `cell`.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Related:
    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Text in place of a span. An unused ignore comes with the one that takes it away."""

    span: Span
    text: str


@dataclass(slots=True)
class Finding:
    code: str
    name: str
    level: Level
    confidence: Confidence
    message: str
    help: str | None
    span: Span
    caption: str
    related: list[Related] = field(default_factory=list)
    model: str | None = None
    layer: str | None = None
    initializer: str | None = None
    activation: str | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()
    rewrite: Rewrite | None = None
    fingerprint: str = ""
    suppressed: str | None = None
    baselined: bool = False
