"""Findings under their file's name, aligned."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TextIO

from actinit_lint.outcome import Outcome
from actinit_lint.report.look import Look
from actinit_lint.report.words import FIXABLE, printable, statistics_lines, summary_lines, unknown_lines

if TYPE_CHECKING:
    from actinit_lint.finding import Finding, Span


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    lines = statistics_lines(outcome) if look.statistics else _groups(outcome)
    if not look.quiet:
        lines += unknown_lines(outcome, look)
        lines += summary_lines(outcome)
    out.writelines(look.safe(line) + "\n" for line in lines)


def _place(span: Span) -> str:
    cell = f"cell {span.cell}:" if span.cell is not None else ""
    return f"{cell}{span.line}:{span.column}"


def _marked(finding: Finding) -> str:
    return printable(finding.message if finding.fix is None else f"{FIXABLE} {finding.message}")


def _groups(outcome: Outcome) -> list[str]:
    lines: list[str] = []
    for path, group in groupby(outcome.shown, key=lambda finding: finding.span.path):
        rows = [(_place(f.span), printable(f"{f.code} {f.name}"), _marked(f)) for f in group]
        place, rule = (max(len(row[column]) for row in rows) for column in (0, 1))
        lines.append(printable(path))
        lines += [f"  {row[0]:>{place}}  {row[1]:<{rule}}  {row[2]}" for row in rows]
        lines.append("")
    return lines
