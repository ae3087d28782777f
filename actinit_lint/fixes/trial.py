"""Trying patches in memory: whether the findings are gone that they are for, and no other has come."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from actinit_lint.checking import run_checks
from actinit_lint.engine import no_progress
from actinit_lint.finding import Finding
from actinit_lint.fixes.imports import imports
from actinit_lint.fixes.patch import Patch, apply
from actinit_lint.follow import follow
from actinit_lint.model import FileFacts
from actinit_lint.pages import pages
from actinit_lint.program import Program, SyntaxProblem, parse
from actinit_lint.selection import Selection
from actinit_lint.settings import Configuration
from actinit_lint.source.source import interpreter_complaint

#: Rule, file, model and layer of a hit.
About = tuple[str, str, str | None, str | None]
#: A finding and what would cure it.
Proposal = tuple[Finding, list[Patch]]


class Trial:
    """The run as it stands: its programs, texts and hits, of every rule and level."""

    def __init__(
        self,
        programs: Mapping[str, Program],
        texts: Mapping[str, str],
        facts: Sequence[FileFacts],
        configuration: Configuration,
    ) -> None:
        settings = configuration.settings
        self._programs, self._texts = programs, texts
        self._wrappers: dict[str, Any] = {n: msgspec.to_builtins(w) for n, w in settings.wrappers.items()}
        self._configuration = configuration
        everything = msgspec.structs.replace(configuration, selectors=(("select", 0, "ALL"),))
        self._selection = Selection(everything, {code: page.name for code, page in pages().items()})
        self._before = {frozenset(programs): self._hits(facts)}  # by the files that are followed
        self._importers = _importers(programs) if len(programs) >= MANY else None
        self._left = MOST_FOLLOWED  # files that may still be followed again

    def _hits(self, facts: Sequence[FileFacts]) -> Counter[About]:
        """How many places each rule reports for each layer."""
        found = run_checks(facts, self._selection, self._configuration, no_progress).found
        return Counter(about for about, _ in {((c, h.at.path, h.model, h.layer), h.at) for c, h in found})

    def good(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """The proposals that do what they promise, tried together first and apart where that goes wrong."""
        if not proposals or self._holds(proposals):
            return list(proposals)
        if len(proposals) == 1:
            return []
        half = len(proposals) // 2
        return [*self.good(proposals[:half]), *self.good(proposals[half:])]

    def _holds(self, proposals: Iterable[Proposal]) -> bool:
        changed: dict[str, list[Patch]] = {}
        gone: Counter[About] = Counter()
        for finding, patches in proposals:
            path = finding.span.path
            changed.setdefault(path, []).extend(patches)
            gone.update((finding.code, path, model, layer) for model, layer in finding.about)
        scope = self._scope(changed)
        if not self._affords(scope):
            return False  # fewer proposals may be seen by fewer files
        before = self._before_in(scope)
        if any(before[about] < number for about, number in gone.items()):
            scope = frozenset(self._programs)
            if not self._affords(scope):
                return False
            before = self._before_in(scope)
        programs = {path: self._programs[path] for path in scope}
        for path, patches in changed.items():
            text = apply(self._texts[path], patches)
            if interpreter_complaint(text) is not None and interpreter_complaint(self._texts[path]) is None:
                return False
            try:
                programs[path] = parse(text, path)
            except SyntaxProblem:
                return False
        facts = self._follow(programs, scope)
        if any(file.errors for file in facts):
            return False
        after = self._hits(facts)
        if after - before:
            return False
        return all(after[about] <= before[about] - number for about, number in gone.items())

    def _affords(self, scope: Collection[str]) -> bool:
        """Whether so many files may be followed again; of a small project always."""
        if self._importers is None:
            return True
        if len(scope) > self._left:
            return False
        self._left -= len(scope)
        return True

    def _follow(self, programs: Mapping[str, Program], scope: Collection[str]) -> list[FileFacts]:
        spare = {path: program for path, program in self._programs.items() if path not in scope}
        ordered = {path: programs[path] for path in self._programs if path in scope}
        return follow(ordered, self._wrappers, spare=spare)

    def _before_in(self, scope: frozenset[str]) -> Counter[About]:
        if scope not in self._before:
            self._before[scope] = self._hits(self._follow(self._programs, scope))
        return self._before[scope]

    def _scope(self, changed: Iterable[str]) -> frozenset[str]:
        """The changed files and all that import them, directly or not; all files of a small project."""
        if self._importers is None:
            return frozenset(self._programs)
        found: set[str] = set()
        stack = list(changed)
        while stack:
            path = stack.pop()
            if path not in found:
                found.add(path)
                stack.extend(self._importers.get(_module_name(path), ()))
        return frozenset(found)


#: From so many files on, only those that can see a change are followed again.
MANY = 20
#: Files of larger projects that are followed again in all, before the rest of the proposals is given up: a fix that
#: nobody asked for may not cost more than the findings.
MOST_FOLLOWED = 500


def _module_name(path: str) -> str:
    """The last part of a file's dotted name."""
    folder, file = os.path.split(path)
    stem = file.rpartition(".")[0]
    return os.path.basename(os.path.abspath(folder)) if stem == "__init__" else stem


def _importers(programs: Mapping[str, Program]) -> dict[str, list[str]]:
    """Last part of a module's name -> files that import something of such a name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, program in programs.items():
        for name in {part for imported in imports(program) for part in imported.split(".")}:
            found[name].append(path)
    return found
