"""A finding: a rule's words at a place, ready for every report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from actinit_lint.probe.evidence import Probed
from actinit_lint.rule import Confidence, Level, Mend, Remedy


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
class Edit:
    """The text of a span is replaced; a span without length is a place to insert at."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that cure a finding, checked in memory: the finding is gone and no other has come."""

    safety: Literal["safe", "unsafe"]
    title: str
    edits: tuple[Edit, ...]


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
    mends: tuple[Mend, ...] = ()
    about: frozenset[tuple[str | None, str | None]] = frozenset()  # (model, layer) of every hit that it is made of
    fix: Fix | None = None
    fingerprint: str = ""
    suppressed: str | None = None
    baselined: bool = False
    probe: Probed | None = None  # what the probe found, where it was asked
