"""Program: a file as the follower reads it. `parse` and `locate` load libcst on their first call, never before."""

from __future__ import annotations

from collections.abc import Iterable

from actinit_lint.program.language import Program

__all__ = ["Program", "SyntaxProblem", "locate", "parse"]


class SyntaxProblem(Exception):
    """The text is not Python: what the parser said, and where (line and column from 1)."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def parse(text: str, path: str) -> Program:
    """Parse and lower one file; raises SyntaxProblem."""
    import libcst as cst

    from actinit_lint.program.lower import lower

    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise SyntaxProblem(error.message.split("\n")[0], error.raw_line, error.raw_column + 1) from None
    except RecursionError:
        raise SyntaxProblem("nested too deeply to be parsed", 1, 1) from None
    return lower(module, path)


def locate(text: str, path: str, ats: Iterable[int]) -> dict[int, tuple[int, int, int, int]]:
    """Positions of numbered pieces; see `spans.locate`."""
    from actinit_lint.program.spans import locate

    return locate(text, path, ats)
