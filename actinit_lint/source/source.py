"""One file's text: read, screened, decoded. Line endings stay as they are."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from actinit_lint.source.files import Found

if TYPE_CHECKING:
    from actinit_lint.source.notebooks import Notebook

#: A file without any of these words is not about models. Four `in` searches read some 800 MB a second.
FRAMEWORK_WORDS = (b"torch", b"keras", b"tensorflow", b"flax")
#: The largest model file among 12,000 read for the design had 0.45 MB; parsing takes about 1.5 s and 800 MB a megabyte.
SIZE_LIMIT = 1_000_000  # bytes

_BOM = b"\xef\xbb\xbf"


class Source(Struct, frozen=True):
    """A file to be analysed. `path` is what reports show, `real` where it lies (for stdin: where it would lie).

    The text of a notebook is that of its code cells.
    """

    path: str
    text: str
    real: str
    notebook: Notebook | None = None


class Unreadable(Struct, frozen=True):
    """A file whose text could not be had: what is wrong, and where (line and column from 1)."""

    path: str
    real: str
    message: str
    line: int = 1
    column: int = 1


class Skipped(Struct, frozen=True):
    """A file that was left alone on purpose, which the summary has to say."""

    path: str
    reason: str


def load(found: Found, given: bytes | None = None) -> Source | Unreadable | Skipped | None:
    """The file's text, or why there is none; `None` for valid Python that mentions no framework.

    `given` is the content where it is not on disk (standard input).
    """
    try:
        data = Path(found.real).read_bytes() if given is None else given
    except OSError as error:
        return Unreadable(found.path, found.real, f"cannot be read: {error.strerror or error}")
    if found.kind == "notebook":
        return _load_notebook(found, data)
    if _without_models(data):
        return None
    if len(data) > SIZE_LIMIT:
        return _too_large(found, data)
    try:
        return Source(found.path, decode(data), found.real)
    except _NotText as problem:
        return Unreadable(found.path, found.real, str(problem), problem.line)


def _load_notebook(found: Found, data: bytes) -> Source | Unreadable | Skipped | None:
    from actinit_lint.source.notebooks import NotANotebook, OtherLanguage, read_notebook

    try:
        notebook = read_notebook(data)
    except NotANotebook as problem:
        return Unreadable(found.path, found.real, str(problem), problem.line, problem.column)
    except OtherLanguage as language:
        return Skipped(found.path, f"skipped, a notebook in {language}")
    code = notebook.text.encode()
    if _without_models(code):
        return None
    if len(code) > SIZE_LIMIT:
        return _too_large(found, code)
    return Source(found.path, notebook.text, found.real, notebook)


def _without_models(code: bytes) -> bool:
    """Whether the code mentions no framework, and is valid as far as one can be asked to look."""
    if any(word in code for word in FRAMEWORK_WORDS):
        return False
    return len(code) > SIZE_LIMIT or interpreter_complaint(code) is None


def _too_large(found: Found, code: bytes) -> Skipped:
    size = f"{len(code) / 1e6:.1f} MB, the limit is {SIZE_LIMIT / 1e6:.0f} MB"
    return Skipped(found.path, f"skipped, too large ({size})")


def read_text(real: str) -> str:
    """The text of a file that was readable a moment ago; undecodable bytes are replaced, a vanished file is empty."""
    try:
        data = Path(real).read_bytes()
    except OSError:
        return ""
    try:
        return decode(data)
    except _NotText:
        return data.decode("utf-8", errors="replace")


def decode(data: bytes) -> str:
    """Text of Python source: UTF-8 unless a byte order mark or a coding line (PEP 263) says otherwise."""
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
    encoding = _declared_encoding(data) or "utf-8"
    try:
        return data.decode(encoding)
    except LookupError:
        raise _NotText(f'unknown encoding "{encoding}" in the coding line', 1) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "" if _declared_encoding(data) else "; if it is another encoding, say so in a coding line (PEP 263)"
        raise _NotText(f"byte 0x{data[error.start]:02x} is not valid {encoding}{hint}", line) from None


def encode(text: str, before: bytes) -> bytes:
    """The text in the encoding of the content that it replaces, with its byte order mark.

    Raises UnicodeEncodeError where that encoding cannot hold it.
    """
    mark = _BOM if before.startswith(_BOM) else b""
    return mark + text.encode(_declared_encoding(before[len(mark) :]) or "utf-8")


class _NotText(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _declared_encoding(data: bytes) -> str | None:
    head = data.split(b"\n", 2)[:2]
    if not any(line.lstrip().startswith(b"#") and b"coding" in line for line in head):
        return None
    if len(head) == 2 and head[0].strip() and not head[0].lstrip().startswith(b"#"):
        return None  # PEP 263: a coding line counts in line 2 only after a comment or an empty line
    import re

    for line in head:
        match = re.match(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", line)
        if match:
            return match.group(1).decode("ascii", errors="replace").lower().replace("_", "-")
    return None


def interpreter_complaint(code: bytes | str) -> tuple[str, int, int] | None:
    """What this interpreter has against the code: message, line and column from 1. Compiling runs nothing.

    It costs about a tenth of the parse and words complaints better; the parser knows newer syntax, and decides.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\p" in somebody's docstring is not our business
        try:
            compile(code, "<source>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error.msg or "invalid syntax", max(error.lineno or 1, 1), max(error.offset or 1, 1)
        except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deeply
            return str(error) or "nested too deeply", 1, 1
    return None
