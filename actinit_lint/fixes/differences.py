"""What fixes would change, as unified diffs; of notebooks, cell by cell."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from actinit_lint.fixes.passes import Changed
from actinit_lint.source.notebooks import read_notebook
from actinit_lint.source.source import decode

#: A line with its end, as Python counts lines.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def unified(files: Iterable[Changed]) -> Iterator[str]:
    """The diffs, line by line with line ends."""
    for file in files:
        if file.before == file.after:
            continue
        for name, before, after in _texts(file):
            yield from _diff(name, before, after)


def _texts(file: Changed) -> Iterator[tuple[str, str, str]]:
    if not file.path.endswith(".ipynb"):
        yield file.path, decode(file.before), decode(file.after)
        return
    cells = zip(read_notebook(file.before).cells, read_notebook(file.after).cells)
    for old, new in cells:
        yield f"{file.path}:cell {old.number}", "\n".join(old.lines) + "\n", "\n".join(new.lines) + "\n"


def _diff(name: str, before: str, after: str) -> Iterator[str]:
    for line in difflib.unified_diff(_LINE.findall(before), _LINE.findall(after), name, name):
        if line.endswith(("\n", "\r")):
            yield line
        else:
            yield f"{line}\n\\ No newline at end of file\n"
