"""One file as fixes see it: libcst's tree with offsets into the text and the way up from every node."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

import libcst as cst

from actinit_lint.fixes.patch import LINE_END
from actinit_lint.program.lower import lower
from actinit_lint.program.spans import offsets

N = TypeVar("N", bound=cst.CSTNode)


class Tree:
    """A parsed text. Raises ValueError for a text that libcst does not write back as it was."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.module = cst.parse_module(text)
        self.numbered: list[cst.CSTNode] = []  # by the number that places carry
        lower(self.module, path, self.numbered)
        written, self._spans = offsets(self.module)
        if written != text:
            raise ValueError("the text does not survive a parse")
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        stack: list[cst.CSTNode] = [self.module]
        while stack:
            node = stack.pop()
            for child in node.children:
                self._parents[child] = node
                stack.append(child)

    def at(self, number: int) -> cst.CSTNode | None:
        return self.numbered[number] if 0 <= number < len(self.numbered) else None

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        return self._spans[node]

    def code(self, node: cst.CSTNode) -> str:
        start, end = self._spans[node]
        return self.text[start:end]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self._parents.get(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around one, from the inside out."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The function whose body the node lies in."""
        return next((one for one in self.above(node) if isinstance(one, cst.FunctionDef)), None)

    def line(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """The line of simple statements that the node lies in; None in the head of a compound one."""
        for one in self.above(node):
            if isinstance(one, cst.SimpleStatementLine):
                return one
            if isinstance(one, (cst.BaseCompoundStatement, cst.Lambda, cst.SimpleStatementSuite)):
                return None
        return None

    def indent(self, node: cst.CSTNode) -> str:
        """The blanks in front of the line that the node starts in."""
        start = self.span(node)[0]
        line = self.text[max(self.text.rfind("\n", 0, start), self.text.rfind("\r", 0, start)) + 1 : start]
        return line[: len(line) - len(line.lstrip(" \t\f"))]

    @property
    def newline(self) -> str:
        return self.module.default_newline

    @cached_property
    def quote(self) -> str:
        """The quotes that the file prefers."""
        return "'" if self.text.count("'") > self.text.count('"') else '"'

    def quoted(self, code: str) -> str:
        """Code of our own, whose strings have double quotes and no quotes inside, with the file's."""
        return code.replace('"', self.quote)

    def nodes(self, kind: type[N]) -> list[N]:
        return [node for node in self._parents if isinstance(node, kind)]

    def line_end(self, line: cst.CSTNode) -> int:
        """The offset of the line end behind a statement, its comment included."""
        match = LINE_END.search(self.text, self.span(line)[1])
        return len(self.text) if match is None else match.start()
