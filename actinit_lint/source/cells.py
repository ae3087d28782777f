"""Positions in notebooks: from lines of the joined program to a cell and a line within it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from actinit_lint.finding import Finding, Related, Rewrite, Span
from actinit_lint.outcome import Unknown
from actinit_lint.source.texts import Texts


def in_cell(span: Span, texts: Texts) -> Span:
    """The span as the notebook's reader counts; spans of other files are left as they are."""
    notebook = texts.notebook(span.path)
    if notebook is None or span.cell is not None or not notebook.cells:
        return span
    start = notebook.position(span.line, span.column)
    end = notebook.position(span.end_line, span.end_column)
    if end.cell != start.cell:
        end = start
    return Span(span.path, start.line, start.column, end.line, max(end.column, 1), start.cell)


def place_in_cells(findings: Iterable[Finding], texts: Texts) -> None:
    """Turn every span of the findings, in place."""
    for finding in findings:
        finding.span = in_cell(finding.span, texts)
        if finding.rewrite is not None:
            finding.rewrite = Rewrite(in_cell(finding.rewrite.span, texts), finding.rewrite.text)
        finding.related = [Related(in_cell(related.span, texts), related.message) for related in finding.related]


def unknown_in_cell(unknown: Unknown, texts: Texts) -> Unknown:
    notebook = texts.notebook(unknown.path)
    if notebook is None or unknown.line is None or not notebook.cells:
        return unknown
    position = notebook.position(unknown.line, 1)
    return structs.replace(unknown, line=position.line, cell=position.cell)
