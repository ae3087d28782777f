"""Tables and Markdown for the verbs that print them, through rich."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from actinit_lint.report.look import look_for

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160


def console(color: str | None = None) -> Console:
    """A console on standard output in the colours and the width that suit it."""
    from rich.console import Console

    look = look_for(sys.stdout, color or "auto")
    return Console(
        file=sys.stdout,
        width=look.width or PIPE_WIDTH,
        color_system="standard" if look.color else None,
        force_terminal=look.color,
        highlight=False,
        emoji=False,
        markup=False,
    )


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], color: str | None = None) -> None:
    """Columns under a line; the last one takes what is left and wraps. No blanks at line ends."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    look = look_for(sys.stdout, color or "auto")
    table = Table(box=box.SIMPLE_HEAD if look.unicode else box.ASCII2, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(look.safe(cell)) for cell in row))
    print_rich(table, color)


def print_rich(renderable: object, color: str | None = None) -> None:
    """Anything that rich can draw, without the blanks it fills lines up with where there is no terminal."""
    out = console(color)
    if out.color_system is not None:
        out.print(renderable)
        return
    look = look_for(sys.stdout, color or "auto")
    with out.capture() as captured:
        out.print(renderable)
    lines = [line.rstrip() for line in captured.get().split("\n")]
    sys.stdout.write(look.safe("\n".join(lines).strip("\n")) + "\n")
