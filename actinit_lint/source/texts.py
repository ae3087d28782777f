"""Texts on demand: a run keeps no file's text, and reads again the few that reports show."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actinit_lint.source.source import read_text

if TYPE_CHECKING:
    from actinit_lint.source.notebooks import Notebook


class Texts:
    """Text of a file by the path that places carry; `given` holds what is not on disk (standard input)."""

    def __init__(self, given: dict[str, str] | None = None) -> None:
        self._given = {} if given is None else given  # kept, not copied: the reader fills it
        self._real: dict[str, str] = {}
        self._cache: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}
        self._notebooks: dict[str, Notebook] = {}  # kept: without their outputs they are small

    def knows(self, path: str, real: str) -> None:
        """Remember where the file that reports call `path` lies."""
        self._real[path] = real

    def read_files(self) -> list[str]:
        """Absolute paths of all files of the run."""
        return list(self._real.values())

    def holds(self, path: str, notebook: Notebook) -> None:
        """From now on the text of `path` is the notebook's program."""
        self._notebooks[path] = notebook
        self._lines.pop(path, None)

    def notebook(self, path: str) -> Notebook | None:
        return self._notebooks.get(path)

    def real(self, path: str) -> str:
        return self._real.get(path) or os.path.abspath(path)

    def text(self, path: str) -> str:
        if path in self._notebooks:
            return self._notebooks[path].text
        if path in self._given:
            return self._given[path]
        if path not in self._cache:
            self._cache[path] = read_text(self.real(path))
        return self._cache[path]

    def lines(self, path: str, cell: int | None = None) -> list[str]:
        """Lines as Python counts them: split at `\\n`, `\\r\\n` and `\\r` only, endings dropped.

        With `cell`, those of a notebook's cell as they were written.
        """
        if cell is not None and path in self._notebooks:
            return [line for part in self._notebooks[path].cells if part.number == cell for line in part.lines]
        if path not in self._lines:
            text = self.text(path).replace("\r\n", "\n").replace("\r", "\n")
            self._lines[path] = text.split("\n")
        return self._lines[path]
