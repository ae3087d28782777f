"""What a run found: all that a report needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from actinit_lint.settings import Level
from actinit_lint.source.texts import Texts

if TYPE_CHECKING:
    from actinit_lint.baseline import Settled
    from actinit_lint.finding import Finding


class Unknown(Struct, frozen=True):
    """Something that was not followed. `line` is None where nobody asked for it."""

    path: str
    line: int | None
    reason: str
    cell: int | None = None  # in a notebook `line` counts inside it


class Summary(Struct, frozen=True):
    """What was looked at and understood."""

    files: int = 0
    skipped: int = 0
    models: int = 0
    layers_followed: int = 0
    layers_not_followed: int = 0


def _none() -> dict[Level, int]:
    return {"error": 0, "warning": 0, "info": 0}


class Outcome(Struct, eq=False):
    """Findings in order of path, line, column and code; suppressed ones are among them, marked."""

    findings: list[Finding]
    summary: Summary
    not_followed: list[Unknown]
    texts: Texts
    by_severity: dict[Level, int] = field(default_factory=_none)  # hidden ones included, suppressed ones not
    hidden_by_level: dict[Level, int] = field(default_factory=_none)
    hidden_by_confidence: int = 0
    suppressed: int = 0
    baselined: int = 0
    outside_change: int = 0  # reported without --diff-base
    baseline: Settled | None = None
    internal_error: bool = False
    slow: list[tuple[str, float]] = []  # files that took seconds to follow, the slowest first
    fixed: int = 0  # findings that fixes took away, in `fixed_files` files
    fixed_files: int = 0

    @property
    def shown(self) -> list[Finding]:
        """Those that count: neither suppressed nor in the baseline."""
        return [f for f in self.findings if f.suppressed is None and not f.baselined]
