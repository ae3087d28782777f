"""What a person did that cannot work: said in one line, never with a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class UserProblem(Exception):
    """A bad option, setting, rule name or path. Its text is the whole message; the exit code is 2."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """` (did you mean "x"?)` for the valid word closest to `word`, or nothing when none is close."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f' (did you mean "{close[0]}"?)' if close else ""
