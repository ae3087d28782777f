"""The new content of a file once edits are made: its encoding, line ends and, in a notebook, its JSON kept."""

from __future__ import annotations

from collections.abc import Sequence

from actinit_lint.finding import Edit
from actinit_lint.fixes.patch import Lines, Patch, apply
from actinit_lint.problem import UserProblem
from actinit_lint.source.source import decode, encode


def edited(data: bytes, edits: Sequence[Edit], path: str) -> bytes:
    """The content with the edits, which must not clash. Raises UserProblem for a text its encoding cannot hold."""
    if any(edit.span.cell is not None for edit in edits):
        from actinit_lint.fixes.notebooks import edited_notebook

        return edited_notebook(data, edits)
    text = decode(data)
    try:
        return encode(apply(text, patches_of(text, edits)), data)
    except UnicodeEncodeError as error:
        raise UserProblem(f"{path}: left as it was: its encoding, {error.encoding}, cannot hold the change") from None


def patches_of(text: str, edits: Sequence[Edit]) -> list[Patch]:
    """Edits of a text as offsets."""
    lines = Lines(text)
    return [
        Patch(
            lines.offset(edit.span.line, edit.span.column),
            lines.offset(edit.span.end_line, edit.span.end_column),
            edit.text,
        )
        for edit in edits
    ]
