"""Jupyter notebooks: their code cells as one program, and the way back from its lines to cells.

Only what is needed of the notebook format (nbformat 4.5, and 3 with its worksheets) is read; outputs are passed over.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actinit_lint.source.magics import without_magics

_BOM = b"\xef\xbb\xbf"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class NotANotebook(Exception):
    """The file cannot be read as a notebook: why, and where (line and column from 1)."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


class OtherLanguage(Exception):
    """A notebook in another language than Python."""


class Cell(Struct, frozen=True):
    """A code cell. `number` counts all cells from 1, `first` is the line of the program at which the cell starts."""

    number: int
    first: int
    lines: tuple[str, ...]  # as written
    program: tuple[str, ...]  # as Python: without magics and without the blanks that all lines start with
    indent: str = ""  # those blanks


class Position(Struct, frozen=True):
    """A line and column, from 1, within a cell."""

    cell: int
    line: int
    column: int


class Notebook(Struct, frozen=True):
    """The code cells of a notebook that are not empty."""

    cells: tuple[Cell, ...]

    @property
    def text(self) -> str:
        """The program: the code cells in their order."""
        return "".join(f"{line}\n" for cell in self.cells for line in cell.program)

    def at(self, line: int) -> Cell:
        """The cell that a line of the program lies in."""
        return self.cells[max(bisect_right(self.cells, line, key=lambda cell: cell.first) - 1, 0)]

    def position(self, line: int, column: int) -> Position:
        """Where a position of the program lies in the notebook."""
        cell = self.at(line)
        within = min(line - cell.first + 1, len(cell.lines))
        shift = len(cell.indent) if cell.lines[within - 1].startswith(cell.indent) else 0
        return Position(cell.number, within, column + shift)

    def without(self, numbers: Collection[int]) -> Notebook:
        """The notebook with some cells left blank."""
        return Notebook(
            tuple(
                replace(cell, program=("",) * len(cell.program)) if cell.number in numbers else cell
                for cell in self.cells
            )
        )


def read_notebook(data: bytes) -> Notebook:
    """The notebook in a file's content; raises NotANotebook and OtherLanguage."""
    content = _content(data)
    language = _language(content)
    if "python" not in language.lower():
        raise OtherLanguage(language)
    cells = []
    first = 1
    for number, source in _code_cells(content):
        lines = _LONE_SURROGATE.sub("\ufffd", source).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
        if not any(line.strip() for line in lines):
            continue
        indent = _indent(lines)
        program = without_magics([line.removeprefix(indent) for line in lines])
        cells.append(Cell(number, first, tuple(lines), tuple(program), indent))
        first += len(lines)
    return Notebook(tuple(cells))


def _content(data: bytes) -> dict[str, Any]:
    if not data.strip():
        raise NotANotebook("not a notebook: the file is empty")
    try:
        content = json.loads(data.removeprefix(_BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotANotebook(f"not a notebook: byte 0x{data[error.start]:02x} is not valid utf-8", line) from None
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise NotANotebook(f"not a notebook: invalid JSON, {reason}", error.lineno, error.colno) from None
    except (RecursionError, ValueError):  # nested too deeply; a number of too many digits
        raise NotANotebook("not a notebook: JSON that cannot be read") from None
    if not isinstance(content, dict):
        raise NotANotebook(f"not a notebook: expected a JSON object, found {_named(content)}")
    return content


def _code_cells(content: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Number and text of each cell with Python in it."""
    for number, cell in enumerate(_cells(content), 1):
        if not isinstance(cell, dict):
            raise NotANotebook(f"not a notebook: expected cell {number} to be an object, found {_named(cell)}")
        if cell.get("cell_type") != "code" or not _is_python(cell):
            continue
        source = cell.get("source", cell.get("input"))
        if isinstance(source, list) and all(isinstance(part, str) for part in source):
            source = "".join(source)
        if not isinstance(source, str):
            found = _named(source)
            raise NotANotebook(f"not a notebook: expected the source of cell {number} to be text, found {found}")
        yield number, source


def _cells(content: dict[str, Any]) -> list[Any]:
    sheets = content.get("worksheets")
    if "cells" not in content and isinstance(sheets, list):
        cells: Any = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or ()]
    else:
        cells = content.get("cells")
    if cells is None:
        raise NotANotebook('not a notebook: it has no "cells"')
    if not isinstance(cells, list):
        raise NotANotebook(f'not a notebook: expected a list of "cells", found {_named(cells)}')
    return cells


def _language(content: dict[str, Any]) -> str:
    """What the notebook says it is written in; Python where it says nothing."""
    for path in (("language_info", "name"), ("kernelspec", "language"), ("kernel_info", "name")):
        value: Any = content.get("metadata")
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return value
    return "python"


def _is_python(cell: dict[str, Any]) -> bool:
    """Whether the cell's own language, where an editor notes one, is Python."""
    metadata = cell.get("metadata")
    editor = metadata.get("vscode") if isinstance(metadata, dict) else None
    language = editor.get("languageId") if isinstance(editor, dict) else None
    return not isinstance(language, str) or language == "python"


def _indent(lines: list[str]) -> str:
    """The blanks in front of the first line of code: IPython takes them away from every line."""
    first = next(line for line in lines if line.strip())
    return first[: len(first) - len(first.lstrip(" \t"))]


def _named(value: object) -> str:
    """What JSON calls a value."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
