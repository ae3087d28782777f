"""Suppression comments that suppress nothing: the comment goes, or one code of it."""

from __future__ import annotations

import re
from collections.abc import Callable

from actinit_lint.finding import Finding
from actinit_lint.fixes.patch import LINE_END, Lines, Patch


def drop_ignore(finding: Finding, text_of: Callable[[str], str]) -> list[Patch] | None:
    """The span of the finding is taken out: a whole comment with its `#`, or a code between the brackets of one.

    A comment that stood alone takes its line with it; of one behind code, the blanks in between go too. Of several
    comments on one line, `# a  # b`, only the one that the span covers goes.
    """
    text = text_of(finding.span.path)
    span = finding.span
    lines = Lines(text)
    start, end = lines.offset(span.line, span.column), lines.offset(span.end_line, span.end_column)
    if span.line != span.end_line or not start < end <= len(text):
        return None
    if text[start] == "#":
        return [_comment(text, start, end)]
    return _code(text, start, end)


def _comment(text: str, start: int, end: int) -> Patch:
    line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    before = text[line:start]
    ending = LINE_END.match(text, end)
    if ending is None and end < len(text):  # something else follows on the line: another comment
        following = re.compile(r"[ \t]*").match(text, end)
        return Patch(start, end if following is None else following.end(), "")
    if not before.strip():
        return Patch(line, end if ending is None else ending.end(), "")
    return Patch(line + len(before.rstrip()), end, "")


def _code(text: str, start: int, end: int) -> list[Patch] | None:
    """One of several codes with the comma or blank on one of its sides; None for the only one."""
    opening, closing = text.rfind("[", 0, start), text.find("]", end)
    if opening < 0 or closing < 0 or LINE_END.search(text, opening, closing):
        return None
    if not text[opening + 1 : start].strip(" \t,") and not text[end:closing].strip(" \t,"):
        return None
    following = re.compile(r"[ \t]*,?[ \t]*").match(text, end)
    if text[end:closing].strip(" \t,") and following is not None:
        return [Patch(start, following.end(), "")]
    return [Patch(opening + 1 + len(text[opening + 1 : start].rstrip(" \t,")), end, "")]
