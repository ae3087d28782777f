"""What a run learns from the disk beyond the files that it was given: which files exist, and what imported ones say."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from actinit_lint.program import Program, parse
from actinit_lint.program.cache import ProgramCache
from actinit_lint.source.source import read_text


@dataclass(slots=True)
class Disk:
    """Answers, and remembers the questions: a run is repeated when an answer would be another one."""

    asked: dict[str, bool] = field(default_factory=dict)  # absolute path -> whether it is a file
    read: set[str] = field(default_factory=set)  # absolute paths
    programs: ProgramCache | None = None

    def is_file(self, path: str) -> bool:
        absolute = os.path.abspath(path)
        if absolute not in self.asked:
            self.asked[absolute] = os.path.isfile(absolute)
        return self.asked[absolute]

    def program(self, path: str) -> Program:
        """A file that was not given but is imported; raises SyntaxProblem."""
        self.read.add(os.path.abspath(path))
        return self.parse(read_text(path), path)

    def parse(self, text: str, path: str) -> Program:
        """The program of a text, parsed only where the cache does not have it; raises SyntaxProblem."""
        found = None if self.programs is None else self.programs.get(text, path)
        if found is None:
            found = parse(text, path)
            if self.programs is not None:
                self.programs.put(text, found)
        return found
