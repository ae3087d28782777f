"""Facts to hits: every selected check sees every fact of its kinds. A check that raises is a finding of its own."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actinit_lint.model import FileFacts
from actinit_lint.pages import Page, pages
from actinit_lint.rule import Check, Hit
from actinit_lint.selection import Selection
from actinit_lint.settings import Configuration


@dataclass(frozen=True, slots=True)
class Crash:
    """An exception in a check or a stage, in one line."""

    stage: str
    path: str
    problem: str


@dataclass(slots=True)
class Hits:
    found: list[tuple[str, Hit]] = field(default_factory=list)  # (code, hit)
    crashes: list[Crash] = field(default_factory=list)


def describe(error: Exception) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def run_checks(
    facts: Sequence[FileFacts],
    selection: Selection,
    configuration: Configuration,
    progress: Callable[[str, int, int], None],
) -> Hits:
    """Hits of all files, in the order of files, facts and rules."""
    hits = Hits()
    by_kind: dict[type, list[tuple[Page, Check, Mapping[str, Any]]]] = defaultdict(list)
    for page, check, options in _load(selection, configuration, hits, facts[0].path if facts else ""):
        for kind in getattr(check, "kinds", ()):
            by_kind[kind].append((page, check, options))
    failed: set[tuple[str, str]] = set()
    for index, file in enumerate(facts):
        progress("checking", index, len(facts))
        for fact in file.facts:
            for page, check, options in by_kind.get(type(fact), ()):
                try:
                    hits.found.extend((page.code, hit) for hit in list(check(fact, options)))
                except Exception as error:
                    if (page.code, file.path) not in failed:
                        failed.add((page.code, file.path))
                        hits.crashes.append(Crash(f"rule {page.code}", file.path, describe(error)))
    return hits


def _load(
    selection: Selection, configuration: Configuration, hits: Hits, path: str
) -> Iterator[tuple[Page, Check, Mapping[str, Any]]]:
    """The selected checks with their pages and options."""
    for page in pages().values():
        if not selection.selected(page.code) or not has_check(page):
            continue
        try:
            check: Check = importlib.import_module(f"actinit_lint.checks.{page.stem}").check
            options = {**page.matter.options, **configuration.settings.rules.get(page.name, {})}
        except Exception as error:
            hits.crashes.append(Crash(f"loading rule {page.code}", path, describe(error)))
            continue
        yield page, check, options


def has_check(page: Page) -> bool:
    """Whether a module of the page's stem exists, without importing it."""
    return (Path(__file__).parent / "checks" / f"{page.stem}.py").is_file()
