"""Fixing a run's files in memory, pass by pass until nothing changes; what to do with the result others decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from actinit_lint.engine import Request, lint
from actinit_lint.finding import Edit, Finding
from actinit_lint.fixes.contents import edited
from actinit_lint.fixes.patch import LINE_END, Patch, clashes
from actinit_lint.outcome import Outcome
from actinit_lint.problem import UserProblem
from actinit_lint.settings import Configuration
from actinit_lint.source.files import STDIN
from actinit_lint.source.source import decode

if TYPE_CHECKING:
    from actinit_lint.change import Change

#: A fix can bring another finding to light, seldom more than once. A bound for fixes that would chase each other.
MOST_PASSES = 10


@dataclass(slots=True)
class Changed:
    """A file before and after."""

    path: str
    real: str
    before: bytes
    after: bytes


@dataclass(slots=True)
class Fixed:
    """What is left, what has changed, and how many findings that took away."""

    outcome: Outcome
    files: dict[str, Changed] = field(default_factory=dict)
    findings: int = 0


def fix(request: Request, configuration: Configuration, unsafe: bool) -> Fixed:
    """Lint, fix in memory and lint again, until no fix is left."""
    result = Fixed(lint(request, configuration))
    touched = request.change
    for _ in range(MOST_PASSES):
        chosen = choose(result.outcome.shown, unsafe)
        if not chosen:
            break
        edits: dict[str, list[Edit]] = defaultdict(list)
        for finding in chosen:
            assert finding.fix is not None
            for edit in finding.fix.edits:
                edits[edit.span.path].append(edit)
        for path, here in edits.items():
            _change(result, request, path, here)
        result.findings += len(chosen)
        request = _with(request, result, touched)
        result.outcome = lint(request, configuration)
    result.outcome.fixed, result.outcome.fixed_files = result.findings, len(result.files)
    return result


def choose(findings: Iterable[Finding], unsafe: bool) -> list[Finding]:
    """The fixes of one pass: no two of them touch the same text, and the first come first."""
    taken: dict[tuple[str, int | None], list[Edit]] = defaultdict(list)
    chosen = []
    for finding in findings:
        if finding.fix is None or (finding.fix.safety == "unsafe" and not unsafe):
            continue
        if any(_clashes(edit, taken[edit.span.path, edit.span.cell]) for edit in finding.fix.edits):
            continue
        for edit in finding.fix.edits:
            taken[edit.span.path, edit.span.cell].append(edit)
        chosen.append(finding)
    return chosen


def _clashes(edit: Edit, taken: Iterable[Edit]) -> bool:
    return clashes([_patch(edit)], [_patch(other) for other in taken])


def _patch(edit: Edit) -> Patch:
    """Something that compares as the offsets would: no line has a billion columns."""
    span = edit.span
    return Patch(span.line * 10**9 + span.column, span.end_line * 10**9 + span.end_column, edit.text)


def _change(result: Fixed, request: Request, path: str, edits: list[Edit]) -> None:
    texts = result.outcome.texts
    if path not in result.files:
        before = _content(request, path, texts.real(path))
        result.files[path] = Changed(path, texts.real(path), before, before)
    file = result.files[path]
    unique = list(dict.fromkeys(edits))
    try:
        file.after = edited(file.after, unique, path)
    except (ValueError, IndexError):  # the edits do not fit the content: somebody else wrote to the file
        raise UserProblem(f"{path}: left as it was: the file changed while it was looked at; run again") from None


def _content(request: Request, path: str, real: str) -> bytes:
    if path == stdin_name(request):
        return request.stdin or b""
    try:
        return Path(real).read_bytes()
    except OSError as error:
        raise UserProblem(f"{path}: left as it was: {error.strerror or error}") from None


def stdin_name(request: Request) -> str | None:
    """What reports call standard input, where it is read."""
    return (request.stdin_filename or "<stdin>") if STDIN in request.paths else None


def _with(request: Request, result: Fixed, touched: Change | None) -> Request:
    """The request over what the files hold now; `touched` is the change that it was restricted to at first."""
    name = stdin_name(request)
    changed = {path: file.after for path, file in result.files.items()}
    stdin = changed.pop(name, request.stdin) if name is not None else request.stdin
    for file in result.files.values():
        if touched is not None and not file.path.endswith(".ipynb"):
            old, new = (LINE_END.split(decode(content)) for content in (file.before, file.after))
            touched = touched.once_edited(file.real, old, new)
    return structs.replace(request, stdin=stdin, changed=changed, change=touched)
