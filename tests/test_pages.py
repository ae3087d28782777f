"""Every fenced Python example of every page goes through the real engine."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from actinit_lint.cli import main
from actinit_lint.pages import Page, pages

FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r"# (error|warning|info): \[(ACT\d{3})\]")
LEVELS = ("info", "warning", "error")


class Example(NamedTuple):
    page: Page
    number: int
    code: str

    @property
    def marks(self) -> dict[int, str]:
        """Marked lines with the word of the marker."""
        lines = enumerate(self.code.splitlines(), 1)
        found = ((line, MARKER.search(text)) for line, text in lines)
        return {line: match.group(1) for line, match in found if match and match.group(2) == self.page.code}

    def __str__(self) -> str:
        does = "is reported where marked" if self.marks else "is clean"
        return f"{self.page.code} example {self.number} {does}"


def examples() -> Iterator[Example]:
    for page in pages().values():
        for number, match in enumerate(FENCE.finditer(page.body), 1):
            yield Example(page, number, match.group(1))


def findings(file: Path) -> list[dict[str, Any]]:
    out, err = io.StringIO(), io.StringIO()
    argv = ["check", "--isolated", "--no-cache", "--output-format", "json", "--level", "info", "--exit-zero", str(file)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(argv)
    assert code == 0, err.getvalue()
    found: list[dict[str, Any]] = json.loads(out.getvalue())["findings"]
    return found


def lines_of(span: dict[str, Any]) -> range:
    return range(span["line"], span["end_line"] + 1)


@pytest.mark.parametrize("example", list(examples()), ids=str)
def test_page(example: Example, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(example.code, encoding="utf-8")
    found = findings(file)
    assert [one["message"] for one in found if one["code"] in ("ACT000", "ACT900")] == []
    own = [one for one in found if one["code"] == example.page.code]
    assert [one["message"] for one in own if "None" in f"{one['message']} {one['help'] or ''}"] == []
    unmarked = [one for one in own if not example.marks.keys() & set(lines_of(one))]
    assert [(one["line"], one["message"]) for one in unmarked] == []
    for line, word in example.marks.items():
        here = [one["severity"] for one in own if any(line in lines_of(span) for span in (one, *one["related"]))]
        assert here, f"line {line} is marked, but nothing is reported there"
        if word == "error":  # at the page's level or above
            assert max(map(LEVELS.index, here)) >= LEVELS.index(example.page.matter.level), (line, here)
        else:
            assert word in here, (line, here)
