"""Which reports are written, and where to."""

from __future__ import annotations

import importlib
import io
import sys
from typing import TextIO

from msgspec import Struct

from actinit_lint.outcome import Outcome
from actinit_lint.problem import UserProblem, nearest
from actinit_lint.report.look import look_for
from actinit_lint.settings import Settings

FORMATS = {
    "full": "full",
    "concise": "concise",
    "grouped": "grouped",
    "json": "json",
    "json-lines": "json",
    "github": "github",
    "gitlab": "gitlab",
    "junit": "junit",
    "sarif": "sarif",
}
LATER = ("html",)


class Destination(Struct, frozen=True):
    """A format, and the file it goes to (None: standard output)."""

    format: str
    file: str | None = None


def destinations(settings: Settings) -> list[Destination]:
    """The outputs that were asked for. At most one goes to standard output."""
    result = []
    for value in settings.output_format:
        name, _, file = value.partition(":")
        if name in LATER:
            raise UserProblem(f'output format "{name}" is not available in this version')
        if name not in FORMATS:
            raise UserProblem(f'unknown output format "{name}"{nearest(name, FORMATS)}; one of {", ".join(FORMATS)}')
        result.append(Destination(name, file or settings.output_file))
    shared = [output for output in result if output.file is None]
    if len(shared) > 1:
        raise UserProblem(
            f"formats {shared[0].format} and {shared[1].format} would both go to standard output; "
            f"give one a file: --output-format {shared[1].format}:FILE"
        )
    files = [output.file for output in result if output.file is not None]
    if len(set(files)) < len(files):
        raise UserProblem("two output formats would be written to one file; give each its own FORMAT:FILE")
    return result


def write(outcome: Outcome, settings: Settings, destination: Destination, quiet: bool = False) -> None:
    """Render one report to its destination; a file is replaced when the whole report is there, or left as it was."""
    if destination.file is None:
        _render(outcome, settings, destination.format, sys.stdout, quiet)
        sys.stdout.flush()
        return
    from actinit_lint.atomic import write_file

    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="\n")
    _render(outcome, settings, destination.format, out, quiet)
    out.flush()
    write_file(destination.file, raw.getvalue())


def _render(outcome: Outcome, settings: Settings, name: str, out: TextIO, quiet: bool) -> None:
    color = settings.color if out is sys.stdout else "never"
    look = look_for(out, color, quiet=quiet, statistics=settings.statistics, show_unknown=settings.show_unknown)
    module = importlib.import_module(f"actinit_lint.report.{FORMATS[name]}")
    render = module.render_lines if name == "json-lines" else module.render
    render(outcome, out, look)
