"""The default report: every finding with its source, all its spans, and what would help."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from actinit_lint.outcome import Outcome
from actinit_lint.report.excerpt import WHOLE, Mark, excerpt
from actinit_lint.report.look import Look
from actinit_lint.report.paint import Row, write_rows
from actinit_lint.report.words import FIXABLE, printable, signal_line, statistics_lines, summary_lines, unknown_lines

if TYPE_CHECKING:
    from actinit_lint.finding import Finding

NO_EXCERPT = ("ACT900",)  # it is about the tool, not about a line


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    write_rows(_rows(outcome, look), out, look.color)


def _rows(outcome: Outcome, look: Look) -> Iterator[Row]:
    if look.statistics:
        yield from ([(look.safe(line), "")] for line in statistics_lines(outcome))
    else:
        for finding in outcome.shown:
            yield from finding_rows(finding, outcome, look)
            yield []
    if look.quiet:
        return
    for line in unknown_lines(outcome, look):
        yield [(look.safe(line), "")]
    style = "strong" if outcome.shown else "good"
    for line in summary_lines(outcome):
        yield from ([(part, style)] for part in _wrapped(look.safe(line), look.width))


#: How bad it is, at the depth that was measured.
OUTLOOKS = {"harmless": "harmless at this depth", "slow": "training will be slow", "dead": "does not train"}
MOST_SHOWN = 8  # related places that one excerpt shows


def finding_rows(finding: Finding, outcome: Outcome, look: Look) -> Iterator[Row]:
    """Header, one excerpt a file, what becomes of the signal, help."""
    head = f"{finding.code} {finding.name}:"
    message = look.safe(printable(finding.message))
    first, *more = _wrapped(f"{head} {message}", look.width, "  ")
    yield [(first[: len(head)], finding.level), (first[len(head) :], "strong")]
    yield from ([(part, "strong")] for part in more)
    marks = [Mark(finding.span, finding.caption, True)]
    marks += [Mark(related.span, related.message, False) for related in finding.related[:MOST_SHOWN]]
    files = list(dict.fromkeys((mark.span.path, mark.span.cell) for mark in marks))
    gutter = max(len(str(min(mark.span.end_line, mark.span.line + WHOLE))) for mark in marks)
    for file in files:
        here = [mark for mark in marks if (mark.span.path, mark.span.cell) == file]
        span = here[0].span
        cell = f"cell {span.cell}:" if span.cell is not None else ""
        where = look.safe(printable(f"{span.path}:{cell}{span.line}:{span.column}"))
        yield [(" " * gutter + ("--> " if here[0].primary else "::: "), "frame"), (where, "")]
        if finding.code in NO_EXCERPT:
            continue
        yield [(" " * (gutter + 1) + "|", "frame")]
        yield from excerpt(outcome.texts.lines(span.path, span.cell), here, gutter, look, finding.level)
        yield [(" " * (gutter + 1) + "|", "frame")]
    notes = (("signal: ", signal_line(finding)), ("probe: ", probe_line(finding)), *_cures(finding))
    for label, text in notes:
        if text:
            yield from _note(label, text, gutter, look)


def probe_line(finding: Finding) -> str | None:
    """`confirmed, slow: gradient ×2e-4 over 9 layers measured`, and what the remedies make of the whole chain."""
    found = finding.probe
    if found is None:
        return None
    verdict = found.verdict.replace("-", " ")
    weak = ", weakly: the depth was assumed" if found.weak and found.verdict == "confirmed" else ""
    outlook = f", {OUTLOOKS[found.outlook]}" if found.outlook is not None and found.verdict == "confirmed" else ""
    changes = ", ".join(
        f"{name} ×{10 ** found.chain[name]:.2g} → ×{10**after:.2g}"
        for name, after in found.cured_chain.items()
        if name in found.chain
    )
    return f"{verdict}{weak}{outlook}: {found.evidence}" + (f"\nchain with the remedies: {changes}" if changes else "")


def _note(label: str, text: str, gutter: int, look: Look) -> Iterator[Row]:
    lead = " " * (gutter + 1) + "= "
    width = None if look.width is None else look.width - len(lead) - len(label)
    parts = [part for line in text.splitlines() for part in _wrapped(look.safe(printable(line)), width)]
    for index, part in enumerate(parts):
        if index == 0:
            yield [(lead, "frame"), (label, "help"), (part, "")]
        else:
            yield [(" " * (len(lead) + len(label)), ""), (part, "")]


def _cures(finding: Finding) -> Iterator[tuple[str, str | None]]:
    """The help, marked where a fix does what it says; the fix's own title where there is no help."""
    if finding.fix is None:
        yield "help: ", finding.help
    elif finding.help:
        yield "help: ", f"{finding.help}   {FIXABLE}"
    else:
        yield "fix: ", f"{finding.fix.title}   {FIXABLE}"


def _wrapped(text: str, width: int | None, hanging: str = "") -> list[str]:
    """Text in lines of at most `width` cells, broken between words; a word longer than a line stays whole."""
    if width is None or len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False) or [""]
