"""How a process ended, in one line that says what to do."""

from __future__ import annotations

import os
import re

from actinit_lint.probe.cage import UNANSWERED, Ended
from actinit_lint.probe.subject import LIMIT_OPTIONS, Limits


def explain(ended: Ended, limits: Limits, path: str) -> str:
    where = _where(ended.frames, path)
    inside = f" ({where})" if where else ""
    match ended.how:
        case "time":
            return f"no result after {limits.seconds:g} s{inside}; {_raises('seconds')}"
        case "memory":
            return f"used more than {limits.memory_mb} MB{inside}; {_raises('memory_mb')}"
        case "processes":
            return f"started more than {limits.processes} processes; {_raises('processes')}"
        case "signal":
            return f"the probe process ended with {ended.value}{inside}"
        case "exit" if ended.value == UNANSWERED:
            return "the code closed the probe's own pipe"
        case "exit":
            return f"the code called os._exit({ended.value})"
        case "raised":
            return raised(str(ended.value), limits)
    return "the run was abandoned"


def raised(text: str, limits: Limits) -> str:
    """An error that no one caught."""
    if text.startswith("SystemExit"):
        return f"the code called sys.exit({text.partition(': ')[2]})"
    return limit_reached(text, limits) or text


def limit_reached(text: str, limits: Limits) -> str | None:
    """What an error says that a limit has caused; None for others."""
    if re.match(r"MemoryError|.*(can't allocate memory|not enough memory|std::bad_alloc)", text):
        return f"used more than {limits.memory_mb} MB; {_raises('memory_mb')}"
    if "Errno 27" in text:
        return f"wrote a file over {limits.file_mb} MB; {_raises('file_mb')}"
    return None


def _raises(limit: str) -> str:
    return f"{LIMIT_OPTIONS[limit]} raises that"


def _where(frames: list[tuple[str, int, str]], path: str) -> str | None:
    """The innermost frame of the user's own files: `in forward, models.py:88`."""
    folder = os.path.dirname(os.path.abspath(path)) + os.sep
    for file, line, name in frames:
        if file.startswith(folder) and "site-packages" not in file:
            return (
                f"in {name}, {os.path.basename(file)}:{line}"
                if name != "<module>"
                else f"at {os.path.basename(file)}:{line}"
            )
    return None
