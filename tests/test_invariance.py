"""The same model in other words has the same findings, however it is named, ordered, split or spelled.

The material is the Python of the rule pages and of tests/follow; with ACTINIT_CASES in the environment, also all model
files below that folder.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from actinit_lint.pages import pages
from tests import transformations as change
from tests.command import actinit_lint, write

FENCE = re.compile(r"^```python[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
IGNORE = "actinit: ignore"  # comments are not kept
Rewritten = str | dict[str, str] | None

TRANSFORMATIONS: dict[str, Callable[[str], Rewritten]] = {
    "printed by Python": change.plain,
    "with other names": change.renamed,
    "in another order": change.reordered,
    "in two files": change.split,
    "with relu as a function": change.functional,
    "with relu as a method": change.spelled(change.as_method),
    "with torch's relu": change.spelled(change.as_function),
    "with clamp for relu": change.spelled(change.as_clamp),
    "with imported names": change.imported_by_name,
    "with parts made in a method": change.in_methods,
    "with activations as layers": change.with_activation_layers,
}


def material() -> Iterator[tuple[str, list[str]]]:
    """A title and the files that come from one place."""
    for code, page in pages().items():
        yield code, FENCE.findall(page.body)
    for file in sorted((Path(__file__).parent / "follow").glob("*.md")):
        yield file.stem, FENCE.findall(file.read_text(encoding="utf-8"))
    cases = os.environ.get("ACTINIT_CASES")
    if cases:
        for file in sorted(Path(cases).rglob("*.py")):
            yield str(file.relative_to(cases)), [file.read_text(encoding="utf-8")]


MATERIAL = dict(material())


def findings(files: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """Codes and levels of a program in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), dict(files))
        options = ("--isolated", "--no-cache", "--output-format", "json", "--level", "info", "--exit-zero")
        result = actinit_lint("check", *options, "--min-confidence", "low", folder)
    assert result.code == 0, result.err
    return Counter((finding["code"], finding["severity"]) for finding in result.json["findings"])


@cache
def as_it_is(code: str) -> Counter[tuple[str, str]]:
    return findings({"main.py": code})


@pytest.mark.parametrize("title", MATERIAL)
@pytest.mark.parametrize("how", TRANSFORMATIONS)
def test_findings_stay(how: str, title: str) -> None:
    for code in MATERIAL[title]:
        new = None if IGNORE in code else TRANSFORMATIONS[how](code)
        if new is not None:
            files = new if isinstance(new, dict) else {"main.py": new}
            assert findings(files) == as_it_is(code), "\n".join(files.values())


@pytest.mark.parametrize("how", TRANSFORMATIONS)
def test_the_material_has_what_is_rewritten(how: str) -> None:
    changed = [code for codes in MATERIAL.values() for code in codes if TRANSFORMATIONS[how](code)]
    assert any(as_it_is(code) for code in changed)
    assert len(changed) > 9
