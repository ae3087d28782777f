"""Suppression comments: `# actinit: ignore[…]`, `# actinit: file-ignore[…]` and `# noqa`, found in comments only."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from actinit_lint.finding import Edit, Finding, Span
from actinit_lint.source.texts import Texts

#: What cannot be suppressed from within the file that it is about.
NEVER = ("ACT000", "ACT900")
#: The rules about these comments: only a comment that names them suppresses them, or none could be called unused.
ABOUT_COMMENTS = ("ACT001", "ACT002")
#: The word that a comment without a list of rules stands for.
EVERYTHING = ""

_OWN = re.compile(
    r"#\s*actinit:\s*(?P<file>file-)?ignore(?![\w-])"
    r"(?:\s*\[(?P<listed>[^\]]*)(?P<closed>\]?)|\s*:?\s*(?P<bare>(?:ACT\d+\b[,\s]*)+))?[^#]*",
    re.IGNORECASE,
)
_NOQA = re.compile(r"#\s*noqa(?::\s*((?:[A-Z][A-Z0-9]*[0-9]+[,\s]*)+))?(?![\w-])", re.IGNORECASE)
LINE_END = re.compile(r"\r\n?|\n")
_WORD = re.compile(r"[^,\s]+")
_PREFIX = re.compile(r"ACT\d*")


@dataclass(frozen=True, slots=True)
class Word:
    """One code, prefix or name of a list, and where it stands."""

    text: str
    span: Span

    def covers(self, finding: Finding) -> bool:
        upper = self.text.upper()
        if _PREFIX.fullmatch(upper):
            return finding.code.startswith(upper)
        return finding.name == self.text.lower()


@dataclass(slots=True, eq=False)
class Ignore:
    """One comment: the rules it lists (None: all of them), its words for the report, and what it has suppressed."""

    words: tuple[Word, ...] | None
    text: str
    span: Span
    line: str  # the line it stands on
    own: bool = True
    file: bool = False
    used: set[str] = field(default_factory=set)  # words that suppressed something

    def suppresses(self, finding: Finding) -> bool:
        """Whether it covers the finding, which then counts as use."""
        about_comments = finding.code in ABOUT_COMMENTS
        if self.words is None:
            covering = [] if about_comments else [EVERYTHING]
        else:
            covering = [word.text for word in self.words if word.covers(finding)]
            if about_comments:
                covering = [word for word in covering if word.upper() != "ACT"]
        self.used.update(covering)
        return bool(covering)

    def without(self, words: Collection[str]) -> Edit:
        """The edit that takes words out of the comment, or all of it where they are all that it lists."""
        kept = [] if self.words is None else [word.text for word in self.words if word.text not in words]
        if kept and self.words is not None:
            first, last = self.words[0].span, self.words[-1].span
            return Edit(replace(first, end_column=last.end_column), ", ".join(kept))
        row, start, end = self.span.line, self.span.column - 1, self.span.end_column - 1
        before, after = self.line[:start], self.line[end:]
        if after.strip():  # another comment follows and moves up
            return Edit(Span(self.span.path, row, start + 1, row, end + len(after) - len(after.lstrip()) + 1), "")
        if before.strip():
            return Edit(Span(self.span.path, row, len(before.rstrip()) + 1, row, len(self.line) + 1), "")
        return Edit(Span(self.span.path, row, 1, row + 1, 1), "")


@dataclass(slots=True)
class FileIgnores:
    whole: list[Ignore] = field(default_factory=list)
    lines: dict[int, list[Ignore]] = field(default_factory=dict)

    def own(self) -> Iterator[Ignore]:
        """Our own comments in order, each once."""
        every = [*self.whole, *(ignore for ignores in self.lines.values() for ignore in ignores)]
        yield from sorted(
            {id(ignore): ignore for ignore in every if ignore.own}.values(), key=lambda i: (i.span.line, i.span.column)
        )


class Comments:
    """Ignores of each file, tokenised when first asked for."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._files: dict[str, FileIgnores] = {}

    def of(self, path: str) -> FileIgnores:
        if path not in self._files:
            text = self._texts.text(path)
            lowered = text.lower()
            worthwhile = "actinit:" in lowered or "noqa" in lowered
            self._files[path] = read_ignores(text, path) if worthwhile else FileIgnores()
        return self._files[path]


def suppression(finding: Finding, comments: Comments) -> str | None:
    """The words of the comment that suppresses a finding: on a line of any of its spans, or for the whole file.

    Every comment that fits counts as used, not only the first.
    """
    if finding.code in NEVER:
        return None
    fitting = [ignore.text for ignore in _around(finding, comments) if ignore.suppresses(finding)]
    return fitting[0] if fitting else None


def _around(finding: Finding, comments: Comments) -> Iterator[Ignore]:
    yield from comments.of(finding.span.path).whole
    for span in (finding.span, *(related.span for related in finding.related)):
        lines = comments.of(span.path).lines
        if lines:
            for line in range(span.line, span.end_line + 1):
                yield from lines.get(line, ())


def read_ignores(text: str, path: str) -> FileIgnores:
    """All ignores of a text. A comment alone on its line also holds for the next line of code."""
    ignores = FileIgnores()
    waiting: list[Ignore] = []
    lines = LINE_END.split(text)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.type == tokenize.COMMENT:
                for ignore in _ignores_in(token, lines[token.start[0] - 1], path):
                    if ignore.file:
                        ignores.whole.append(ignore)
                        continue
                    ignores.lines.setdefault(token.start[0], []).append(ignore)
                    if ignore.own and not ignore.line[: token.start[1]].strip():
                        waiting.append(ignore)
            elif waiting and token.type not in _LAYOUT:
                ignores.lines.setdefault(token.start[0], []).extend(waiting)
                waiting.clear()
    except (tokenize.TokenError, SyntaxError):
        pass  # what came before the trouble still counts
    return ignores


_LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT}


def _ignores_in(token: tokenize.TokenInfo, line: str, path: str) -> Iterator[Ignore]:
    row, column = token.start

    def span(start: int, end: int) -> Span:
        return Span(path, row, column + start + 1, row, column + end + 1)

    for own in _OWN.finditer(token.string):
        group = "bare" if own["bare"] is not None else "listed"
        words = None
        if own[group] is not None:
            found = _WORD.finditer(own[group]) if own["closed"] or group == "bare" else ()
            start = own.start(group)
            words = tuple(Word(word.group(), span(start + word.start(), start + word.end())) for word in found)
        end = own.start() + len(own.group().rstrip())
        text = own.group().lstrip("# ").strip()
        yield Ignore(words, text, span(own.start(), end), line, file=bool(own["file"]))
    noqa = _NOQA.search(token.string)
    if noqa:
        codes = None
        if noqa.group(1) is not None:
            codes = tuple(Word(word, span(noqa.start(), noqa.end())) for word in _WORD.findall(noqa.group(1)))
        yield Ignore(codes, token.string.lstrip("# ").strip(), span(noqa.start(), noqa.end()), line, own=False)
