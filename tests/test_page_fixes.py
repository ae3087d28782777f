"""Fixes of the pages' examples: exactly what the pages show, and always what a fix promises."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command import Result, actinit_lint
from test_pages import MARKER, Example, examples

from actinit_lint.pages import Page, pages

EXAMPLE_AND_DIFF = re.compile(r"^```python\n([^`]*?)^```\n\n```diff\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    page: Page
    code: str
    difference: list[str]

    def __str__(self) -> str:
        return f"{self.page.code} is fixed as its page shows"


def shown() -> Iterator[Shown]:
    for page in pages().values():
        for match in EXAMPLE_AND_DIFF.finditer(page.body):
            yield Shown(page, match.group(1), match.group(2).splitlines())


def check(file: Path, *options: str) -> Result:
    argv = ["check", "--isolated", "--no-cache", "--level", "info", *options, str(file)]
    result = actinit_lint(*argv)
    assert result.code in (0, 1), result.err
    return result


@pytest.mark.parametrize("example", list(shown()), ids=str)
def test_diff_fence(example: Shown, tmp_path: Path) -> None:
    """The lines of a diff fence behind an example are those that the rule's fix changes, marks aside."""
    file = tmp_path / "example.py"
    file.write_text(example.code, encoding="utf-8")
    lines = check(file, "--diff", "--unsafe-fixes", "--select", example.page.code).out.splitlines()[2:]
    changed = [line for line in lines if line.startswith(("-", "+"))]
    assert [re.sub(rf"\s*{MARKER.pattern}$", "", line) for line in changed] == example.difference


@pytest.mark.parametrize("page", [page for page in pages().values() if page.matter.check], ids=lambda page: page.code)
def test_a_page_shows_a_fix_where_its_rule_has_one(page: Page) -> None:
    assert bool(EXAMPLE_AND_DIFF.search(page.body)) == (page.matter.fix != "none")


def keys(findings: list[dict[str, Any]]) -> Counter[tuple[str, str | None, str | None]]:
    return Counter((one["code"], one["model"], one["layer"]) for one in findings)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: f"{example.page.code} {example.number}")
def test_promises(example: Example, tmp_path: Path) -> None:
    """What is fixed is gone, nothing new has come, only the lines of the fix have changed, and once is enough."""
    file = tmp_path / "example.py"
    file.write_text(example.code, encoding="utf-8")
    before = check(file, "--output-format", "json").json["findings"]
    fixable = [one for one in before if one["fix"] is not None]
    if not fixable:
        check(file, "--fix", "--unsafe-fixes")
        assert file.read_text(encoding="utf-8") == example.code
        return
    assert {one["fix"]["safety"] for one in fixable} <= {"safe", "unsafe"}
    after = check(file, "--fix", "--unsafe-fixes", "--output-format", "json").json["findings"]
    text = file.read_text(encoding="utf-8")
    compile(text, "example.py", "exec", dont_inherit=True)
    assert not keys(after) - keys(before)
    assert all(one["fix"] is None for one in after)
    for key, number in keys(fixable).items():
        assert keys(after)[key] <= keys(before)[key] - number
    named = {line for one in fixable for e in one["fix"]["edits"] for line in range(e["line"], e["end_line"] + 1)}
    assert changed_lines(example.code, text) <= named
    check(file, "--fix", "--unsafe-fixes")
    assert file.read_text(encoding="utf-8") == text


def changed_lines(before: str, after: str) -> set[int]:
    """Lines of the text before that are different after; of what is put in, the line that it stands behind."""
    changed: set[int] = set()
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    for tag, start, end, _, _ in matcher.get_opcodes():
        if tag == "insert":
            changed.add(start)
        elif tag != "equal":
            changed.update(range(start + 1, end + 1))
    return changed
