"""IPython's additions to Python, replaced line by line by something neutral, so that a cell can be parsed as Python.

Every line stays where it is, and so does every column of the Python that is left. What a magic gives to a variable is
not known: `files = !ls` becomes `files = ...`. The grammar is that of IPython.core.inputtransformer2 (IPython 9).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

#: Cell magics whose body runs as Python in the notebook's own namespace.
PYTHON_BODIES = frozenset((
    "capture", "debug", "ipytest", "lprun", "memit", "mprun", "prun", "pyinstrument", "scalene", "snakeviz", "time",
    "timeit", "wandb",
))  # fmt: skip
#: Cell magics that write their body to a file, which is looked at when it is Python.
WRITERS = frozenset(("file", "writefile"))

_CELL_MAGIC = re.compile(r"%%(\w+)[ \t]*(.*)")
_TIMED = re.compile(r"%time[ \t]+(?=\S)")
_COMPOUND = re.compile(r"(?:async|class|def|for|if|match|try|while|with)\b|[%!?@]")
#: Words that IPython runs as magics without their sign, followed by something that no expression goes on with.
_BARE = re.compile(
    r"(?:cat|cd|conda|cp|ls|mamba|mkdir|mv|pip3?|rm|rmdir|uv)[ \t]+"
    r"(?!(?:and|for|if|in|is|not|or)\b)(?:-{0,2}[A-Za-z_.~/]|[\"'$])"
)
_HELP = re.compile(r"[^#'\"]*[\w*\])]\?{1,2}[ \t]*$")
_ESCAPES = ("%", "!", "?", ",", ";", "/")  # no statement of Python starts with one of these
_MARK = re.compile(
    r"#|\"\"\"|'''|\"|'|(?P<open>[\[({])|(?P<close>[\])}])|(?<![=!<>])=(?P<given>[ \t]*(?:%(?=[A-Za-z_])|!(?=\S)))"
)
_REST_OF_STRING = {
    '"': re.compile(r'(?:[^\\"]|\\.)*"'),
    "'": re.compile(r"(?:[^\\']|\\.)*'"),
    '"""': re.compile(r'(?:[^\\]|\\.)*?"""'),
    "'''": re.compile(r"(?:[^\\]|\\.)*?'''"),
}


class _Inside(Struct):
    """What a line starts in: brackets, a string, or a line that a backslash goes on with."""

    brackets: int = 0
    quote: str = ""
    continued: bool = False

    def __bool__(self) -> bool:
        return bool(self.brackets or self.quote or self.continued)


def without_magics(lines: Sequence[str]) -> list[str]:
    """As many lines of Python as there were lines of IPython."""
    for index, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        magic = _CELL_MAGIC.match(line)
        if magic is None:
            break
        body = lines[index + 1 :]
        if magic[1] in PYTHON_BODIES or (magic[1] in WRITERS and magic[2].strip("\"' \t").endswith(".py")):
            return [*lines[:index], "pass", *without_magics(body)]
        return [*lines[:index], "pass", *("" for _ in body)]
    return _without_line_magics(lines)


def _without_line_magics(lines: Sequence[str]) -> list[str]:
    inside = _Inside()
    done: list[str] = []
    command = False  # a magic that goes on behind a backslash
    for line in lines:
        if command:
            done.append("")
        elif not inside and _is_escape(line):
            indent = line[: len(line) - len(line.lstrip())]
            timed = _TIMED.match(line, len(indent))
            if timed and not _COMPOUND.match(line, timed.end()):
                # `%time model = build()` runs its statement here
                done.append(_scan(indent + "0;".ljust(len(timed[0])) + line[timed.end() :], inside))
                continue
            done.append(indent + "pass")
        else:
            done.append(_scan(line, inside))
            if done[-1] == line:
                continue
        command = line.rstrip().endswith("\\")
    return done


def _is_escape(line: str) -> bool:
    text = line.lstrip()
    return text.startswith(_ESCAPES) or bool(_HELP.match(text)) or bool(_BARE.match(text))


def _scan(line: str, inside: _Inside) -> str:
    """Note what the next line starts in; the line itself, without what a magic is to give to a variable."""
    inside.continued = False
    position = 0
    while True:
        if inside.quote:
            rest = _REST_OF_STRING[inside.quote].match(line, position)
            if rest is None:
                if len(inside.quote) == 1 and not line.endswith("\\"):
                    inside.quote = ""  # an error of the writer's, which ends with the line
                return line
            inside.quote, position = "", rest.end()
        mark = _MARK.search(line, position)
        if mark is None or mark[0] == "#":
            inside.continued = mark is None and line.endswith("\\")
            return line
        position = mark.end()
        if mark["open"]:
            inside.brackets += 1
        elif mark["close"]:
            inside.brackets = max(inside.brackets - 1, 0)
        elif mark["given"] is None:
            inside.quote = mark[0]
        elif not inside.brackets:
            return line[: mark.start() + 1] + " ..."
