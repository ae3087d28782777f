"""Where the numbered pieces of a file lie: positions for the few files that need them.

libcst nodes carry no positions; they are found by writing the tree out again and noting where chosen nodes start and
end. Only token indices are noted on the way; offsets come from one prefix sum. This leans on libcst's private
`_codegen`, so it stays in this module, and a test compares it with libcst's own PositionProvider.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Container, Iterable, Iterator
from itertools import accumulate
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

from actinit_lint.program.lower import lower

#: Python's line ends; `str.splitlines` would split at form feeds and Unicode separators too.
LINE_END = re.compile(r"\r\n?|\n")

Position = tuple[int, int, int, int]


class _Mark:
    """Notes the token index on entry and exit of one node."""

    __slots__ = ("node", "state")

    def __init__(self, state: _Recorder, node: cst.CSTNode) -> None:
        self.state, self.node = state, node

    def __enter__(self) -> None:
        self.state.starts[self.node] = len(self.state.tokens)

    def __exit__(self, *error: object) -> None:
        self.state.ends[self.node] = len(self.state.tokens)


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


_NOTHING = _Nothing()


class _Recorder(CodegenState):
    def __init__(self, module: cst.Module, wanted: Container[cst.CSTNode]) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.wanted = wanted
        self.starts: dict[cst.CSTNode, int] = {}
        self.ends: dict[cst.CSTNode, int] = {}
        self.bounds: dict[cst.CSTNode, tuple[Any, Any]] = {}

    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Any:
        if start_node is not None or end_node is not None:  # compound statements end where their body ends
            self.bounds[node] = (start_node, end_node)
            return _Mark(self, node)
        return _Mark(self, node) if node in self.wanted else _NOTHING

    def found(self, nodes: Iterable[cst.CSTNode]) -> Iterator[tuple[cst.CSTNode, int, int]]:
        """The nodes that were written, with the offsets at which each starts and ends."""
        offsets = list(accumulate(map(len, self.tokens), initial=0))
        for node in nodes:
            if node not in self.starts:
                continue
            start, end = node, node
            while (bound := self.bounds.get(start)) and bound[0] is not None and bound[0] in self.starts:
                start = bound[0]
            while (bound := self.bounds.get(end)) and bound[1] is not None and bound[1] in self.ends:
                end = bound[1]
            yield node, offsets[self.starts[start]], offsets[self.ends[end]]


class _All:
    """Wants every node."""

    def __contains__(self, node: object) -> bool:
        return True


def offsets(module: cst.Module) -> tuple[str, dict[cst.CSTNode, tuple[int, int]]]:
    """The code as libcst writes it, and where each node of it starts and ends. Parentheses around one are no part."""
    state = _Recorder(module, _All())
    module._codegen(state)
    places = {node: (start, end) for node, start, end in state.found(state.starts)}
    return "".join(state.tokens), places


def locate(text: str, path: str, ats: Iterable[int]) -> dict[int, Position]:
    """Turn numbers of a file's Program into (line, column, end line, end column), counted from 1, the end exclusive.

    Columns are in code points of `text`. Parentheses around an expression are no part of it.
    """
    wanted = sorted(set(ats))
    if not wanted:
        return {}
    module = cst.parse_module(text)
    nodes: list[cst.CSTNode] = []
    lower(module, path, nodes)
    chosen = {at: nodes[at] for at in wanted if at < len(nodes)}
    state = _Recorder(module, set(chosen.values()))
    module._codegen(state)
    written = "".join(state.tokens)
    lines = [0, *(m.end() for m in LINE_END.finditer(written))]
    dropped = _dropped(text, written)

    def point(offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(lines, offset) - 1
        return line + 1, offset - lines[line] + 1 + dropped.get(line, 0)

    found = {node: (*point(start), *point(end)) for node, start, end in state.found(chosen.values())}
    return {at: found[node] for at, node in chosen.items() if node in found}


def _dropped(text: str, written: str) -> dict[int, int]:
    """How many characters libcst leaves out in front of a line's code: form feeds among its blanks."""
    if text == written:
        return {}
    pairs = enumerate(zip(LINE_END.split(text), LINE_END.split(written)))
    return {line: len(there) - len(here) for line, (there, here) in pairs if len(there) != len(here)}
