"""Files with some of their lines changed, and every other byte as it was: encoding, line ends, a notebook's JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any

from actinit_lint.source.notebooks import NotANotebook, code_cells, notebook_cells, notebook_content
from actinit_lint.source.source import decode, encode

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_LINE_END = re.compile(r"\r\n?|\n")
#: How programs write JSON, the notebook's own library first: indent, separators.
_STYLES: tuple[tuple[int | str | None, tuple[str, str]], ...] = (
    (1, (",", ": ")), (2, (",", ": ")), (4, (",", ": ")), ("\t", (",", ": ")), (0, (",", ": ")),
    (None, (", ", ": ")), (None, (",", ":")),
)  # fmt: skip


class CannotRewrite(Exception):
    """Why a file is left as it was, in one line."""


def with_lines(data: bytes, changed: Mapping[int, str]) -> bytes:
    """Python source with new text, without line ends, for some lines (from 1)."""
    try:
        text = decode(data)
    except Exception as error:
        raise CannotRewrite(str(error)) from None
    if encode(text, data) != data:
        raise CannotRewrite("its encoding does not survive a rewrite")
    return encode(_replaced(text, changed), data)


def with_cell_lines(data: bytes, changed: Mapping[int, Mapping[int, str]]) -> bytes:
    """A notebook with new text for some lines of some cells (both from 1).

    The JSON is written anew, so it has to be in a style that gives back the very same file when nothing is changed.
    """
    try:
        content = notebook_content(data)
        sources = dict(code_cells(content))
    except NotANotebook as problem:
        raise CannotRewrite(str(problem)) from None
    write = _writer(data, content)
    cells = dict(enumerate(notebook_cells(content), 1))
    for number, lines in changed.items():
        source = sources[number]
        key = "source" if "source" in cells[number] else "input"
        new = _replaced(source, lines)
        cells[number][key] = (
            [part for part in _LINE.findall(new) if part] if isinstance(cells[number][key], list) else new
        )
    return write(content)


def _replaced(text: str, changed: Mapping[int, str]) -> str:
    parts = _LINE.findall(text)
    for number, line in changed.items():
        end = _LINE_END.search(parts[number - 1])
        parts[number - 1] = line + (end.group() if end else "")
    return "".join(parts)


def _writer(data: bytes, content: dict[str, Any]) -> Callable[[object], bytes]:
    """The way of writing JSON that gives back `data`."""
    for (indent, separators), ascii_only, end in product(_STYLES, (False, True), ("\n", "")):
        write = partial(_written, indent=indent, separators=separators, ensure_ascii=ascii_only, end=end)
        if write(content) == data:
            return write
    raise CannotRewrite("its JSON is laid out in a way that could not be kept")


def _written(value: object, end: str, **style: Any) -> bytes:
    return (json.dumps(value, **style) + end).encode("utf-8", errors="surrogatepass")
