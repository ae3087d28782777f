"""What a finding stays recognisable by: rule, enclosing definitions and normalised code, never path, line or layout.

The same code has the same fingerprint after it moved within its file or to another one, after a formatter broke its
lines elsewhere, and under every Python version, because the code is split by the small grammar below and not by the
interpreter's own tokeniser. Copies of one piece of code share a fingerprint; whoever needs to tell them apart counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from actinit_lint.finding import Finding, Span
from actinit_lint.source.texts import Texts

#: Findings that are about no expression: their words are all there is to recognise them by.
WORDS_ONLY = ("ACT000", "ACT900")

_TOKEN = re.compile(
    r"(?P<blank>\#[^\n]*|[\s\\]+)"
    r"|(?P<string>(?P<prefix>[rbfutRBFUT]{0,2})(?:(?P<long>\"\"\"|''')(?P<whole>(?:\\.|[^\\])*?)(?P=long)"
    r"|\"(?P<double>(?:\\.|[^\"\\])*)\"|'(?P<single>(?:\\.|[^'\\])*)'))"
    r"|(?P<word>\w+)|(?P<mark>.)",
    re.DOTALL,
)
_DEFINITION = re.compile(r"(?:async\s+)?(?:def|class)\s+\w+")
_DECORATED = re.compile(r"^[ \t]*((?:async[ \t]+)?(?:def|class)[ \t]+\w+)", re.MULTILINE)
_HEADER = re.compile(r"^([ \t]*)(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")


def fingerprint(finding: Finding, texts: Texts) -> str:
    """Twenty hexadecimal digits. In a notebook the spans must still be those of the joined program."""
    if finding.code in WORDS_ONLY:
        content = [finding.code, finding.message]
    else:
        lines = texts.lines(finding.span.path)
        code = excerpt(lines, finding.span)
        words = " ".join(code.split()) if code.startswith("#") else normalised(code)
        content = [finding.code, ".".join(scope(lines, finding.span.line)), words]
    return hashlib.sha256("\0".join(content).encode(errors="surrogatepass")).hexdigest()[:20]


def excerpt(lines: Sequence[str], span: Span) -> str:
    """The text of a span; what lies beyond the end of the file is empty."""
    part = list(lines[span.line - 1 : span.end_line])
    if len(part) == span.end_line - span.line + 1:
        part[-1] = part[-1][: span.end_column - 1]
    if part:
        part[0] = part[0][span.column - 1 :]
    return "\n".join(part)


def normalised(code: str) -> str:
    """Code without what a formatter changes: blanks, comments, quotes, brackets around and commas at the end.

    A definition stands for its name alone, so that a change of its body leaves it what it is.
    """
    named = _DECORATED.search(code) if code.startswith("@") else _DEFINITION.match(code)
    if named:
        return " ".join(named.group().split())
    words: list[str] = []
    tokens = [*_tokens(code), ")"]
    for index, token in enumerate(tokens[:-1]):
        closes = tokens[index + 1] in (")", "]", "}")
        if token not in ("(", ")") and not (token == "," and closes):
            words.append(token)
    return " ".join(words)


def _tokens(code: str) -> Iterator[str]:
    for match in _TOKEN.finditer(code):
        if match["blank"] is not None:
            continue
        if match["string"] is not None:
            prefix = match["prefix"].lower().replace("u", "")
            inner = next(text for text in (match["whole"], match["double"], match["single"]) if text is not None)
            yield f'{prefix}"{inner.replace(chr(92) + chr(39), chr(39)).replace(chr(92) + chr(34), chr(34))}"'
        elif match["word"] is not None and match["word"][0].isdigit():
            yield match["word"].lower()
        else:
            yield match.group()


def scope(lines: Sequence[str], line: int) -> list[str]:
    """Names of the classes and functions around a line (from 1), outermost first, told by their indentation."""
    names: list[str] = []
    if not 1 <= line <= len(lines):
        return names
    indent = _width(lines[line - 1])
    for text in reversed(lines[: line - 1]):
        if indent == 0:
            break
        header = _HEADER.match(text)
        if header and _width(text) < indent:
            indent = _width(text)
            names.insert(0, header.group(2))
    return names


def _width(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())
