"""`--add-ignore`: an ignore comment for every finding that is shown, written into the files.

A comment counts on any line of any span, so it goes behind the first line of the finding's own span that can take one.
A file is written whole or not at all, and only when its code, comments apart, is what it was before.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from actinit_lint.atomic import replace_file
from actinit_lint.finding import Edit, Finding, Span
from actinit_lint.fixes.contents import edited
from actinit_lint.outcome import Outcome
from actinit_lint.problem import UserProblem
from actinit_lint.report.words import count
from actinit_lint.source.comments import ABOUT_COMMENTS, NEVER, Ignore, read_ignores
from actinit_lint.source.notebooks import NotANotebook, OtherLanguage, read_notebook
from actinit_lint.source.source import decode


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
            data = Path(real).read_bytes()
            edits, added = (_in_notebook if findings[0].span.cell is not None else _in_source)(path, data, findings)
            if edits:
                replace_file(path, real, data, edited(data, edits, path))
        except (UserProblem, OSError) as reason:
            say(str(reason) if isinstance(reason, UserProblem) else f"{path}: left as it was: {reason.strerror}")
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


def _in_source(path: str, data: bytes, findings: Sequence[Finding]) -> tuple[list[Edit], list[Finding]]:
    lines = [line.rstrip("\r\n") for line in io.StringIO(decode(data), newline="")]
    return _annotated(path, None, lines, lines, findings)


def _in_notebook(path: str, data: bytes, findings: Sequence[Finding]) -> tuple[list[Edit], list[Finding]]:
    try:
        cells = {cell.number: cell for cell in read_notebook(data).cells}
    except (NotANotebook, OtherLanguage):
        raise UserProblem(f"{path}: left as it was: it has changed since it was read") from None
    edits: list[Edit] = []
    added: list[Finding] = []
    for number in dict.fromkeys(finding.span.cell for finding in findings):
        if number is not None and number in cells:
            here = [finding for finding in findings if finding.span.cell == number]
            some, more = _annotated(path, number, cells[number].lines, cells[number].program, here)
            edits += some
            added += more
    return edits, added


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the tokens of a text say about its lines."""

    code: list[tuple[int, str]]  # every token that is not a comment or an empty line
    closed: set[int]  # lines whose end lies within a string


def _annotated(
    path: str, cell: int | None, lines: Sequence[str], program: Sequence[str], findings: Iterable[Finding]
) -> tuple[list[Edit], list[Finding]]:
    """Edits of the lines that get comments, and the findings that they suppress.

    `program` is what the interpreter reads of the lines: the same but for a notebook's magics.
    """
    before = _layout(path, program)
    codes: dict[int, list[str]] = {}
    added: list[Finding] = []
    for finding in findings:
        for line in range(finding.span.line, finding.span.end_line + 1):
            if line <= len(program) and line not in before.closed and _open(lines[line - 1], program[line - 1]):
                codes.setdefault(line, []).append(finding.code)
                added.append(finding)
                break
    ignores = read_ignores(_joined(program), "").lines
    edits: list[Edit] = []
    after = list(program)
    for line, new in codes.items():
        listed = next((i for i in ignores.get(line, ()) if i.own and i.words and i.span.line == line), None)
        after[line - 1] = _with_codes(program[line - 1], new, listed)
        indent = lines[line - 1].removesuffix(program[line - 1])
        span = Span(path, line, 1, line, len(lines[line - 1]) + 1, cell)
        edits.append(Edit(span, indent + after[line - 1]))
    if _layout(path, after).code != before.code:
        raise UserProblem(f"{path}: left as it was: a comment would change its code")
    return edits, added


def _open(line: str, code: str) -> bool:
    """Whether the line's end is the end of its code, and the code is there as it is run."""
    return line.endswith(code) and not code.endswith("\\")


def _with_codes(line: str, codes: Sequence[str], ignore: Ignore | None) -> str:
    """The line with the codes in its own comment, or with a new one."""
    if ignore is None or not ignore.words:
        return f"{line.rstrip()}  # actinit: ignore[{', '.join(dict.fromkeys(codes))}]"
    end = ignore.words[-1].span.end_column - 1
    return line[:end] + "".join(f", {code}" for code in dict.fromkeys(codes)) + line[end:]


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _layout(path: str, lines: Sequence[str]) -> _Layout:
    code: list[tuple[int, str]] = []
    closed: set[int] = set()
    opened: list[int] = []  # lines on which formatted strings began
    try:
        for token in tokenize.generate_tokens(io.StringIO(_joined(lines)).readline):
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
        raise UserProblem(f"{path}: left as it was: it cannot be split into tokens: {error.args[0]}") from None
    return _Layout(code, closed)
