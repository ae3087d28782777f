"""What a run learns from the disk beyond the files that it was given: which files exist, and what imported ones say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actinit_lint.program import Program, parse
from actinit_lint.program.cache import ProgramCache, decoded
from actinit_lint.source.source import read_text

if TYPE_CHECKING:
    from actinit_lint.program.workers import Workers

#: Characters of code that a process must have to parse before it is worth starting: about half a second of work, where
#: an interpreter with the parser takes a fifth of one to start.
WORTHWHILE = 300_000


@dataclass(slots=True)
class Disk:
    """Answers, and remembers the questions: a run is repeated when an answer would be another one."""

    asked: dict[str, bool] = field(default_factory=dict)  # absolute path -> whether it is a file
    read: set[str] = field(default_factory=set)  # absolute paths
    programs: ProgramCache | None = None
    workers: Workers | None = None
    sent: set[str] = field(default_factory=set)  # texts that the workers have

    def is_file(self, path: str) -> bool:
        absolute = os.path.abspath(path)
        if absolute not in self.asked:
            self.asked[absolute] = os.path.isfile(absolute)
        return self.asked[absolute]

    def program(self, path: str) -> Program:
        """A file that was not given but is imported; raises SyntaxProblem."""
        self.read.add(os.path.abspath(path))
        return self.parse(read_text(path), path)

    def parse_ahead(self, texts: Sequence[str], jobs: int) -> list[int]:
        """Let workers parse some of the texts, where that is worth it; the numbers of all, those left to us first."""
        order = range(len(texts))
        if jobs == 1 or sum(map(len, texts)) < 2 * WORTHWHILE:
            return list(order)
        from actinit_lint.program.workers import Workers, shares

        new = [number for number in order if self.programs is None or not self.programs.has(texts[number])]
        dealt = shares([len(texts[number]) for number in new], jobs, WORTHWHILE)
        theirs = [[new[index] for index in share] for share in dealt[1:]]
        if not theirs:
            return list(order)
        self.workers = Workers([[texts[number] for number in share] for share in theirs])
        away = {number for share in theirs for number in share}
        self.sent = {texts[number] for number in away}
        return sorted(order, key=lambda number: number in away)

    def parse(self, text: str, path: str) -> Program:
        """The program of a text, parsed only where neither the cache nor a worker has it; raises SyntaxProblem."""
        found = None if self.programs is None else self.programs.get(text, path)
        if found is None:
            if self.workers is not None and text in self.sent:
                found = decoded(self.workers.programs().get(text), path)
            found = found or parse(text, path)
            if self.programs is not None:
                self.programs.put(text, found)
        return found
