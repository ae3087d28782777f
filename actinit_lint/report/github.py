"""GitHub workflow commands, which become annotations on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from actinit_lint.outcome import Outcome
from actinit_lint.report.look import Look
from actinit_lint.report.words import printable

if TYPE_CHECKING:
    from actinit_lint.finding import Finding

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(outcome: Outcome, out: TextIO, look: Look) -> None:
    out.writelines(look.safe(command(finding)) + "\n" for finding in outcome.shown)


def command(finding: Finding) -> str:
    """One workflow command. Columns are left out of spans over several lines, which GitHub would refuse."""
    span = finding.span
    properties: dict[str, object] = {"file": printable(span.path)}
    text = finding.message if finding.help is None else f"{finding.message}\n{finding.help}"
    if span.cell is not None:  # GitHub would count the lines of the notebook's file
        text = f"cell {span.cell}, line {span.line}: {text}"
    else:
        properties.update(line=span.line, endLine=span.end_line)
        if span.line == span.end_line:
            properties.update(col=span.column, endColumn=span.end_column)
    properties["title"] = f"{finding.code} {finding.name}"
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    lines = "\n".join(printable(line) for line in text.splitlines())
    return f"::{_COMMANDS[finding.level]} {written}::{_data(lines)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
