"""`--add-ignore`: an ignore comment for every finding that is shown, written into the files.

A comment counts on any line of any span, so it goes behind the first line of the finding's own span that can take one.
A file is written whole or not at all, and only when its code, comments apart, is what it was before.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from actinit_lint.finding import Edit, Finding, Span
from actinit_lint.fixes.contents import edited
from actinit_lint.fixes.files import replace
from actinit_lint.outcome import Outcome
from actinit_lint.problem import UserProblem
from actinit_lint.report.words import count
from actinit_lint.source.comments import ABOUT_COMMENTS, LINE_END, NEVER, read_ignores
from actinit_lint.source.notebooks import NotANotebook, OtherLanguage, read_notebook
from actinit_lint.source.source import decode


class _CannotComment(Exception):
    """Why a file is left as it was, in one line."""


def add_ignores(outcome: Outcome, say: Callable[[str], None]) -> None:
    """Write the comments, mark their findings as suppressed, and say what was done and what was left."""
    files: dict[str, list[Finding]] = {}
    for finding in outcome.shown:
        if finding.code not in (*NEVER, *ABOUT_COMMENTS):
            files.setdefault(finding.span.path, []).append(finding)
    written = 0
    for path, findings in files.items():
        real = outcome.texts.real(path)
        try:
            before = Path(real).read_bytes()
            edits, added = _edits(before, findings)
            if added:
                replace(path, real, before, edited(before, edits, path))
        except (_CannotComment, UserProblem, OSError) as reason:
            said = str(getattr(reason, "strerror", None) or reason)
            say(f"{path}: left as it was: {said.removeprefix(f'{path}: not fixed: ')}")
            continue
        for finding in added:
            finding.suppressed = f"actinit: ignore[{finding.code}]"
            outcome.by_severity[finding.level] -= 1
        outcome.suppressed += len(added)
        written += len(added)
        for finding in findings:
            if finding not in added:
                say(f"{path}:{finding.span.line}: {finding.code} has no line that can take a comment")
    say(f"{count(written, 'ignore comment')} added")


def _edits(data: bytes, findings: Sequence[Finding]) -> tuple[list[Edit], list[Finding]]:
    """What to insert into a file, in a notebook cell by cell, and the findings that it suppresses."""
    if findings[0].span.cell is None:
        lines = LINE_END.split(decode(data))
        return _annotated(lines, lines, findings)
    edits: list[Edit] = []
    added: list[Finding] = []
    try:
        cells = {cell.number: cell for cell in read_notebook(data).cells}
    except (NotANotebook, OtherLanguage):
        raise _CannotComment("it has changed since it was read") from None
    for number in dict.fromkeys(finding.span.cell for finding in findings):
        if number is not None and number in cells:
            here = [finding for finding in findings if finding.span.cell == number]
            more, done = _annotated(cells[number].lines, cells[number].program, here)
            edits += more
            added += done
    return edits, added


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the tokens of a text say about its lines."""

    code: list[tuple[int, str]]  # every token that is not a comment or an empty line
    closed: set[int]  # lines whose end lies within a string


def _annotated(
    lines: Sequence[str], program: Sequence[str], findings: Sequence[Finding]
) -> tuple[list[Edit], list[Finding]]:
    """Comments for the findings of one text, and those of them that are suppressed.

    `program` is what the interpreter reads of the lines: the same but for a notebook's magics and common indentation.
    """
    before = _layout(program)
    codes: dict[int, dict[str, None]] = {}
    added: list[Finding] = []
    for finding in findings:
        for line in range(finding.span.line, finding.span.end_line + 1):
            if line <= len(program) and line not in before.closed and _open(lines[line - 1], program[line - 1]):
                codes.setdefault(line, {})[finding.code] = None
                added.append(finding)
                break
    ignores = read_ignores("".join(f"{line}\n" for line in program), "").lines
    edits: list[Edit] = []
    after = list(program)
    for line, new in codes.items():
        listed = next((i for i in ignores.get(line, ()) if i.own and i.words and i.span.line == line), None)
        text = program[line - 1]
        if listed is None or not listed.words:
            at, comment = len(text.rstrip()), f"  # actinit: ignore[{', '.join(new)}]"
        else:
            at, comment = listed.words[-1].span.end_column - 1, "".join(f", {code}" for code in new)
        after[line - 1] = text[:at] + comment + text[at:]
        column = at + len(lines[line - 1]) - len(text) + 1
        where = findings[0].span
        edits.append(Edit(Span(where.path, line, column, line, column, where.cell), comment))
    if _layout(after).code != before.code:
        raise _CannotComment("a comment would change its code")
    return edits, added


def _open(line: str, code: str) -> bool:
    """Whether the line's end is the end of its code, and the code is there as it is run."""
    return line.endswith(code) and not code.endswith("\\")


def _layout(lines: Sequence[str]) -> _Layout:
    code: list[tuple[int, str]] = []
    closed: set[int] = set()
    opened: list[int] = []  # lines on which formatted strings began
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(f"{line}\n" for line in lines)).readline):
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                closed.update(range(token.start[0], token.end[0]))
            elif name.endswith("STRING_START"):
                opened.append(token.start[0])
            elif name.endswith("STRING_END"):
                closed.update(range(opened.pop(), token.end[0]))
            if name not in ("COMMENT", "NL"):
                code.append((token.type, token.string))
    except (tokenize.TokenError, SyntaxError) as error:
        raise _CannotComment(f"it cannot be split into tokens: {error.args[0]}") from None
    return _Layout(code, closed)
