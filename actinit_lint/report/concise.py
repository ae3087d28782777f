"""One line a finding: `path:line:column: CODE name message`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from actinit_lint.outcome import Outcome
from actinit_lint.report.look import Look
from actinit_lint.report.words import FIXABLE, printable, statistics_lines, summary_lines, unknown_lines

if TYPE_CHECKING:
    from actinit_lint.finding import Finding


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    lines = statistics_lines(outcome) if look.statistics else [line_of(finding) for finding in outcome.shown]
    if not look.quiet:
        lines += unknown_lines(outcome, look)
        lines += summary_lines(outcome)
    out.writelines(look.safe(line) + "\n" for line in lines)


def line_of(finding: Finding) -> str:
    span = finding.span
    cell = f"cell {span.cell}:" if span.cell is not None else ""
    mark = "" if finding.fix is None else f"{FIXABLE} "
    return printable(
        f"{span.path}:{cell}{span.line}:{span.column}: {finding.code} {finding.name} {mark}{finding.message}"
    )
