"""Source lines with marks beneath: every span of a finding, in line order, cut to the width there is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from actinit_lint.report.look import Look
from actinit_lint.report.paint import Row, python_row

if TYPE_CHECKING:
    from actinit_lint.finding import Span

TAB = 4  # cells from one tab stop to the next
WHOLE = 4  # a span of at most so many lines is shown whole
FAR = 10  # more lines left out than this are shown as "..."
PIPE_WIDTH = 160  # cells of a source line where no terminal sets a width
NARROWEST = 24  # cells that a caption gets at least


class Mark(Struct, frozen=True):
    """A span to underline, and what to write behind the line."""

    span: Span
    caption: str
    primary: bool


class Stroke(Struct, frozen=True):
    """The part of a mark that lies on one line, in columns from 1; the last is exclusive."""

    line: int
    column: int
    end_column: int
    caption: str
    primary: bool


class Cells(Struct, frozen=True):
    """A line as the terminal shows it: printable characters, and the cell at which each column starts."""

    chars: tuple[str, ...]
    starts: tuple[int, ...]  # one longer than the line: the last is its width

    def at(self, column: int) -> int:
        return self.starts[min(max(column - 1, 0), len(self.starts) - 1)]

    @property
    def width(self) -> int:
        return self.starts[-1]

    def between(self, first: int, last: int) -> str:
        """The characters that lie wholly within cells first to last (exclusive)."""
        starts = self.starts
        return "".join(c for i, c in enumerate(self.chars) if starts[i] >= first and starts[i + 1] <= last)


def excerpt(lines: Sequence[str], marks: Sequence[Mark], gutter: int, look: Look, level: str) -> Iterator[Row]:
    """Rows of one file: its lines, each followed by its strokes."""
    strokes = sorted(
        (stroke for mark in marks for stroke in _strokes(mark, lines)), key=lambda s: (s.line, s.column, not s.primary)
    )
    room = (look.width if look.width is not None else PIPE_WIDTH) - gutter - 3
    previous: int | None = None
    while strokes:
        line = strokes[0].line
        here = [stroke for stroke in strokes if stroke.line == line]
        strokes = strokes[len(here) :]
        if previous is not None and line - previous > FAR + 1:
            yield [("...", "frame")]
        previous = line
        cells = cells_of(lines[line - 1], look.unicode)
        for group in _fitting(here, cells, room):
            yield from _line_rows(cells, line, group, gutter, room, look, level)


def _strokes(mark: Mark, lines: Sequence[str]) -> Iterator[Stroke]:
    span = mark.span
    if not 1 <= span.line <= len(lines):
        return
    last = min(span.end_line, len(lines))
    caption = mark.caption
    if last - span.line >= WHOLE:
        caption = f"{caption} (up to line {last})".strip()
        last = span.line
    for line in range(span.line, last + 1):
        text = lines[line - 1]
        start = span.column if line == span.line else len(text) - len(text.lstrip()) + 1
        end = span.end_column if line == span.end_line else len(text.rstrip()) + 1
        if text.strip() or line == span.line:
            yield Stroke(line, start, max(end, start + 1), caption if line == last else "", mark.primary)


def cells_of(text: str, unicode: bool) -> Cells:
    """Tabs become spaces, control characters a placeholder, wide characters two cells."""
    chars: list[str] = []
    starts = [0]
    for char in text:
        shown, width = char, 1
        if char == "\t":
            width = TAB - starts[-1] % TAB
            shown = " " * width
        elif not char.isascii():
            if not unicode:
                shown = "?"
            elif not char.isprintable():
                shown = " " if char.isspace() else "\ufffd"
            else:
                from rich.cells import get_character_cell_size

                width = get_character_cell_size(char)
        elif not char.isprintable():
            shown = "?"
        chars.append(shown)
        starts.append(starts[-1] + width)
    return Cells(tuple(chars), tuple(starts))


def _fitting(strokes: Sequence[Stroke], cells: Cells, room: int) -> Iterator[list[Stroke]]:
    """Strokes of one line in groups that a window of the line can show together."""
    if cells.width <= room:
        yield list(strokes)
        return
    group: list[Stroke] = []
    for stroke in strokes:
        if group and cells.at(stroke.end_column) - cells.at(group[0].column) > room - 8:
            yield group
            group = []
        group.append(stroke)
    yield group


def _line_rows(
    cells: Cells, line: int, strokes: Sequence[Stroke], gutter: int, room: int, look: Look, level: str
) -> Iterator[Row]:
    first, last = _window(cells, strokes, room)
    dots = "…" if look.unicode else "..."
    left, right = (dots if first else ""), (dots if last < cells.width else "")
    code = cells.between(first + len(left), last - len(right)) if left or right else cells.between(0, cells.width)
    bar = ("| ", "frame")
    yield [(f"{line:>{gutter}} ", "frame"), bar, (left, "frame"), *python_row(code.rstrip()), (right, "frame")]
    for stroke in strokes:
        start = max(cells.at(stroke.column) - first, len(left))
        end = min(cells.at(stroke.end_column), last) - first
        sign, style = ("^", level) if stroke.primary else ("-", "related")
        underline = sign * max(end - start, 1)
        caption = look.safe(stroke.caption)
        blank = (" " * (gutter + 1), "frame")
        if look.width is None or start + len(underline) + 1 + len(caption) <= room:
            yield [blank, bar, (" " * start, ""), (underline, style), (f" {caption}" if caption else "", style)]
            continue
        yield [blank, bar, (" " * start, ""), (underline, style)]
        indent = max(min(start, room - NARROWEST), 0)
        for part in textwrap.wrap(caption, max(room - indent, 8)):
            yield [blank, bar, (" " * indent, ""), (part, style)]


def _window(cells: Cells, strokes: Sequence[Stroke], room: int) -> tuple[int, int]:
    """Which cells of a line are shown: all of it, or a piece around its strokes."""
    if cells.width <= room:
        return 0, cells.width
    start = min(cells.at(stroke.column) for stroke in strokes)
    end = max(cells.at(stroke.end_column) for stroke in strokes)
    if end + 4 <= room:
        return 0, room
    first = max(0, min(start - 8, cells.width - room))
    return first, first + room
