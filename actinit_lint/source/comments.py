"""Suppression comments: `# actinit: ignore[…]`, `# actinit: file-ignore[…]` and `# noqa`, found in comments only."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field

from actinit_lint.finding import Finding, Span
from actinit_lint.source.texts import Texts

#: What cannot be suppressed from within the file that it is about.
NEVER = ("ACT000", "ACT900")
_OWN = re.compile(r"#\s*actinit:\s*(file-ignore|ignore)\s*(?:\[([^\]]*)\])?\s*([^#]*)", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa(?::\s*((?:[A-Z][A-Z0-9]*[0-9]+[,\s]*)+))?(?![\w-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: the codes, prefixes or names it lists (None: all), and its words for the report."""

    words: tuple[str, ...] | None
    text: str

    def covers(self, finding: Finding) -> bool:
        if self.words is None:
            return True
        return any(finding.code.startswith(word.upper()) or finding.name == word.lower() for word in self.words if word)


@dataclass(slots=True)
class FileIgnores:
    whole: list[Ignore] = field(default_factory=list)
    lines: dict[int, list[Ignore]] = field(default_factory=dict)


class Comments:
    """Ignores of each file, tokenised when first asked for: only files with findings are."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._files: dict[str, FileIgnores] = {}

    def of(self, path: str) -> FileIgnores:
        if path not in self._files:
            text = self._texts.text(path)
            lowered = text.lower()
            worthwhile = "actinit:" in lowered or "noqa" in lowered
            self._files[path] = read_ignores(text) if worthwhile else FileIgnores()
        return self._files[path]


def suppression(finding: Finding, comments: Comments) -> str | None:
    """The words of the comment that suppresses a finding: on a line of any of its spans, or for the whole file."""
    if finding.code in NEVER:
        return None
    for ignore in comments.of(finding.span.path).whole:
        if ignore.covers(finding):
            return ignore.text
    for span in _spans(finding):
        lines = comments.of(span.path).lines
        if not lines:
            continue
        for line in range(span.line, span.end_line + 1):
            for ignore in lines.get(line, ()):
                if ignore.covers(finding):
                    return ignore.text
    return None


def _spans(finding: Finding) -> list[Span]:
    return [finding.span, *(related.span for related in finding.related)]


def read_ignores(text: str) -> FileIgnores:
    """All ignores of a text. A comment alone on its line also holds for the next line of code."""
    ignores = FileIgnores()
    waiting: list[Ignore] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.type == tokenize.COMMENT:
                _note(token, ignores, waiting)
            elif waiting and token.type not in _LAYOUT:
                ignores.lines.setdefault(token.start[0], []).extend(waiting)
                waiting.clear()
    except (tokenize.TokenError, SyntaxError):
        pass  # what came before the trouble still counts
    return ignores


_LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT}


def _note(token: tokenize.TokenInfo, ignores: FileIgnores, waiting: list[Ignore]) -> None:
    own = _OWN.search(token.string)
    noqa = _NOQA.search(token.string)
    alone = not token.line[: token.start[1]].strip()
    if own:
        words = None if own.group(2) is None else tuple(re.split(r"[,\s]+", own.group(2).strip()))
        ignore = Ignore(words, token.string.lstrip("# ").strip())
        if own.group(1).lower() == "file-ignore":
            ignores.whole.append(ignore)
            return
        ignores.lines.setdefault(token.start[0], []).append(ignore)
        if alone:
            waiting.append(ignore)
    elif noqa:
        words = None if noqa.group(1) is None else tuple(re.split(r"[,\s]+", noqa.group(1).strip()))
        ignores.lines.setdefault(token.start[0], []).append(Ignore(words, token.string.lstrip("# ").strip()))
