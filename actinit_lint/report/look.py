"""How text reports look here: width, colours, and the characters that the output can show."""

from __future__ import annotations

import os
import shutil
from typing import TextIO

from msgspec import Struct

#: What an output without these characters gets instead.
ASCII = str.maketrans(
    {
        "×": "x", "√": "sqrt ", "…": "...", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "≈": "~", "±": "+-", "−": "-",
        "–": "-", "—": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "·": "*", "²": "^2", "φ": "phi", "σ": "sigma",
        "′": "'", "∞": "inf", "│": "|", "─": "-",
    }
)  # fmt: skip


class Look(Struct, frozen=True):
    """`width` is None where nothing has to fit (a pipe, a file)."""

    width: int | None = None
    color: bool = False
    unicode: bool = True
    quiet: bool = False
    statistics: bool = False
    show_unknown: bool = False

    def safe(self, text: str) -> str:
        """The text in characters that the output can show."""
        if self.unicode or text.isascii():
            return text
        return text.translate(ASCII).encode("ascii", errors="replace").decode("ascii")


def look_for(
    out: TextIO, color: str = "auto", *, quiet: bool = False, statistics: bool = False, show_unknown: bool = False
) -> Look:
    """What suits the output: COLUMNS, NO_COLOR, FORCE_COLOR and TERM=dumb are honoured."""
    terminal = out.isatty()
    width = shutil.get_terminal_size().columns if terminal or os.environ.get("COLUMNS", "").isdigit() else None
    if color == "auto":
        dumb = os.environ.get("TERM", "") == "dumb"
        wanted = bool(os.environ.get("FORCE_COLOR")) or (terminal and not dumb)
        colored = wanted and not os.environ.get("NO_COLOR")
    else:
        colored = color == "always"
    encoding = (getattr(out, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    return Look(
        width=max(width, 40) if width is not None else None,
        color=colored,
        unicode=encoding.startswith("utf"),
        quiet=quiet,
        statistics=statistics,
        show_unknown=show_unknown,
    )
