"""What is wrong with our own ignore comments: those that suppress nothing, and words that are no rule."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from actinit_lint.finding import Edit, Span
from actinit_lint.pages import pages
from actinit_lint.problem import nearest
from actinit_lint.selection import Selection
from actinit_lint.source.comments import Comments, FileIgnores, Ignore
from actinit_lint.source.texts import Texts

UNUSED, UNKNOWN_WORD = "ACT001", "ACT002"
_BLOCK = re.compile(r"@|(?:async\s+)?(?:def|class)\s")


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """Files whose comments can be judged: parsed, checked without a fault, and read with the files that use them."""

    paths: Collection[str]
    unknown_lines: Callable[[str], Collection[int]]  # lines of a file on which something was not followed


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say about a comment; the fields fill the page's templates."""

    code: str
    span: Span
    fields: dict[str, str]
    rewrite: Edit | None = None


def remarks(path: str, comments: Comments, texts: Texts, selection: Selection, scrutiny: Scrutiny) -> Iterator[Remark]:
    """Remarks on one file's comments, once every finding of the run has been tried on them."""
    ignores = comments.of(path)
    for ignore in ignores.own():
        yield from _unknown_words(ignore)
        words = _unused(ignore, selection, texts.real(path))
        if words is None or not _settled(ignore, ignores, texts.lines(path), scrutiny.unknown_lines(path)):
            continue
        every = ignore.words is None or len(words) == len(ignore.words)
        what = "this comment" if every else ", ".join(words)
        advice = "remove the comment" if every else f"remove {what} from the comment"
        yield Remark(UNUSED, ignore.span, {"what": what, "advice": advice}, ignore.without(words))


def _unknown_words(ignore: Ignore) -> Iterator[Remark]:
    if ignore.words is None:
        return
    if not ignore.words:
        said = "no rule is named" if "]" in ignore.text else "a bracket that is never closed"
        yield Remark(UNKNOWN_WORD, ignore.span, {"what": said, "guess": ""})
    for word in ignore.words:
        if not _codes(word.text):
            known = [*pages(), *(page.name for page in pages().values())]
            guess = nearest(word.text.upper(), known) or nearest(word.text.lower(), known)
            yield Remark(UNKNOWN_WORD, word.span, {"what": f'unknown rule "{word.text}"', "guess": guess})


def _codes(word: str) -> list[str]:
    """The rules that a word means."""
    if re.fullmatch(r"ACT\d*", word.upper()):
        return [code for code in pages() if code.startswith(word.upper())]
    return [code for code, page in pages().items() if page.name == word.lower()]


def _unused(ignore: Ignore, selection: Selection, real: str) -> list[str] | None:
    """The words that certainly suppress nothing: their rules ran. None where there are none."""

    def ran(codes: Collection[str]) -> bool:
        """Whether all were looked for; rules without a check of their own are not looked for in the code."""
        checked = [code for code in codes if pages()[code].matter.check]
        return bool(checked) and all(selection.selected(c) and not selection.ignored(c, real) for c in checked)

    if ignore.words is None:
        return None if ignore.used or not ran(pages()) else []
    words = [word.text for word in ignore.words if word.text not in ignore.used and ran(_codes(word.text))]
    return words or None


def _settled(ignore: Ignore, ignores: FileIgnores, lines: Sequence[str], unknown: Collection[int]) -> bool:
    """Whether everything was followed where the comment holds: in the top-level blocks of its lines."""
    if not unknown:
        return True
    if ignore.file:
        return False
    covered = [line for line, here in ignores.lines.items() if ignore in here]
    return not any(_block(lines, one) == _block(lines, other) for one in covered for other in unknown)


def _block(lines: Sequence[str], line: int) -> int:
    """The line on which the top-level class or function around a line starts; 0 above the first."""
    for number in range(min(line, len(lines)), 0, -1):
        above = lines[number - 2] if number > 1 else ""
        if _BLOCK.match(lines[number - 1]) and not above.startswith("@"):
            return number
    return 0


def users_unread(real: str, read: Collection[str]) -> bool:
    """Whether a file beside this one, or in its package, may import it and was not read. `read` holds real paths."""
    folder, name = os.path.split(os.path.realpath(real))
    stem = name.removesuffix(".py")
    if stem == "__init__":
        stem = os.path.basename(folder)
    packaged = os.path.isfile(os.path.join(folder, "__init__.py"))
    for current, folders, files in os.walk(_outermost(folder) if packaged else folder):
        if not packaged:
            folders.clear()  # only the files beside it
        for file in files:
            path = os.path.join(current, file)
            if file.endswith(".py") and path not in read and _may_import(path, stem.encode()):
                return True
    return False


def _outermost(folder: str) -> str:
    """The outermost package that a folder lies in."""
    while os.path.isfile(os.path.join(os.path.dirname(folder), "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def _may_import(path: str, stem: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return False
    return b"import" in data and stem in data
