"""Positions in notebooks: from lines of the joined program to a cell and a line within it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from actinit_lint.finding import Edit, Finding, Fix, Related, Span
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
        finding.fix = None if finding.fix is None else _fix_in_cells(finding.fix, texts)
        finding.related = [Related(in_cell(related.span, texts), related.message) for related in finding.related]


def _fix_in_cells(fix: Fix, texts: Texts) -> Fix | None:
    """The fix in the notebook's own lines; None where a line is not in the program as it is in the cell (magics)."""
    edits = [_edit_in_cell(edit, texts) for edit in fix.edits]
    known = tuple(edit for edit in edits if edit is not None)
    return Fix(fix.safety, fix.title, known) if len(known) == len(edits) else None


def _edit_in_cell(edit: Edit, texts: Texts) -> Edit | None:
    span = edit.span
    notebook = texts.notebook(span.path)
    if notebook is None or span.cell is not None or not notebook.cells:
        return edit
    cell = notebook.at(span.line)
    if notebook.at(span.end_line) is not cell:
        return None
    for line in range(span.line - cell.first, span.end_line - cell.first + 1):
        if line >= len(cell.lines) or cell.lines[line] != cell.indent + cell.program[line]:
            return None
    return Edit(in_cell(span, texts), edit.text.replace("\n", f"\n{cell.indent}"))


def unknown_in_cell(unknown: Unknown, texts: Texts) -> Unknown:
    notebook = texts.notebook(unknown.path)
    if notebook is None or unknown.line is None or not notebook.cells:
        return unknown
    position = notebook.position(unknown.line, 1)
    return structs.replace(unknown, line=position.line, cell=position.cell)
