"""Edits in a notebook's cells: only the JSON strings that change are written anew, every other byte stays."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from actinit_lint.finding import Edit
from actinit_lint.fixes.contents import patches_of
from actinit_lint.fixes.patch import Patch, apply

_BOM = b"\xef\xbb\xbf"
_BLANK = " \t\n\r"
_DECODER = json.JSONDecoder(strict=False)


class Literal(NamedTuple):
    """A JSON string: what it says, and where it is written."""

    value: str
    start: int
    end: int


def edited_notebook(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The notebook with the edits made in the sources of their cells."""
    bom = _BOM if data.startswith(_BOM) else b""
    text = data[len(bom) :].decode("utf-8")
    sources = list(_sources(text))
    patches: list[Patch] = []
    for cell in {edit.span.cell for edit in edits if edit.span.cell is not None}:
        here = [edit for edit in edits if edit.span.cell == cell]
        patches += _cell_patches(text, sources[cell - 1], here)
    return bom + apply(text, patches).encode("utf-8")


def _cell_patches(text: str, literals: Sequence[Literal], edits: Sequence[Edit]) -> Iterator[Patch]:
    """Each literal of the source that an edit touches is written anew, as one literal a line."""
    source = "".join(literal.value for literal in literals)
    newline = "\r\n" if "\r\n" in source else "\n"
    starts = list(accumulate((len(literal.value) for literal in literals), initial=0))
    between = _between(text, literals)
    groups: dict[int, list[Patch]] = {}
    last_of: dict[int, int] = {}
    for patch in sorted(patches_of(source, edits)):
        first = min(bisect_right(starts, patch.start) - 1, len(literals) - 1)
        last = max(first, min(bisect_right(starts, max(patch.start, patch.end - 1)) - 1, len(literals) - 1))
        joined = next((index for index, end in last_of.items() if index <= first <= end), first)
        groups.setdefault(joined, []).append(patch)
        last_of[joined] = max(last, last_of.get(joined, last))
    for first, group in groups.items():
        last, origin = last_of[first], starts[first]
        old = source[origin : starts[last + 1]]
        new = apply(old, [Patch(p.start - origin, p.end - origin, p.text.replace("\n", newline)) for p in group])
        raw = text[literals[first].start : literals[last].end]
        pieces = new.splitlines(keepends=True) if len(literals) > 1 or between is not None else [new]
        whole = _unbroken(pieces)
        written = (between or ", ").join(_dumped(piece, raw) for piece in whole)
        yield Patch(literals[first].start, literals[last].end, written)


def _unbroken(pieces: Sequence[str]) -> list[str]:
    """Lines as notebooks count them: other separators than line ends do not end one."""
    whole: list[str] = []
    for piece in pieces:
        if whole and not whole[-1].endswith(("\n", "\r")):
            whole[-1] += piece
        else:
            whole.append(piece)
    return whole


def _dumped(value: str, like: str) -> str:
    """The string as JSON, with escapes where the one that it replaces had them."""
    return json.dumps(value, ensure_ascii=like.isascii())


def _between(text: str, literals: Sequence[Literal]) -> str | None:
    """What stands between the literals of a list; None for a source that is one string."""
    if len(literals) > 1:
        return text[literals[0].end : literals[1].start]
    before = text[: literals[0].start].rstrip(_BLANK)
    return f",{text[len(before) : literals[0].start]}" if before.endswith("[") else None


def _sources(text: str) -> Iterator[list[Literal]]:
    """The literals of every cell's source, in order."""
    for key, start in _members(text, _skip(text, 0)):
        if key == "cells":
            yield from (_source(text, at) for at in _elements(text, start))
        elif key == "worksheets":
            for sheet in _elements(text, start):
                for inner, at in _members(text, sheet):
                    if inner == "cells":
                        yield from (_source(text, cell) for cell in _elements(text, at))


def _source(text: str, start: int) -> list[Literal]:
    members = dict(_members(text, start))
    at = members.get("source", members.get("input"))
    if at is None:
        return []
    if text[at] == '"':
        return [_literal(text, at)]
    return [_literal(text, one) for one in _elements(text, at) if text[one] == '"']


def _literal(text: str, start: int) -> Literal:
    value, end = _DECODER.raw_decode(text, start)
    return Literal(value, start, end)


def _members(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Keys of a JSON object, and where their values start. Nothing for any other value."""
    at = start
    if text[at] != "{":
        return
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        yield key, at
        at = _next(text, at)


def _elements(text: str, start: int) -> Iterator[int]:
    """Where the elements of a JSON list start. Nothing for any other value."""
    if text[start] != "[":
        return
    at = _skip(text, start + 1)
    while text[at] != "]":
        yield at
        at = _next(text, at)


def _next(text: str, start: int) -> int:
    """Behind the value that starts here, and the comma behind it."""
    at = _skip(text, _DECODER.raw_decode(text, start)[1])
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at
