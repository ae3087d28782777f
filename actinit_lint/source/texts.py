"""Texts on demand: a run keeps no file's text, and reads again the few that reports show."""

from __future__ import annotations

import os

from actinit_lint.source.source import read_text


class Texts:
    """Text of a file by the path that places carry; `given` holds what is not on disk (standard input)."""

    def __init__(self, given: dict[str, str] | None = None) -> None:
        self._given = {} if given is None else given  # kept, not copied: the reader fills it
        self._real: dict[str, str] = {}
        self._cache: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def knows(self, path: str, real: str) -> None:
        """Remember where the file that reports call `path` lies."""
        self._real[path] = real

    def real(self, path: str) -> str:
        return self._real.get(path) or os.path.abspath(path)

    def text(self, path: str) -> str:
        if path in self._given:
            return self._given[path]
        if path not in self._cache:
            self._cache[path] = read_text(self.real(path))
        return self._cache[path]

    def lines(self, path: str) -> list[str]:
        """Lines as Python counts them: split at `\\n`, `\\r\\n` and `\\r` only, endings dropped."""
        if path not in self._lines:
            text = self.text(path).replace("\r\n", "\n").replace("\r", "\n")
            self._lines[path] = text.split("\n")
        return self._lines[path]
