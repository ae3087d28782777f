"""Patches: pieces of a text that are replaced, applied together where they do not overlap."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: Python's line ends, as everywhere where lines are counted.
LINE_END = re.compile(r"\r\n?|\n")


class Patch(NamedTuple):
    """The text from `start` to `end`, as offsets, becomes `text`. Where both are equal, it is put in."""

    start: int
    end: int
    text: str


def clash(one: Patch, other: Patch) -> bool:
    """Whether two patches cannot both be applied. Equal ones are applied once."""
    if one == other:
        return False
    if one.start == one.end and other.start == other.end:
        return one.start == other.start  # which comes first, nobody can say
    return (one.start < other.end and other.start < one.end) or _touches(one, other) or _touches(other, one)


def _touches(put_in: Patch, other: Patch) -> bool:
    """Whether something is put in at an end of what another patch replaces: the order would decide what comes out."""
    return put_in.start == put_in.end and other.start <= put_in.start <= other.end


def clashes(patches: Iterable[Patch], taken: Iterable[Patch]) -> bool:
    there = list(taken)
    return any(clash(one, other) for one in patches for other in there)


def apply(text: str, patches: Iterable[Patch]) -> str:
    """The text with all patches applied, none of which may clash with another."""
    pieces: list[str] = []
    done = 0
    for start, end, new in sorted(set(patches)):
        if start < done:
            raise ValueError("patches overlap")
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


class Lines:
    """Offsets of a text as lines and columns from 1, and back."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in LINE_END.finditer(text))]

    def position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1


def disjoint(patches: Sequence[Patch]) -> bool:
    """Whether all patches can be applied together."""
    return not any(clash(one, other) for index, one in enumerate(patches) for other in patches[index + 1 :])
