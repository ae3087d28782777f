"""Colours: rows are pieces of text with the name of a style; plain output joins them, rich paints them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

Row = list[tuple[str, str]]  # (text, style)

#: The sixteen colours that every terminal's own theme defines.
STYLES = {
    "": "",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
    "frame": "blue",
    "related": "cyan",
    "strong": "bold",
    "help": "green",
    "path": "bold",
    "quiet": "dim",
    "good": "bold green",
    "keyword": "magenta",
    "string": "green",
    "number": "cyan",
    "comment": "bright_black",
}

_TOKEN = re.compile(
    r"(?P<comment>#.*$)"
    r"|(?P<string>[rbfuRBFU]{0,2}(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'))"
    r"|(?P<number>\b\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?\b)"
    r"|(?P<keyword>\b(?:False|None|True|and|as|assert|async|await|class|def|del|elif|else|except|finally|for|from|if"
    r"|import|in|is|lambda|not|or|pass|raise|return|self|super|try|while|with|yield)\b)"
)


def python_row(code: str) -> Row:
    """A line of Python in modest colours, guessed from the line alone."""
    row: Row = []
    end = 0
    for match in _TOKEN.finditer(code):
        if match.start() > end:
            row.append((code[end : match.start()], ""))
        row.append((match.group(), match.lastgroup or ""))
        end = match.end()
    if end < len(code):
        row.append((code[end:], ""))
    return row


def plain(row: Row) -> str:
    """The row's text, without blanks at its end."""
    return "".join(text for text, _ in row).rstrip()


def write_rows(rows: Iterable[Row], out: TextIO, color: bool) -> None:
    """All rows, one a line."""
    if not color:
        out.writelines(plain(row) + "\n" for row in rows)
        return
    from rich.color import ColorSystem
    from rich.style import Style

    system = ColorSystem.STANDARD
    styles = {name: Style.parse(definition) for name, definition in STYLES.items()}
    for row in rows:
        out.write("".join(styles[style].render(text, color_system=system) if style else text for text, style in row))
        out.write("\n")
